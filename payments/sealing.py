"""What is sealed at rest, and how it is found again (SEC-4).

A phone is sealed with its owner's own data key (`accounts.keys`); everything that must be readable without knowing
the owner (raw callbacks, calls, CheckoutRequestIDs) with the keys of `DATA_KEYS`. What must be looked up has a keyed
hash beside it: equal values meet, nobody reads them.
"""

import functools

from django.conf import settings

from lib import crypto


@functools.cache
def keyring() -> crypto.Keyring:
    return crypto.Keyring(settings.DATA_KEYS)


def seal(text: str | bytes, *, context: str) -> bytes:
    """Empty stays empty."""
    data = text.encode() if isinstance(text, str) else text
    return keyring().seal(data, context=context) if data else b""


def unseal(sealed: bytes, *, context: str) -> bytes:
    """Raises lib.crypto.Unreadable."""
    return keyring().open(sealed, context=context) if sealed else b""


def checkout_hash(checkout_id: str) -> str:
    """The keyed hash of a CheckoutRequestID; empty stays empty."""
    return crypto.keyed_hash(checkout_id, key=settings.HASH_KEY, purpose="checkout") if checkout_id else ""
