"""What a seal is made of: canonical texts and keyed hashes. Pure, so that an export can be checked far from here.

The key (SEAL_KEY) stands outside the database. The hash of an entry covers all of its columns; the head of a seal
covers the head before it and its own columns and hashes, in order:

    mac  = HMAC-SHA256(key, "entry\\n" + canonical(entry))
    head = HMAC-SHA256(key, "seal\\n"  + canonical({position, previous, count, at, macs}))

canonical() is JSON in ASCII with sorted keys and no spaces; times are UTC with microseconds.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from lib.crypto import signature

ENTRY_FIELDS = ("id", "at", "actor", "action", "subject", "environment", "data")


def mac(entry: Mapping[str, object], *, key: bytes) -> str:
    """The keyed hash of one entry (its ENTRY_FIELDS): 64 hex characters."""
    return _keyed("entry", {name: entry[name] for name in ENTRY_FIELDS}, key)


def head(*, position: int, previous: str, at: object, macs: Sequence[str], key: bytes) -> str:
    """The keyed hash of one seal, and through `previous` of all before it: 64 hex characters."""
    value = {"position": position, "previous": previous, "count": len(macs), "at": at, "macs": list(macs)}
    return _keyed("seal", value, key)


def stamp(at: datetime) -> str:
    """2026-11-21T09:30:00.000000Z"""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def canonical(value: object) -> str:
    """One text for one value. Times become stamps."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_time)


def _time(value: object) -> str:
    if isinstance(value, datetime):
        return stamp(value)
    raise TypeError(f"{type(value).__name__} has no canonical form")


def _keyed(kind: str, value: object, key: bytes) -> str:
    return signature(f"{kind}\n{canonical(value)}".encode(), key=key).hex()
