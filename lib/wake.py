"""Waking workers. Rows remember, Celery only wakes: a wake may be lost, doubled or late, and nothing depends on it.

So a wake must never cost the request that gives it: it is sent after the commit, once for each task and its ids; a
broker that does not answer is given half a second, and then no more for a few seconds. Beat sweeps the same rows.

`wake` sends each; `wake_often` is for what may come a thousand times a second: at once, then at most every 50 ms.
"""

import functools
import logging
import os
import threading
import time

from celery import Celery, current_app
from django.db import connection, transaction
from kombu import Connection
from kombu.pools import ProducerPool

EXPIRES_S = 60  # a late wake is worth nothing: the sweep has been there
_TIMEOUT_S = 0.5
_EVERY_S = 0.05  # between two of `wake_often`; a worker that is woken drains far more than one row
_PAUSE_S = 5.0  # after a failure, until the broker is tried again
_POOL = 8
_IMPATIENT = {"socket_connect_timeout": _TIMEOUT_S, "socket_timeout": _TIMEOUT_S, "max_retries": 0}

logger = logging.getLogger(__name__)


class _Breaker:
    """Open for a few seconds after a failure: meanwhile nobody waits for the broker."""

    def __init__(self) -> None:
        self._until = 0.0

    def closed(self) -> bool:
        return time.monotonic() >= self._until

    def trip(self) -> None:
        self._until = time.monotonic() + _PAUSE_S

    def reset(self) -> None:
        self._until = 0.0


breaker = _Breaker()


class _Wake:
    """A call to be made on commit; equal ones of one transaction are one."""

    def __init__(self, task_name: str, ids: dict[str, object]) -> None:
        self.task_name = task_name
        self.ids = ids

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Wake) and (self.task_name, self.ids) == (other.task_name, other.ids)

    __hash__ = None  # type: ignore[assignment]  # ids may hold lists

    def __call__(self) -> None:
        if breaker.closed():
            _send(self.task_name, self.ids)


def wake(task_name: str, **ids: object) -> None:
    """Have a Celery task run soon after this transaction commits (at once outside of one). Never raises, and waits
    for the broker at most half a second or so; ids must be JSON."""
    call = _Wake(task_name, ids)
    # Django keeps what waits for the commit here, and drops it with its savepoint: the one place to look for equals.
    if all(waiting[1] != call for waiting in connection.run_on_commit):
        transaction.on_commit(call, robust=True)


class _Often:
    """One task's wakes, of one process: the first goes out at once, those of the next 50 ms as one at their end."""

    def __init__(self, task_name: str) -> None:
        self._task_name = task_name
        self._lock = threading.Lock()
        self._free_at = 0.0
        self._armed = False

    def __call__(self) -> None:
        if not breaker.closed():
            return
        with self._lock:
            now = time.monotonic()
            if self._armed:
                return
            if wait := max(0.0, self._free_at - now):
                self._arm(wait)
                return
            self._free_at = now + _EVERY_S
        _send(self._task_name, {})

    def _arm(self, wait: float) -> None:
        timer = threading.Timer(wait, self._later)
        timer.daemon = True
        try:
            timer.start()
        except RuntimeError as error:  # no thread can be had
            logger.warning("wake of %s failed, the sweep will do it: %s", self._task_name, error)
        else:
            self._armed = True

    def _later(self) -> None:
        with self._lock:
            self._armed = False
            self._free_at = time.monotonic() + _EVERY_S
        _send(self._task_name, {})


@functools.lru_cache(maxsize=32)
def _often(task_name: str, process: int) -> _Often:
    """Of each process its own: a fork has neither the timer nor, perhaps, the lock."""
    return _Often(task_name)


def wake_often(task_name: str) -> None:
    """As `wake`, for a task without ids that very many requests wake: no more than one message every 50 ms."""
    call = _often(task_name, os.getpid())
    if not connection.in_atomic_block:
        call()
    elif all(waiting[1] is not call for waiting in connection.run_on_commit):
        transaction.on_commit(call, robust=True)


def _send(task_name: str, ids: dict[str, object]) -> None:
    try:
        with _pool(current_app._get_current_object(), os.getpid()).acquire(block=True, timeout=_TIMEOUT_S) as producer:
            current_app.send_task(
                task_name, kwargs=ids, producer=producer, retry=False, expires=EXPIRES_S, ignore_result=True
            )
    except Exception as error:
        breaker.trip()
        logger.warning("wake of %s failed, the sweep will do it: %s", task_name, error)


@functools.lru_cache(maxsize=4)
def _pool(app: Celery, process: int) -> ProducerPool:
    """Connections of our own, for each process: Celery's wait and retry far longer than a request can."""
    broker: Connection = app.connection_for_write(transport_options=_IMPATIENT)
    return ProducerPool(connections=broker.Pool(limit=_POOL), limit=_POOL)
