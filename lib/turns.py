"""Taking turns: work that only so many processes may do at once, over all workers.

The turn is an advisory lock of the process's database connection, so it ends with the process however that dies.
Whoever gets none does nothing: the work is rows, and the next sweep or wake finds them.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def turn(what: str, *, places: int = 1) -> Iterator[bool]:
    """Whether one of the `places` for `what` was free: then it is ours until the block ends."""
    key = key_of(what)
    place = next((n for n in range(places) if _asked("SELECT pg_try_advisory_lock(%s, %s)", key, n)), None)
    try:
        yield place is not None
    finally:
        if place is not None:
            _asked("SELECT pg_advisory_unlock(%s, %s)", key, place)


def key_of(what: str) -> int:
    """PostgreSQL names such locks by two numbers of 32 bits; the second is the place."""
    return zlib.crc32(what.encode()) - 2**31


def _asked(sql: str, key: int, place: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, [key, place])
        return bool(cursor.fetchone()[0])
