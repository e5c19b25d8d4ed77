"""Log-in limits: axes counts failures per account and address in PostgreSQL, so they hold when Redis is down (SEC-2).

These are the three answers axes asks us for; `settings.AXES_*` names them.
"""

from collections.abc import Mapping

from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from django.db.models import Max
from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.addresses import UNKNOWN, client_address
from accounts.throttle import too_many
from lib import clock
from lib.http import error_body

_WORDS = "Too many failed attempts to log in. Please try again in {minutes} minutes, or reset your password."


def username(request: HttpRequest, credentials: Mapping[str, object] | None) -> str | None:
    """The account that is being tried: the form says `username`, programs say `email`; case does not matter."""
    given = credentials or getattr(request, "data", request.POST)
    text = given.get("username") or given.get("email")
    return str(text).strip().lower() if text else None


def address(request: HttpRequest) -> str | None:
    found = client_address(request)
    return None if found == UNKNOWN else found


def locked_out(request: HttpRequest, *_: object) -> HttpResponse:
    """429 with the seconds that are left, as a page or as JSON.

    What axes passes besides the request differs between its sync and async middleware, so it is not used.
    """
    seconds = seconds_left(request)
    if not request.path.startswith("/api/"):
        return too_many(request, seconds=seconds, login=True)
    message = _WORDS.format(minutes=-(-seconds // 60))
    return JsonResponse(error_body("too_many_attempts", message), status=429, headers={"Retry-After": str(seconds)})


def seconds_left(request: HttpRequest) -> int:
    """Until the last failure that counted is as old as the cool-off time."""
    wait = get_cool_off(request)
    assert wait is not None  # noqa: S101  (settings.AXES_COOLOFF_TIME)
    who = username(request, getattr(request, "axes_credentials", None))
    tried = AccessAttempt.objects.filter(username=who, ip_address=address(request))
    last = tried.aggregate(last=Max("attempt_time"))["last"]
    left = (last + wait - clock.now()) if last else wait
    return max(1, int(left.total_seconds()))


def forgive(user_email: str) -> None:
    """Who proved to own the mailbox may log in at once."""
    AccessAttempt.objects.filter(username=user_email).delete()
