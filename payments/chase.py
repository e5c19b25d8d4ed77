"""Asking about the silent ones, and letting the clock speak.

Rows say when they are due (`next_attempt_at`, `next_query_at`, `deadline_at`); beat sweeps them every second. A lost
wake costs a second, a killed worker its lease. M-Pesa is asked at 30, 45, 75, 120, 180, 300 s and then at 15 min, 1 h,
6 h, 24 h (REC-1), at most so many times a second, until success or a final failure is known first-hand.
"""

import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import connection

from audit import trail
from lib.crypto import Unreadable
from lib.db import entry_point
from lib.rows import update_rows
from payments import calls, holding, lifecycle, record, sealing, timing
from payments.models import Payment
from payments.project import CHECKOUT_CONTEXT
from payments.providers import Answer, Question, provider

log = structlog.get_logger(__name__)
BATCH = 100
_THREADS = 8
SILENCE = Answer(reached=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of a sweep: the lease that allows it, and what came of it."""

    question: Question
    lease: uuid.UUID
    answer: Answer = SILENCE
    made: tuple[calls.Call, ...] = ()


def ask_due(*, now: datetime) -> int:
    """Ask M-Pesa about the payments that are due; how many were asked."""
    asked = claim(now=now)
    if not asked:
        return 0
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        answered = list(pool.map(lambda one: copy_context().run(_ask, one, now), asked))
    for one in answered:
        _learn(one, now)
    return len(answered)


def _learn(one: Asked, now: datetime) -> None:
    """One that breaks stops no other; its lease ends, and it is asked about again."""
    try:
        learn(asked=one, now=now)
    except Exception:
        log.exception("chase.learn_broke", payment_id=one.question.payment_id)


@entry_point
def claim(*, now: datetime) -> list[Asked]:
    """Lease the due payments, within our own rate limit: nobody else asks about them until the lease ends."""
    room = min(BATCH, timing.QUERIES_PER_SECOND - _asked_since(now - timedelta(seconds=1)))
    if room <= 0:
        return []
    rows = holding.lock_rows("WHERE next_query_at <= %s ORDER BY next_query_at LIMIT %s", [now, room], skip_locked=True)
    for row in rows:
        row.query_lease = uuid.uuid4()
        row.asked_at = now
        row.next_query_at = now + timedelta(seconds=timing.QUERY_LEASE)
    update_rows(rows, ["query_lease", "asked_at", "next_query_at"])
    return [Asked(question, row.query_lease) for row in rows if row.query_lease and (question := _question(row))]


def _asked_since(moment: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM payments_payment WHERE asked_at > %s", [moment])
        return int(cursor.fetchone()[0])


def _question(row: Payment) -> Question | None:
    """None where its CheckoutRequestID cannot be read (its key is gone): it must not keep others from being asked."""
    if row.merchant is None:  # cannot be: payment_mpesa_fields
        raise ValueError(f"{row.transaction_id} has no merchant")
    try:
        checkout_id = sealing.unseal(bytes(row.checkout_sealed), context=CHECKOUT_CONTEXT).decode()
    except Unreadable:
        log.exception("chase.unreadable", payment_id=row.pk)
        return None
    return Question(row.pk, row.merchant, checkout_id)


def _ask(one: Asked, now: datetime) -> Asked:
    with calls.collect() as made:
        try:
            answer = provider("mpesa").ask(one.question, now=now)
        except Exception:
            log.exception("chase.ask_broke", payment_id=one.question.payment_id)
            answer = SILENCE
    return Asked(one.question, one.lease, answer, tuple(made))


@entry_point
def learn(*, asked: Asked, now: datetime) -> None:
    """Record an answer, if the lease still holds, and plan the next question."""
    payment_id = asked.question.payment_id
    held = holding.hold([payment_id])
    item = held[payment_id]
    row = item.row
    if row.query_lease != asked.lease:
        return
    row.query_lease = None
    if asked.answer.reached:
        row.queries += 1
    if asked.answer.still_processing:
        row.still_processing_at = now
    row.next_query_at = _next(row, reached=asked.answer.reached, now=now)
    update_rows([row], ["query_lease", "queries", "still_processing_at", "next_query_at"])
    item.add(facts=asked.answer.facts)
    record.write(held, now=now)
    _log_query(row, asked, now)


def _next(row: Payment, *, reached: bool, now: datetime) -> datetime | None:
    """Not reached says nothing and costs no question; it is tried again after a pause."""
    if not reached:
        return now + timing.seconds(timing.QUERY_SPACING)
    return timing.query_after(row.last_submitted_at or now, now)


def _log_query(row: Payment, asked: Asked, now: datetime) -> None:
    calls.store(asked.made, environment=row.environment, payment_id=row.pk, transaction_id=row.transaction_id, now=now)
    trail.record(
        action="payment.queried",
        actor="system",
        subject=f"payment:{row.transaction_id}",
        environment=row.environment,
        data={"reached": asked.answer.reached, "still_processing": asked.answer.still_processing},
        at=now,
    )


def ask_soon(*, payment_ids: Sequence[int], now: datetime) -> None:
    """A doubtful callback makes us ask, at most once per payment in 10 s."""
    rows = Payment.objects.filter(pk__in=payment_ids).exclude(checkout_hash="").exclude(next_query_at=None)
    quiet = rows.exclude(asked_at__gt=now - timing.seconds(timing.QUERY_SPACING))
    quiet.filter(next_query_at__gt=now, query_lease=None).update(next_query_at=now)


# --- The clock and the queue -----------------------------------------------------------------------------------------


def close_overdue(*, now: datetime) -> int:
    """Time out and close what is overdue; how many rows were due."""
    ids = list(
        Payment.objects.filter(deadline_at__lte=now).order_by("deadline_at").values_list("pk", flat=True)[:BATCH]
    )
    if ids and not _pass_time(ids, now):
        for payment_id in ids:  # one bad payment never stops the clock of the others
            _pass_time([payment_id], now)
    return len(ids)


def _pass_time(ids: Sequence[int], now: datetime) -> bool:
    try:
        lifecycle.pass_time(payment_ids=ids, now=now)
    except Exception:
        log.exception("chase.clock_broke", payments=len(ids))
        return False
    return True


def send_queued(*, now: datetime) -> int:
    """Send what waits to be sent; how many pushes were made."""
    due = Payment.objects.filter(next_attempt_at__lte=now).order_by("next_attempt_at").values_list("pk", flat=True)
    ids = list(due[:BATCH])
    if not ids:
        return 0
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        return sum(pool.map(_submit, ids))


def _submit(payment_id: int) -> bool:
    try:
        return lifecycle.submit(payment_id=payment_id)
    except Exception:
        log.exception("chase.submit_broke", payment_id=payment_id)
        return False
    finally:
        connection.close()
