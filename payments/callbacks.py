"""Where M-Pesa calls back: verify, store, answer; nothing else (CB-1, ruling 4).

The verdict is given before the body is stored, the body is stored before the answer, and a worker reads it later.
A forgery is refused, kept up to a cap, and a security event; so is, capped too, what proves itself but comes from an
address off the list, which is kept whatever the cap says.

`receive` is all of it, and knows no framework. The views below lead to it. In the processes that take nothing else
`config.hook_door` stores by itself what needs nothing more than that (`row_of`), and leaves all others to the views.
"""

import re
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from audit import trail
from lib import clock, wake
from lib.addresses import client_address
from payments import calls, sealing, storing, verdicts
from payments.models import Callback

log = structlog.get_logger(__name__)
DRAIN = "payments.drain_inbox"  # the task that reads what is stored
HOOKS = "/hooks/"  # what is kept of a payment's own address: its token is a secret
JSON = "application/json"
_KEPT_A_MINUTE = 20
_LENGTH = re.compile("[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Arrived:
    """What was posted. `token` is None at a documented address; of `body` at most one byte more than is allowed is read.

    `length` is what the caller says it is, if anything.
    """

    path: str
    token: str | None
    signature: str | None
    address: str | None
    length: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """JSON, and its status."""

    status: int
    body: bytes


THANKS = Answer(200, b'{"ResultCode": 0, "ResultDesc": "Success"}')
_REJECTED = Answer(403, b'{"ResultCode": 1, "ResultDesc": "Rejected"}')
_TOO_LARGE = Answer(413, b'{"ResultCode": 1, "ResultDesc": "Body too large"}')


def receive(arrived: Arrived, *, now: datetime) -> Answer:
    """Judge and store it. Raises a database's error where it may not be stored: then it must not be acknowledged."""
    if len(arrived.body) > settings.CALLBACK_MAX_BYTES:
        return _too_large(arrived, now)
    judged = _judge(arrived)
    if judged.verdict == Callback.Verdict.FORGED:
        return _forged(judged, arrived, now)
    storing.store(_row(judged, arrived, now))
    wake.wake_often(DRAIN)
    if judged.reason == verdicts.OFF_LIST:
        _security_event("callback_off_list", arrived, {"path": arrived.path}, now)
    return THANKS


def row_of(arrived: Arrived, *, now: datetime) -> storing.Row | None:
    """What is to be stored, woken for and thanked for, and nothing else; None where `receive` has more to do, or less."""
    if len(arrived.body) > settings.CALLBACK_MAX_BYTES:
        return None
    judged = _judge(arrived)
    if judged.verdict == Callback.Verdict.FORGED or judged.reason == verdicts.OFF_LIST:
        return None
    return _row(judged, arrived, now)


# --- Django's door ---------------------------------------------------------------------------------------------------


@csrf_exempt
@require_POST
def hook(request: HttpRequest, token: str) -> HttpResponse:
    """A payment's own callback URL."""
    return _answered(request, token, path=HOOKS)


@csrf_exempt
@require_POST
def documented(request: HttpRequest) -> HttpResponse:
    """A documented fixed callback URL."""
    return _answered(request, None, path=request.path)


def _answered(request: HttpRequest, token: str | None, *, path: str) -> HttpResponse:
    arrived = Arrived(
        path=path,
        token=token,
        signature=request.headers.get("x-mpesa-signature"),
        address=client_address(request.META, settings.TRUSTED_PROXIES),
        length=request.META.get("CONTENT_LENGTH") or "",
        body=_read(request),
    )
    answer = receive(arrived, now=clock.now())
    return HttpResponse(answer.body, status=answer.status, content_type=JSON)


def _read(request: HttpRequest) -> bytes:
    """One byte more than is allowed tells that it is too large. Django reads nothing of a chunked body under WSGI."""
    limit = settings.CALLBACK_MAX_BYTES + 1
    environ = getattr(request, "environ", {})
    chunked = not request.META.get("CONTENT_LENGTH") and environ.get("wsgi.input_terminated")
    stream = environ["wsgi.input"] if chunked else request
    body = bytes(stream.read(limit))
    length = request.META.get("CONTENT_LENGTH") or ""
    if _LENGTH.fullmatch(length) and len(body) < min(int(length), limit):
        raise BadRequest("The caller went before the end of the body.")  # WSGI's servers hand over what there is
    return body


# --- Storing ---------------------------------------------------------------------------------------------------------


def _judge(arrived: Arrived) -> verdicts.Judged:
    if arrived.token is not None:
        return verdicts.by_token(arrived.token, address=arrived.address)
    return verdicts.by_signature(arrived.body, arrived.signature, address=arrived.address)


def _row(judged: verdicts.Judged, arrived: Arrived, now: datetime) -> storing.Row:
    forged = judged.verdict == Callback.Verdict.FORGED
    return storing.Row(
        environment=judged.environment,
        payment_id=judged.payment_id,
        submission=judged.submission,
        verdict=judged.verdict,
        verdict_reason=judged.reason,
        path=arrived.path[:80],
        address=arrived.address,
        body_sealed=sealing.seal(arrived.body, context=calls.CONTEXT),
        size=len(arrived.body),
        received_at=now,
        state=Callback.State.DONE if forged else Callback.State.WAITING,
        next_attempt_at=now,
    )


def _forged(judged: verdicts.Judged, arrived: Arrived, now: datetime) -> Answer:
    if _is_written_down("callback_forged", arrived.address):
        storing.store(_row(judged, arrived, now))
        _security("callback_forged", arrived, {"path": arrived.path, "reason": judged.reason}, now)
    return _REJECTED


def _too_large(arrived: Arrived, now: datetime) -> Answer:
    size = arrived.length or "unknown"
    _security_event("callback_too_large", arrived, {"path": arrived.path, "size": size[:20]}, now)
    return _TOO_LARGE


def _security_event(event: str, arrived: Arrived, data: dict[str, str], now: datetime) -> None:
    if _is_written_down(event, arrived.address):
        _security(event, arrived, data, now)


def _is_written_down(event: str, address: str | None) -> bool:
    """A stranger decides how many there are, we how many are written down: so many of a kind per address and minute.

    Those beyond are answered all the same, and stand in the log. Without Redis all are written down.
    """
    key = f"{event}:{address}"
    try:
        cache.add(key, 0, timeout=60)
        kept = bool(cache.incr(key) <= _KEPT_A_MINUTE)
    except Exception:
        return True
    if not kept:
        log.warning("callback.not_kept", event_kind=event, address=address)
    return kept


def _security(event: str, arrived: Arrived, data: dict[str, str], now: datetime) -> None:
    trail.security(event=event, subject=f"address:{arrived.address}", data=data, at=now)
