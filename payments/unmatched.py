"""Callbacks that name a request nobody knows: M-Pesa is asked, and money it confirms stands in suspense (CB-7)."""

from datetime import datetime

from lib.db import entry_point
from payments import calls, merchants, sealing, suspense, timing
from payments.facts import Kind
from payments.models import Callback
from payments.providers import Answer, Question, Told, Unparsable, provider

_BATCH = 5


def ask_due(*, now: datetime) -> int:
    """Ask about trusted callbacks without a payment; how many were asked about."""
    due = Callback.objects.filter(
        state=Callback.State.UNMATCHED, verdict=Callback.Verdict.TRUSTED, next_attempt_at__lte=now
    )
    rows = list(due.order_by("next_attempt_at")[:_BATCH])
    for row in rows:
        told = _told(row)
        if told is None:
            continue
        with calls.collect() as made:
            answer = _ask(row, told, now)
        learn(callback_id=row.pk, told=told, answer=answer, made=made, now=now)
    return len(rows)


def _told(row: Callback) -> Told | None:
    try:
        return provider("mpesa").read_callback(sealing.unseal(bytes(row.body_sealed), context=calls.CONTEXT))
    except Unparsable:
        return None


def _ask(row: Callback, told: Told, now: datetime) -> Answer:
    merchant = merchants.merchant_for(environment=row.environment, purpose="")
    return provider("mpesa").ask(Question(0, merchant, told.checkout_id), now=now)


@entry_point
def learn(*, callback_id: int, told: Told, answer: Answer, made: list[calls.Call], now: datetime) -> None:
    """Confirmed: into suspense. Denied or unknown: asked again later, at last a person looks."""
    row = Callback.objects.select_for_update(no_key=True).get(pk=callback_id)
    calls.store(made, environment=row.environment, now=now)
    if row.state != Callback.State.UNMATCHED:
        return
    if told.lots and any(fact.kind is Kind.SUCCEEDED for fact in answer.facts):
        merchant = merchants.merchant_for(environment=row.environment, purpose="")
        for lot in told.lots:
            suspense.take_in(lot, environment=row.environment, shortcode=merchant.shortcode, now=now)
        row.state, row.outcome, row.processed_at = Callback.State.DONE, "confirmed by M-Pesa: in suspense", now
    else:
        _plan(row, now)
    row.save(update_fields=["state", "outcome", "processed_at", "attempts", "next_attempt_at"])


def _plan(row: Callback, now: datetime) -> None:
    row.attempts += 1
    if row.attempts >= len(timing.QUERIES):
        row.state = Callback.State.STUCK
    else:
        row.next_attempt_at = row.received_at + timing.seconds(timing.QUERIES[row.attempts])
