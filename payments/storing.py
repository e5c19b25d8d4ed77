"""Callbacks into the inbox: each is answered after the commit that holds its row, and those that come together share it.

A commit waits for the disk, and nothing else here takes as long. So in the processes that take nothing else
(`config.hook_door`) the callbacks that arrive while one statement is on its way wait for it, and go together in the
next: one INSERT, one commit. Nobody waits for company: where no statement is on its way, a callback goes at once. A
statement that fails is done again row by row, so that one bad row never harms another.

Elsewhere a callback comes through Django, and is stored alone.
"""

import asyncio
import functools
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
import psycopg.errors
from django.db import InterfaceError, OperationalError, connection

_MOST = 64  # rows of one statement: with the largest bodies 4 MB
_PATIENCE_S = 10.0  # for one statement; a database that says nothing for so long is not there
_INSERT = """
    INSERT INTO payments_callback (environment, payment_id, submission, verdict, verdict_reason, path, address,
        body_sealed, size, received_at, state, next_attempt_at, kind, attempts, outcome, error, checkout_hash)
    VALUES """
_VALUES = "({}, 'STK', 0, '', '', '')"


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


def store(row: Row) -> None:
    """Returns when the row is committed, or with the transaction that it is called in. Raises a database's error.

    The statement is itself the proof that the connection lives, and tried again on a new one where it does not:
    M-Pesa may not call again, so a restart of the database must not cost the first callback after it. Stored twice
    (the answer to the first was lost) is a duplicate like any other. Nor does one live that leads to a server which
    only reads by now: after a switch to another one it would be alive for ever, and store nothing.
    """
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        _execute(row)
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block:
            raise
        connection.close()
        _execute(row)


def _execute(row: Row) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_INSERT + _VALUES.format(", ".join(["%s"] * len(row))), row)


@functools.lru_cache(maxsize=_MOST)
def _insert_of(rows: int) -> bytes:
    """In PostgreSQL's own spelling ($1, $2, …). That of Python, psycopg would read through anew for each statement of more
    than 50 values, which took longer than all else that it does."""
    width = len(Row._fields)
    numbered = (", ".join(f"${row * width + at}" for at in range(1, width + 1)) for row in range(rows))
    return (_INSERT + ", ".join(_VALUES.format(numbers) for numbers in numbered)).encode()


class _Waiting(NamedTuple):
    row: Row
    stored: "asyncio.Future[None]"


class Together:
    """The rows of one process on their way to the disk, over a connection of their own. Belongs to one event loop."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def store(self, row: Row) -> None:
        """Returns when the row is committed. Raises what kept it from being stored, or from being known to be."""
        mine = _Waiting(row, asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())
        await mine.stored

    async def close(self) -> None:
        """After what is on its way."""
        if self._writer is not None:
            await asyncio.wait([self._writer])
        self._hang_up()

    async def _write_all(self) -> None:
        group: list[_Waiting] = []
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                await self._write(group)
        except BaseException:  # the process ends; nobody is answered who is not stored
            for one in [*group, *self._waiting]:
                one.stored.cancel()
            raise
        finally:
            self._writer = None

    async def _write(self, group: Sequence[_Waiting]) -> None:
        error = await self._error_of(group)
        if error is None or len(group) == 1 or self._is_away():
            return _settle(group, error)
        for at, one in enumerate(group):
            error = await self._error_of([one])
            if error is not None and self._is_away():
                return _settle(group[at:], error)  # each of the others would wait for a connection, and have none
            _settle([one], error)

    async def _error_of(self, group: Sequence[_Waiting]) -> BaseException | None:
        """What kept the rows from being stored: nothing, or all of them."""
        writing = asyncio.create_task(self._insert([one.row for one in group]))
        await asyncio.wait([writing], timeout=_PATIENCE_S)
        if writing.done():
            return writing.exception()
        self._hang_up()  # first, else the cancelled statement waits for the same database once more
        writing.cancel()
        await asyncio.wait([writing])
        return psycopg.OperationalError(f"the database said nothing for {_PATIENCE_S:.0f} s")

    async def _insert(self, rows: Sequence[Row]) -> None:
        """Tried again on a new connection where this one is dead, as `store` above does."""
        try:
            await self._execute(rows)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            self._hang_up()
            await self._execute(rows)

    async def _execute(self, rows: Sequence[Row]) -> None:
        if self._connection is None or self._connection.closed:
            self._connection = await _connect()
        values = [value for row in rows for value in row]
        try:
            await psycopg.AsyncRawCursor(self._connection).execute(_insert_of(len(rows)), values)
        except psycopg.errors.ReadOnlySqlTransaction as error:
            self._hang_up()
            raise psycopg.OperationalError("the database only reads") from error  # as good as away

    def _is_away(self) -> bool:
        return self._connection is None or self._connection.closed

    def _hang_up(self) -> None:
        """A statement may still wait for the connection, and the loop with it. uvloop ends the whole process where what
        it has just begun to watch is closed before its next look: so nobody watches any more."""
        if self._connection is None:
            return
        if not self._connection.closed:
            loop, file = asyncio.get_running_loop(), self._connection.fileno()
            loop.remove_reader(file)
            loop.remove_writer(file)
        self._connection.pgconn.finish()
        self._connection = None


def _settle(group: Sequence[_Waiting], error: BaseException | None) -> None:
    for one in group:
        if one.stored.done():  # who asked has gone
            continue
        if error is None:
            one.stored.set_result(None)
        else:
            one.stored.set_exception(error)


async def _connect() -> psycopg.AsyncConnection[Any]:
    """To where Django's connections go, with none of what is Django's in them."""
    settings = connection.get_connection_params()
    for name in ("context", "cursor_factory"):
        settings.pop(name, None)
    return await psycopg.AsyncConnection.connect(**settings, autocommit=True)
