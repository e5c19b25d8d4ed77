"""The log of calls to and from M-Pesa (FEE-2): gathered while a call runs, stored with what came of it.

The network is never inside a transaction, and threads that only speak HTTP open no database connection: a call's
exchanges are collected in a context variable and written by whoever records the answer.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

import structlog

from lib.pages import Caller
from lib.phone import mask_all
from lib.rows import insert_rows
from payments import sealing
from payments.models import Exchange

log = structlog.get_logger(__name__)
CONTEXT = "exchange"


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP exchange, without secrets."""

    type: str
    request: str
    response: str
    http_status: int | None
    duration_ms: int
    error: str


NOBODY = Caller()
_collected: ContextVar[list[Call] | None] = ContextVar("collected_calls", default=None)


@contextmanager
def collect() -> Iterator[list[Call]]:
    """Everything noted inside is in the list."""
    calls: list[Call] = []
    mark = _collected.set(calls)
    try:
        yield calls
    finally:
        _collected.reset(mark)


def note(call: Call) -> None:
    """A provider made a call."""
    log.info(
        "mpesa.call", type=call.type, http_status=call.http_status, ms=call.duration_ms, error=mask_all(call.error)
    )
    calls = _collected.get()
    if calls is not None:
        calls.append(call)


def store(
    calls: Sequence[Call],
    *,
    environment: str,
    now: datetime,
    payment_id: int | None = None,
    transaction_id: str = "",
    caller: Caller = NOBODY,
) -> None:
    """Append the calls to the log."""
    rows = [
        Exchange(
            environment=environment,
            type=call.type,
            payment_id=payment_id,
            transaction_id=transaction_id,
            request_sealed=sealing.seal(call.request, context=CONTEXT),
            response_sealed=sealing.seal(call.response, context=CONTEXT),
            http_status=call.http_status,
            duration_ms=call.duration_ms,
            error=mask_all(call.error)[:300],
            address=caller.address,
            user_agent=caller.user_agent[:200],
            user_id=caller.user_id,
            created_at=now,
        )
        for call in calls
    ]
    insert_rows(rows)
