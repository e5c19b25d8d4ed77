"""Open pages of somebody whose log-in ended or became another: they ask at once who they are now, and leave if nobody.

After a log-out, a new password, a closed account, another role. The sockets of pages are kept by an upper room, which
stands in the table WHO_CHANGED. News may be lost: then a page leaves with its next news, as it would have anyhow.
"""

from django.conf import settings
from django.utils.module_loading import import_string


def ask_again(*, user_id: int) -> None:
    """After the commit, all pages of the person: those whose log-in still holds stay."""
    for path in settings.WHO_CHANGED:
        import_string(path)(user_id=user_id)
