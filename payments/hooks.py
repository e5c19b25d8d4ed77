"""The address that M-Pesa calls back: one per submission of a payment, and unguessable (ruling 4).

Safaricom signs nothing, but the callback URL is sent with each push: `/hooks/<token>` is therefore the signature that
works with the real M-Pesa. The token is hex, so that it cannot spell a word M-Pesa refuses in URLs:

    kind (2) environment (2) submission (4) payment id (16) | first 128 bits of HMAC-SHA256 over these (32)

Verifying needs no database. `HOOK_KEYS` are a list of their own: the first signs, all verify.
"""

from dataclasses import dataclass

from django.conf import settings

from lib import crypto

_KINDS = {"STK": 1}
_ENVIRONMENTS = {"sandbox": 1, "production": 2}
_KIND_NAMES = {code: name for name, code in _KINDS.items()}
_ENVIRONMENT_NAMES = {code: name for name, code in _ENVIRONMENTS.items()}
_HEAD_BYTES = 12
_MAC_BYTES = 16
TOKEN_LENGTH = 2 * (_HEAD_BYTES + _MAC_BYTES)


@dataclass(frozen=True, slots=True)
class Hook:
    """What a valid token says."""

    kind: str
    environment: str
    payment_id: int
    submission: int


def url(hook: Hook) -> str:
    """The callback URL to send with a push."""
    return f"{settings.PUBLIC_URL}/hooks/{token(hook)}"


def token(hook: Hook) -> str:
    """56 hex characters."""
    head = _head(hook)
    return (head + _mac(head, settings.HOOK_KEYS[0])).hex()


def read(text: str) -> Hook | None:
    """The hook of a token that we signed; None for every other text, the same token spelt otherwise included."""
    if len(text) != TOKEN_LENGTH:
        return None
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        return None
    if len(raw) != _HEAD_BYTES + _MAC_BYTES or raw.hex() != text:
        return None
    head, mac = raw[:_HEAD_BYTES], raw[_HEAD_BYTES:]
    genuine = [crypto.same(mac, _mac(head, key)) for key in settings.HOOK_KEYS]
    return _parse(head) if any(genuine) and head[0] in _KIND_NAMES and head[1] in _ENVIRONMENT_NAMES else None


def _head(hook: Hook) -> bytes:
    codes = bytes([_KINDS[hook.kind], _ENVIRONMENTS[hook.environment]])
    return codes + hook.submission.to_bytes(2, "big") + hook.payment_id.to_bytes(8, "big")


def _mac(head: bytes, key: bytes) -> bytes:
    return crypto.signature(b"hook:" + head, key=key)[:_MAC_BYTES]


def _parse(head: bytes) -> Hook:
    return Hook(
        kind=_KIND_NAMES[head[0]],
        environment=_ENVIRONMENT_NAMES[head[1]],
        submission=int.from_bytes(head[2:4], "big"),
        payment_id=int.from_bytes(head[4:], "big"),
    )
