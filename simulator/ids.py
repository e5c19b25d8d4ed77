"""M-Pesa's identifiers, shaped as in dated samples of today (daraja.md 1.1)."""

import itertools
import secrets
import uuid
from collections.abc import Container
from datetime import datetime

from lib.clock import EAT

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_TOKEN_ALPHABET = _ALPHABET + _ALPHABET[:26].lower()
_FIRST_YEAR = 2006  # "A"
_counter = itertools.count(100_001)


def request_id() -> str:
    """`xxxx-4xxx-yxxx-<12 hex><digits>`: requestId and MerchantRequestID."""
    return f"{str(uuid.uuid4())[9:]}{next(_counter)}"


def checkout_request_id(at: datetime, phone: str, *, taken: Container[str]) -> str:
    """`ws_CO_` + ddMMyyyyHHmmss in East Africa Time + unpadded milliseconds + the last nine digits of the phone."""
    local = at.astimezone(EAT)
    first = local.microsecond // 1000
    for millisecond in itertools.chain(range(first, 1000), range(first)):
        made = f"ws_CO_{local:%d%m%Y%H%M%S}{millisecond}{phone[-9:]}"
        if made not in taken:
            return made
    raise RuntimeError("a thousand pushes to one phone within one second")


def receipt(at: datetime, *, taken: Container[str]) -> str:
    """Ten characters: year (U = 2026), month A-L, day 1-9 then A-V, and seven of the alphabet."""
    local = at.astimezone(EAT)
    day = "0123456789ABCDEFGHIJKLMNOPQRSTUV"[local.day]
    start = _ALPHABET[(local.year - _FIRST_YEAR) % 26] + _ALPHABET[local.month - 1] + day
    while True:
        made = start + "".join(secrets.choice(_ALPHABET) for _ in range(7))
        if made not in taken and not made.endswith("0000000"):
            return made


def access_token() -> str:
    """28 letters and digits."""
    return "".join(secrets.choice(_TOKEN_ALPHABET) for _ in range(28))
