"""Sealing and signing: AES-256-GCM for what must be read again, keyed hashes for what must only be found again.

A `Keyring` holds keys newest first: the first one seals, all of them open, so a key is changed by putting a new
one in front. The context is authenticated with the text, so a sealed value cannot be moved to another row or column.
"""

import hashlib
import hmac
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16


class Unreadable(Exception):
    """The value was sealed with a key that is gone, or was tampered with."""


class Keyring:
    """AES-256-GCM under one or more 32-byte keys, newest first."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError("a keyring needs at least one key of 32 bytes")
        self._ciphers = [AESGCM(key) for key in keys]

    def seal(self, plain: bytes, *, context: str) -> bytes:
        """nonce (12 bytes) + ciphertext + tag (16 bytes)."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, *, context: str) -> bytes:
        """Raises Unreadable."""
        sealed = bytes(sealed)
        if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
            raise Unreadable(context)
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
            except InvalidTag:
                continue
        raise Unreadable(context)


def new_key() -> bytes:
    """32 random bytes."""
    return os.urandom(KEY_BYTES)


def keyed_hash(value: str, *, key: bytes, purpose: str) -> str:
    """64 hex characters of HMAC-SHA256: equal values can be found without being stored in clear."""
    return hmac.new(key, _encoded(f"{purpose}\x00{value}"), hashlib.sha256).hexdigest()


def signature(value: bytes, *, key: bytes) -> bytes:
    """HMAC-SHA256 (32 bytes)."""
    return hmac.digest(key, value, "sha256")


def same(left: bytes | str, right: bytes | str) -> bool:
    """Compare in constant time."""
    left = _encoded(left) if isinstance(left, str) else left
    right = _encoded(right) if isinstance(right, str) else right
    return hmac.compare_digest(left, right)


def _encoded(text: str) -> bytes:
    """UTF-8 that also takes the lone surrogates that a stranger's JSON may hold."""
    return text.encode("utf-8", "surrogatepass")
