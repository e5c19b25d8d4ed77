"""Every user has a key of their own: what is personal is sealed with it, and gone when it is destroyed (SEC-5).

The key is 32 random bytes, kept wrapped (sealed with `settings.DATA_KEYS`) in `User.data_key`. The phone here and the
phones and bodies of this user's payments are sealed with it. Setting `data_key` to NULL makes all of them unreadable
at once, while the rows stay. Nothing here is cached: erasing acts at once, in every process.

    ring = keyring_of(user_id)                     # one query
    sealed = ring.seal(b"254712345678", context=f"payment:{payment_id}:phone")
    rings = keyrings_of(ids)                       # one query for a list; erased and unknown users are left out
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection

from lib.crypto import Keyring, Unreadable, keyed_hash, new_key

_WRAPPING = "accounts.user.data_key"


Bytes = bytes | memoryview  # what a BinaryField may hold


class Owner(Protocol):
    """A user, as far as sealing goes."""

    @property
    def pk(self) -> int: ...

    @property
    def data_key(self) -> Bytes | None: ...


def new_data_key() -> bytes:
    """A new key, wrapped."""
    return Keyring(settings.DATA_KEYS).seal(new_key(), context=_WRAPPING)


def unwrapped(data_key: Bytes | None) -> Keyring:
    """Raises Unreadable where the key was destroyed."""
    if data_key is None:
        raise Unreadable(_WRAPPING)
    return Keyring([Keyring(settings.DATA_KEYS).open(bytes(data_key), context=_WRAPPING)])


@dataclass(frozen=True, slots=True)
class _Owner:
    pk: int
    data_key: Bytes | None


def owner(user_id: int) -> Owner:
    """A user as far as sealing goes, read now: erasing acts at once. Raises User.DoesNotExist."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT data_key FROM accounts_user WHERE id = %s", [user_id])
        found = cursor.fetchone()
    if found is None:
        raise get_user_model().DoesNotExist
    return _Owner(user_id, found[0])


def keyring_of(user_id: int) -> Keyring:
    """The user's keyring. Raises Unreadable where the user is unknown or erased."""
    rows = get_user_model().objects.filter(pk=user_id).values_list("data_key", flat=True)
    return unwrapped(rows.first())


def keyrings_of(user_ids: Iterable[int]) -> dict[int, Keyring]:
    """Keyrings by user id, in one query; users that are unknown or erased are left out."""
    rows = get_user_model().objects.filter(pk__in=set(user_ids), data_key__isnull=False)
    return {user_id: unwrapped(key) for user_id, key in rows.values_list("pk", "data_key")}


def seal_for(user: Owner, text: str, context: str) -> bytes:
    """Seal with the user's key; what is sealed opens only for the same user and context."""
    return unwrapped(user.data_key).seal(text.encode(), context=f"user:{user.pk}:{context}")


def open_for(user: Owner, sealed: Bytes, context: str) -> str:
    """Raises Unreadable."""
    return unwrapped(user.data_key).open(bytes(sealed), context=f"user:{user.pk}:{context}").decode()


def phone_hash(number: str) -> str:
    """64 hex characters by which a sealed `2547…` number is found again."""
    return keyed_hash(number, key=settings.HASH_KEY, purpose="phone")
