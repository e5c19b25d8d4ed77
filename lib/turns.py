"""Taking turns: work that only so many processes may do at once, over all workers.

The turn is an advisory lock of the process's database connection, so it ends with the process however that dies. A
process that is frozen, or a machine that has gone without a word, keeps its connection; so while a turn lasts PostgreSQL
is told to end the session when it has been silent for longer than any task may run. Who wakes up after that finds its
connection closed and goes on without a turn.

So a turn bounds what is done at once and protects nothing: two that both believe it to be theirs must do no harm. What
may be done once only says so in its row before it is done (`lifecycle.begin`, leases). Whoever gets none does nothing:
the work is rows, and the next sweep or wake finds them.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import InterfaceError, OperationalError, connection

SILENT_S = 130  # longer than settings.CELERY_TASK_TIME_LIMIT: who works cannot be silent for so long
_TAKE = """
    SELECT CASE WHEN pg_try_advisory_lock(%s, %s)
        THEN set_config('idle_session_timeout', %s, false) IS NOT NULL ELSE false END"""


@contextmanager
def turn(what: str, *, places: int = 1) -> Iterator[bool]:
    """Whether one of the `places` for `what` was free: then it is ours until the block ends. Not to be nested."""
    key = key_of(what)
    place = next((n for n in range(places) if _taken(key, n)), None)
    try:
        yield place is not None
    finally:
        if place is not None:
            _give_back(key, place)


def key_of(what: str) -> int:
    """PostgreSQL names such locks by two numbers of 32 bits; the second is the place."""
    return zlib.crc32(what.encode()) - 2**31


def _taken(key: int, place: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [key, place, f"{SILENT_S}s"])
        return bool(cursor.fetchone()[0])


def _give_back(key: int, place: int) -> None:
    """Where the connection has died, the turn ended with it, and what was done in it is done."""
    with suppress(OperationalError, InterfaceError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [key, place])
        cursor.execute("RESET idle_session_timeout")
