"""A charset that is no text encoding (`charset=zip`) would break Django's request before anything could answer."""

import codecs
from email.message import Message


def is_text(content_type: str) -> bool:
    """Whether Django can read what is so declared."""
    message = Message()
    message["Content-Type"] = content_type
    charset = message.get_param("charset")
    if charset is None:
        return True
    try:
        "".encode(str(charset))
        return codecs.lookup(str(charset)) is not None
    except (LookupError, ValueError, UnicodeError):
        return False


def without(content_type: str) -> str:
    """The same without what it says of a charset, and all else."""
    return content_type.partition(";")[0]
