"""Where M-Pesa calls back: verify, store, answer; nothing else (CB-1, ruling 4).

The verdict is given before the body is stored, the body is stored before the answer, and a worker reads it later.
`/hooks/<token>` proves itself by its token; the documented fixed URLs by `x-mpesa-signature`. What carries neither,
or comes from an address off the list, is kept and answered, but only makes us ask M-Pesa. A wrong token or signature
is a forgery: refused, kept up to a cap, and a security event.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from audit import trail
from lib import clock, crypto, wake
from lib.addresses import client_address, listed
from payments import calls, hooks, merchants, sealing
from payments.models import Callback

log = structlog.get_logger(__name__)
_KEPT_A_MINUTE = 20
_THANKS = b'{"ResultCode": 0, "ResultDesc": "Success"}'
_INSERT = """
    INSERT INTO payments_callback (kind, environment, payment_id, submission, verdict, verdict_reason, path, address,
        body_sealed, size, received_at, state, attempts, next_attempt_at, outcome, error, checkout_hash)
    VALUES ('STK', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0, %s, '', '', '')
"""


@dataclass(frozen=True, slots=True)
class Judged:
    """May this callback move money, and for which payment?"""

    verdict: str
    reason: str
    environment: str
    payment_id: int | None = None
    submission: int = 0


@csrf_exempt
@require_POST
def hook(request: HttpRequest, token: str) -> HttpResponse:
    """A payment's own callback URL."""
    address = _address(request)
    return _receive(request, _judge_token(token, address), address, path="/hooks/")


@csrf_exempt
@require_POST
def documented(request: HttpRequest) -> HttpResponse:
    """A documented fixed callback URL."""
    return _receive(request, None, _address(request), path=request.path)


def _receive(request: HttpRequest, judged: Judged | None, address: str | None, *, path: str) -> HttpResponse:
    now = clock.now()
    body = _read(request)
    if len(body) > settings.CALLBACK_MAX_BYTES:
        return _too_large(request, address, path, now)
    judged = judged or _judge_signature(body, request.headers.get("x-mpesa-signature"), address)
    if judged.verdict == Callback.Verdict.FORGED:
        return _forged(judged, body, path, address, now)
    _store(judged, body, path, address, now)
    wake.wake_often("payments.drain_inbox")
    return HttpResponse(_THANKS, content_type="application/json")


def _read(request: HttpRequest) -> bytes:
    """One byte more than is allowed tells that it is too large. Django reads nothing of a chunked body under WSGI."""
    limit = settings.CALLBACK_MAX_BYTES + 1
    environ = getattr(request, "environ", {})
    chunked = not request.META.get("CONTENT_LENGTH") and environ.get("wsgi.input_terminated")
    stream = environ["wsgi.input"] if chunked else request
    return bytes(stream.read(limit))


# --- The verdict -----------------------------------------------------------------------------------------------------


def _judge_token(token: str, address: str | None) -> Judged:
    found = hooks.read(token)
    if found is None:
        return Judged(Callback.Verdict.FORGED, "wrong token", merchants.current_environment())
    if not listed(address, settings.CALLBACK_ALLOWLIST):
        verdict, reason = Callback.Verdict.DOUBTFUL, "address off the list"
    else:
        verdict, reason = Callback.Verdict.TRUSTED, "token"
    return Judged(verdict, reason, found.environment, found.payment_id, found.submission)


def _judge_signature(body: bytes, signature: str | None, address: str | None) -> Judged:
    environment = merchants.current_environment()
    if signature is None:
        return Judged(Callback.Verdict.DOUBTFUL, "neither token nor signature", environment)
    if not _signed(body, signature):
        return Judged(Callback.Verdict.FORGED, "wrong signature", environment)
    if not listed(address, settings.CALLBACK_ALLOWLIST):
        return Judged(Callback.Verdict.DOUBTFUL, "address off the list", environment)
    return Judged(Callback.Verdict.TRUSTED, "signature", environment)


def _signed(body: bytes, signature: str) -> bool:
    """base64(HMAC-SHA256(raw body)) with MPESA_CALLBACK_SECRET; an unset secret accepts none."""
    secret = settings.MPESA.callback_secret
    expected = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    return bool(secret) and crypto.same(expected, signature.encode("utf-8", "replace"))


def _address(request: HttpRequest) -> str | None:
    return client_address(request.META, settings.TRUSTED_PROXIES)


# --- Storing ---------------------------------------------------------------------------------------------------------


def _store(judged: Judged, body: bytes, path: str, address: str | None, now: datetime) -> None:
    forged = judged.verdict == Callback.Verdict.FORGED
    state = Callback.State.DONE if forged else Callback.State.WAITING
    values = [
        judged.environment, judged.payment_id, judged.submission, judged.verdict, judged.reason, path[:80], address,
        sealing.seal(body, context=calls.CONTEXT), len(body), now, state, now,
    ]  # fmt: skip
    _insert(values)


def _insert(values: list[Any]) -> None:
    """One statement: it is itself the proof that the connection lives, and tried again on a new one where it does not.

    M-Pesa may not call again, so a restart of the database must not cost the first callback after it. Stored twice
    (the answer to the first was lost) is a duplicate like any other.
    """
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        _execute(values)
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block:
            raise
        connection.close()
        _execute(values)


def _execute(values: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)


def _forged(judged: Judged, body: bytes, path: str, address: str | None, now: datetime) -> JsonResponse:
    if _kept("callback_forged", address):
        _store(judged, body, path, address, now)
        _security("callback_forged", address, {"path": path, "reason": judged.reason}, now)
    return JsonResponse({"ResultCode": 1, "ResultDesc": "Rejected"}, status=403)


def _too_large(request: HttpRequest, address: str | None, path: str, now: datetime) -> JsonResponse:
    size = request.META.get("CONTENT_LENGTH") or "unknown"
    if _kept("callback_too_large", address):
        _security("callback_too_large", address, {"path": path, "size": str(size)[:20]}, now)
    return JsonResponse({"ResultCode": 1, "ResultDesc": "Body too large"}, status=413)


def _kept(event: str, address: str | None) -> bool:
    """A stranger decides how many there are, we how many are written down: so many of a kind per address and minute.

    Those beyond are refused all the same, and stand in the log. Without Redis all are kept.
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


def _security(event: str, address: str | None, data: dict[str, str], now: datetime) -> None:
    trail.security(event=event, subject=f"address:{address}", data=data, at=now)
