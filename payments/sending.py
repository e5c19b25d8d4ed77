"""Sending at once, within bounds: a web request makes one attempt and answers within 3 s whatever M-Pesa does (STK-3).

The call runs in a small pool of this process. A request that starts a payment takes its `turn` first: with it, one
commit writes the payment and that its push is about to be made; without one (as many calls as may be are under way)
the row is due, and a worker sends it. Where M-Pesa is slow the request answers "sending" and the call goes on.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import DatabaseError, connection

from lib.errors import Refusal
from payments import calls, lifecycle, timing
from payments.models import Payment
from payments.providers import Order

_pool = ThreadPoolExecutor(max_workers=settings.OUTBOUND_CALLS, thread_name_prefix="mpesa")
_free = threading.BoundedSemaphore(settings.OUTBOUND_CALLS)
Attempt = Callable[[], Payment | None]


class Turn:
    """One call to M-Pesa that this process may make now (`given`); given back at the end where it was not made."""

    def __init__(self) -> None:
        self.given = False

    def __enter__(self) -> Self:
        self.given = _free.acquire(blocking=False)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.given:
            _free.release()

    def push(self, *, order: Order, caller: calls.Caller) -> Payment | None:
        """Make the push that was committed as about to be sent; the payment after it, None where M-Pesa is slow.

        Waits at most 2.5 s. Raises Refusal `check_phone` where the answer was not stored.
        """
        return self._make(lambda: lifecycle.push(order=order, caller=caller))

    def submit(self, *, payment_id: int, caller: calls.Caller) -> None:
        """`push` for a payment that is due and nobody has said of that it is being sent."""
        self._make(lambda: _submitted(payment_id, caller))

    def _make(self, attempt: Attempt) -> Payment | None:
        made = _begun(attempt)
        self.given = False  # the call gives it back when it ends
        made.add_done_callback(_done)
        try:
            return made.result(timeout=timing.ANSWER_WITHIN)
        except NotYet:
            return None
        except DatabaseError as error:
            raise Refusal(
                "check_phone",
                "We could not store M-Pesa's answer. Check your phone, and do not pay again: your payment will be found.",
                status=503,
            ) from error


def turn() -> Turn:
    """To be used as a context."""
    return Turn()


def send_now(*, payment_id: int, caller: calls.Caller) -> None:
    """Try once, if a call is free: else a worker will."""
    with turn() as mine:
        if mine.given:
            mine.submit(payment_id=payment_id, caller=caller)


def _begun(attempt: Attempt) -> "Future[Payment | None]":
    """In the pool; here, where the process is ending and the pool takes no more: it was committed as being sent.

    A pool that cannot start a thread raises, and may yet do what it was given: so whoever is first makes the attempt.
    """
    first = threading.Lock()

    def once() -> Payment | None:
        return _attempted(attempt) if first.acquire(blocking=False) else None

    try:
        return _pool.submit(once)
    except RuntimeError:
        made: Future[Payment | None] = Future()
        made.set_result(once())
        return made


def _attempted(attempt: Attempt) -> Payment | None:
    try:
        return attempt()
    finally:
        connection.close_if_unusable_or_obsolete()


def _submitted(payment_id: int, caller: calls.Caller) -> None:
    lifecycle.submit(payment_id=payment_id, caller=caller)


def _done(future: "Future[Payment | None]") -> None:
    _free.release()
    error = future.exception()
    if error is not None:
        calls.log.error("mpesa.submit_broke", error=type(error).__name__)
