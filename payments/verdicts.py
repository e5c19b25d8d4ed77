"""May this callback move money, and for which payment? Given before it is stored (CB-2, ruling 4).

`/hooks/<token>` proves itself by its token; the documented fixed URLs by `x-mpesa-signature`. What carries neither,
or comes from an address off the list, is doubtful: it only makes us ask M-Pesa. A wrong token or signature is a forgery.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from django.conf import settings

from lib import crypto
from lib.addresses import listed
from payments import hooks, merchants
from payments.models import Callback

OFF_LIST = "address off the list"


@dataclass(frozen=True, slots=True)
class Judged:
    """`reason` says in a few words what the verdict comes from."""

    verdict: str
    reason: str
    environment: str
    payment_id: int | None = None
    submission: int = 0


def by_token(token: str, *, address: str | None) -> Judged:
    """Of what was posted to a payment's own address."""
    found = hooks.read(token)
    if found is None:
        return Judged(Callback.Verdict.FORGED, "wrong token", merchants.current_environment())
    verdict, reason = _by_address(address, "token")
    return Judged(verdict, reason, found.environment, found.payment_id, found.submission)


def by_signature(body: bytes, signature: str | None, *, address: str | None) -> Judged:
    """Of what was posted to a documented address."""
    environment = merchants.current_environment()
    if signature is None:
        return Judged(Callback.Verdict.DOUBTFUL, "neither token nor signature", environment)
    if not _signed(body, signature):
        return Judged(Callback.Verdict.FORGED, "wrong signature", environment)
    return Judged(*_by_address(address, "signature"), environment)


def _by_address(address: str | None, proof: str) -> tuple[str, str]:
    """Of what has proven itself."""
    if listed(address, settings.CALLBACK_ALLOWLIST):
        return Callback.Verdict.TRUSTED, proof
    return Callback.Verdict.DOUBTFUL, OFF_LIST


def _signed(body: bytes, signature: str) -> bool:
    """base64(HMAC-SHA256(raw body)) with MPESA_CALLBACK_SECRET; an unset secret accepts none."""
    secret = settings.MPESA.callback_secret
    expected = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    return bool(secret) and crypto.same(expected, signature.encode("utf-8", "replace"))
