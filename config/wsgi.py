"""WSGI: plain HTTP in production (persistent database connections)."""

import codecs
import os
from collections.abc import Callable, Iterable
from email.message import Message
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
_django = get_wsgi_application()

from config import hook_door  # noqa: E402  its views need the applications that Django has just loaded


def pages(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A charset that is no text encoding (`charset=zip`) would break Django's request before anything could answer."""
    if not _is_text(environ.get("CONTENT_TYPE", "")):
        environ = {**environ, "CONTENT_TYPE": environ["CONTENT_TYPE"].partition(";")[0]}
    return _django(environ, start_response)


application = hook_door.before(pages) if settings.HOOKS_ONLY else pages


def _is_text(content_type: str) -> bool:
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
