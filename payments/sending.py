"""Sending at once, within bounds: a web request makes one attempt and answers within 3 s whatever M-Pesa does (STK-3).

The call runs in a small pool of this process. Where M-Pesa is slow the request answers "sending" and the call goes
on; where the pool is full, or the process dies, the row stays due and a worker sends it.
"""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet

from django.conf import settings
from django.db import DatabaseError, connection

from lib.errors import Refusal
from payments import calls, lifecycle, timing

_pool = ThreadPoolExecutor(max_workers=settings.OUTBOUND_CALLS, thread_name_prefix="mpesa")
_free = threading.BoundedSemaphore(settings.OUTBOUND_CALLS)


def send_now(*, payment_id: int, caller: calls.Caller) -> None:
    """Try once, and wait for the end of it at most 2.5 s. Raises Refusal `check_phone` where the answer was not stored."""
    if not _free.acquire(blocking=False):
        return
    try:
        future = _pool.submit(_attempt, payment_id, caller)
    except BaseException:
        _free.release()
        raise
    future.add_done_callback(_done)
    try:
        future.result(timeout=timing.ANSWER_WITHIN)
    except NotYet:
        return
    except DatabaseError as error:
        raise Refusal(
            "check_phone",
            "We could not store M-Pesa's answer. Check your phone, and do not pay again: your payment will be found.",
            status=503,
        ) from error


def _attempt(payment_id: int, caller: calls.Caller) -> None:
    try:
        lifecycle.submit(payment_id=payment_id, caller=caller)
    finally:
        connection.close_if_unusable_or_obsolete()


def _done(future: "Future[None]") -> None:
    _free.release()
    error = future.exception()
    if error is not None:
        calls.log.error("mpesa.submit_broke", error=type(error).__name__)
