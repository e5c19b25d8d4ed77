"""Callbacks into the inbox: each is answered after the commit that holds its row, and those that come together share it.

A commit waits for the disk, and nothing else here takes as long. So while one statement is on its way, the callbacks
that arrive meanwhile wait for it and go together in the next: one INSERT, one commit. Nobody waits for company: where
no statement is on its way, a callback goes at once and alone.

There is no thread for this. Whoever finds nobody writing leads: they write all that waits, on their own connection,
then make the first of those who came meanwhile the next leader, and only then wake those they wrote for. A statement
that fails is done again row by row, so that one bad row never harms another.
"""

import threading
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import DatabaseError, InterfaceError, OperationalError, connection

_MOST = 64  # rows of one statement: with the largest bodies 8 MB of SQL
_INSERT = """
    INSERT INTO payments_callback (environment, payment_id, submission, verdict, verdict_reason, path, address,
        body_sealed, size, received_at, state, next_attempt_at, kind, attempts, outcome, error, checkout_hash)
    VALUES """
_VALUES = "(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'STK', 0, '', '', '')"


class Row(NamedTuple):
    """A callback as it is written, in the order of `_INSERT`."""

    environment: str
    payment_id: int | None
    submission: int
    verdict: str
    verdict_reason: str
    path: str
    address: str | None
    body_sealed: bytes
    size: int
    received_at: datetime
    state: str
    next_attempt_at: datetime


class _Waiting:
    """One row, and the lock on which its thread sleeps until it is settled, or is to lead."""

    __slots__ = ("error", "row", "settled", "sleep")

    def __init__(self, row: Row) -> None:
        self.row = row
        self.settled = False
        self.error: BaseException | None = None
        self.sleep = threading.Lock()
        self.sleep.acquire()


class Together:
    """The rows of one process on their way to the disk."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._led = False

    def store(self, row: Row) -> None:
        """Returns when the row is committed. Raises what kept it from being stored."""
        mine = _Waiting(row)
        with self._guard:
            self._waiting.append(mine)
            leads, self._led = not self._led, True
        if not leads:
            mine.sleep.acquire()
        if not mine.settled:
            self._lead()
        if mine.error is not None:
            raise mine.error

    def _lead(self) -> None:
        with self._guard:
            group, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
        try:
            _write(group)
        except BaseException as error:  # whatever ends this thread must not leave the others asleep
            _settle(group, error)
        self._hand_over()
        for one in group:
            one.sleep.release()

    def _hand_over(self) -> None:
        with self._guard:
            heir = self._waiting[0] if self._waiting else None
            self._led = heir is not None
        if heir is not None:
            heir.sleep.release()


_together = Together()


def store(row: Row) -> None:
    """Returns when the row is committed. Raises a DatabaseError where it is not known to be.

    Who is inside a transaction of their own stores alone: others must not be answered before its commit.
    """
    if connection.in_atomic_block:
        _insert([row])
    else:
        _together.store(row)


def _write(group: Sequence[_Waiting]) -> None:
    try:
        _insert([one.row for one in group])
        _settle(group, None)
    except (DatabaseError, InterfaceError) as error:
        if len(group) == 1 or not _database_is_there():
            _settle(group, error)
        else:
            _one_by_one(group)


def _one_by_one(group: Sequence[_Waiting]) -> None:
    for one in group:
        _write([one])
        if one.error is not None and not _database_is_there():
            return _settle(group, one.error)  # each of the others would wait for a connection, and have none


def _settle(group: Sequence[_Waiting], error: BaseException | None) -> None:
    for one in group:
        if not one.settled:
            one.settled, one.error = True, error


def _database_is_there() -> bool:
    return connection.connection is not None and connection.is_usable()


def _insert(rows: Sequence[Row]) -> None:
    """One statement: it is itself the proof that the connection lives, and tried again on a new one where it does not.

    M-Pesa may not call again, so a restart of the database must not cost the first callback after it. Stored twice
    (the answer to the first was lost) is a duplicate like any other.
    """
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        _execute(rows)
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block:
            raise
        connection.close()
        _execute(rows)


def _execute(rows: Sequence[Row]) -> None:
    values = [value for row in rows for value in row]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT + ", ".join([_VALUES] * len(rows)), values)
