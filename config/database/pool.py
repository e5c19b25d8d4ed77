"""A few connections for many threads, none of them dead: under ASGI every request is another thread.

psycopg's own pool was measured and left: a connection is made in the background there, with pauses that double, so after
a restart of PostgreSQL the requests of the next seconds waited in vain beside a server that was there again. Here who
needs a connection makes it, in its own thread: it has it at once or knows at once why not.

A connection is asked for a sign of life before it is lent. Where one is dead, those that have lain longer are as old and
are dropped unasked: a restart costs the requests that were under way, and nobody after them.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

_LONGEST_IDLE_S = 600.0
Made = Connection[TupleRow]


class Pool:
    """As much of psycopg_pool's words as Django uses. `max_size` connections at most; who finds all of them lent waits
    `timeout` seconds at most. Raises OperationalError then, and what `connect` raises."""

    def __init__(self, *, connect: Callable[[], Made], max_size: int, timeout: float) -> None:
        self._connect, self._size, self._timeout = connect, max_size, timeout
        self._places = threading.BoundedSemaphore(max_size)
        self._idle: deque[tuple[float, Made]] = deque()  # since when; the last to come is the first to go
        self._lock = threading.Lock()
        self._closed = False

    def open(self) -> None:
        """Django says so before each loan."""

    def getconn(self) -> Made:
        if not self._places.acquire(timeout=self._timeout):
            raise psycopg.OperationalError(f"all {self._size} connections were in use for {self._timeout} s")
        try:
            made = self._lying() or self._connect()
        except BaseException:
            self._places.release()
            raise
        made._pool = self  # type: ignore[assignment]  # where Django gives it back
        return made

    def putconn(self, made: Made) -> None:
        made._pool = None
        try:
            if self._closed or made.info.transaction_status != TransactionStatus.IDLE:
                made.close()  # dead, or left in the middle of something
            else:
                self._lay(made)
        finally:
            self._places.release()

    def close(self) -> None:
        """Those that are lent are closed when they come back."""
        self._closed = True
        self._drop()

    def _lying(self) -> Made | None:
        with self._lock:
            made = self._idle.pop()[1] if self._idle else None
        if made is None or _lives(made):
            return made
        made.close()
        self._drop()
        return None

    def _lay(self, made: Made) -> None:
        now = time.monotonic()
        with self._lock:
            self._idle.append((now, made))
        self._drop(before=now - _LONGEST_IDLE_S)

    def _drop(self, *, before: float = float("inf")) -> None:
        while True:
            with self._lock:
                if not self._idle or self._idle[0][0] >= before:
                    return
                dropped = self._idle.popleft()[1]
            dropped.close()


def _lives(made: Made) -> bool:
    """One round trip. Bytes that came unasked (PostgreSQL's farewell) are found by it too."""
    try:
        made.execute("")
    except psycopg.Error:
        return False
    return not only_reads(made)


def only_reads(made: Made) -> bool:
    """As the server told when it was last heard."""
    told = (made.info.parameter_status(name) for name in ("default_transaction_read_only", "in_hot_standby"))
    return "on" in told
