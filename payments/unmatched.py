"""Callbacks that name a request nobody knows: M-Pesa is asked, and money it confirms stands in suspense (CB-7)."""

from datetime import datetime, timedelta

import structlog
from django.db.models import Exists, OuterRef

from lib.db import entry_point
from payments import calls, merchants, sealing, suspense, timing
from payments.facts import Kind
from payments.models import Callback, Payment
from payments.providers import Answer, Question, Told, provider

_BATCH = 5
_REMATCHED_S = 600  # a request that we made turns up within seconds of its callback
log = structlog.get_logger(__name__)


def ask_due(*, now: datetime) -> int:
    """Ask about trusted callbacks without a payment; how many were asked about."""
    rematch(now=now)
    waiting = Callback.objects.filter(state=Callback.State.UNMATCHED, verdict=Callback.Verdict.TRUSTED)
    rows = list(waiting.filter(next_attempt_at__lte=now).order_by("next_attempt_at")[:_BATCH])
    for row in rows:
        try:
            _ask_about(row, now)
        except Exception:
            log.exception("unmatched.broke", callback_id=row.pk)
            _postpone(callback_id=row.pk, now=now)
    return len(rows)


@entry_point
def rematch(*, now: datetime) -> None:
    """A request may turn up while its callback is being read: neither sees the other before both are stored."""
    waiting = Callback.objects.filter(
        state=Callback.State.UNMATCHED,
        verdict=Callback.Verdict.TRUSTED,
        received_at__gt=now - timedelta(seconds=_REMATCHED_S),
    ).exclude(checkout_hash="")
    request = Payment.objects.filter(environment=OuterRef("environment"), checkout_hash=OuterRef("checkout_hash"))
    waiting.filter(Exists(request)).update(state=Callback.State.WAITING, next_attempt_at=now, attempts=0)


def _ask_about(row: Callback, now: datetime) -> None:
    told = provider("mpesa").read_callback(sealing.unseal(bytes(row.body_sealed), context=calls.CONTEXT))
    merchant = merchants.merchant_for(environment=row.environment, purpose="")
    with calls.collect() as made:
        answer = provider("mpesa").ask(Question(0, merchant, told.checkout_id), now=now)
    learn(callback_id=row.pk, told=told, answer=answer, made=made, now=now)


@entry_point
def _postpone(*, callback_id: int, now: datetime) -> None:
    """One that breaks comes later, so that it never stands before the others."""
    row = Callback.objects.select_for_update(no_key=True).get(pk=callback_id)
    if row.state == Callback.State.UNMATCHED:
        _plan(row, now)
        row.save(update_fields=["state", "attempts", "next_attempt_at"])


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
