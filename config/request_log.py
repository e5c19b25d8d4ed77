"""One line a request: what was asked, how it ended, how long it took, and an id that all its other lines carry.

Query strings are never logged, bodies only with DEBUG_BODIES, and everything is masked (config/masking.py).
"""

import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from urllib.parse import unquote_plus

import structlog
from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from django.utils.functional import LazyObject

from config import logs

log = structlog.get_logger("http")
_level = logging.getLogger("http")
_GIVEN_ID = re.compile(r"[A-Za-z0-9\-]{8,64}")
_LENGTH = re.compile(r"0{0,9}[1-9][0-9]{0,8}")  # str.isdigit() knows digits that int() does not
_UNINTERESTING = ("/static/", "/health/")
_BODY_SHOWN = 4000
Answer = Callable[[HttpRequest], HttpResponseBase]
AsyncAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def middleware(answer: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    if iscoroutinefunction(answer):

        async def logged_async(request: HttpRequest) -> HttpResponseBase:
            started, body = _begin(request), _body(request)
            return _end(request, await answer(request), started, body)

        return logged_async

    def logged(request: HttpRequest) -> HttpResponseBase:
        started, body = _begin(request), _body(request)
        return _end(request, answer(request), started, body)  # type: ignore[arg-type]

    return logged


def begin(given: str) -> str:
    """The request's id, on all lines until the next begins. A proxy may have given it one already."""
    request_id = given if _GIVEN_ID.fullmatch(given) else secrets.token_hex(8)
    logs.request_id.set(request_id)
    return request_id


def end(what: str, *, status: int, started: float, **facts: object) -> None:
    """The line. `what` is method and path; `started` is of time.perf_counter()."""
    dull = what.partition(" ")[2].startswith(_UNINTERESTING)
    level = logging.ERROR if status >= 500 else logging.DEBUG if dull else logging.INFO
    if _level.isEnabledFor(level):  # asked here, since structlog asks last, after half of its work
        log.log(level, what, status=status, ms=round((time.perf_counter() - started) * 1000, 1), **facts)


def _begin(request: HttpRequest) -> float:
    begin(request.headers.get("X-Request-ID", ""))
    return time.perf_counter()


def _end(request: HttpRequest, response: HttpResponseBase, started: float, body: str) -> HttpResponseBase:
    facts: dict[str, object] = {}
    if user_id := _user_id(request):
        facts["user_id"] = user_id
    if settings.DEBUG_BODIES:
        facts |= {"request": body, "response": _answered(response)}
    end(f"{request.method} {request.path}", status=response.status_code, started=started, **facts)
    response.headers["X-Request-ID"] = logs.request_id.get()
    return response


def _user_id(request: HttpRequest) -> int | None:
    """Only where somebody has looked already: the log itself costs no query."""
    user = vars(request).get("_cached_user") or vars(request).get("user")
    return None if isinstance(user, LazyObject) else getattr(user, "pk", None)


def _body(request: HttpRequest) -> str:
    """Read before the view does, within the limit that the view has too."""
    length = request.headers.get("Content-Length", "0")
    if not settings.DEBUG_BODIES or not _LENGTH.fullmatch(length) or int(length) > settings.CALLBACK_MAX_BYTES:
        return ""
    if (request.content_type or "").startswith("multipart/"):
        return "(files)"
    text = request.body.decode(errors="replace")
    return (unquote_plus(text) if "urlencoded" in (request.content_type or "") else text)[:_BODY_SHOWN]


def _answered(response: HttpResponseBase) -> str:
    kind = response.headers.get("Content-Type", "")
    content = getattr(response, "content", b"")
    return content[:_BODY_SHOWN].decode(errors="replace") if "json" in kind else f"({kind}, {len(content)} bytes)"
