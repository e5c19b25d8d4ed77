"""The payment row's short form of what is known: what lists, searches and workers read instead of the facts."""

from datetime import datetime

from payments import facts, sealing, timing
from payments.facts import Fact, Given, Kind, Known, Source
from payments.models import Payment
from payments.states import LIVE, Status

CHECKOUT_CONTEXT = "payment.checkout"
_DECIDING = {Kind.CANCELLED: 0, Kind.FAILED: 1, Kind.UNRESOLVED: 2}


def project(row: Payment, known: Known, given: Given | None, *, now: datetime) -> None:
    """Set the derived and work columns; the caller saves."""
    row.status = facts.status(known)
    row.reasons = sorted(reason.key for reason in facts.reasons(known, given))
    row.received_cents = facts.received_cents(known)
    row.updated_at = now
    if given is not None:
        row.answer, row.answer_reason = _answer(known, given), given.reason[:40]
    _set_money(row, known, now)
    _set_result(row, known)
    _set_checkout(row, known)
    _set_work(row, known, now)


def _answer(known: Known, given: Given) -> str:
    if not given.amount_cents:
        return Payment.Answer.REFUSED
    return Payment.Answer.GIVEN if facts.handed_cents(known, given) else Payment.Answer.RETURNED


def _set_money(row: Payment, known: Known, now: datetime) -> None:
    lots = sorted(known.lots, key=lambda lot: (lot.amount_cents != known.amount_cents, lot.receipt))
    if lots and not row.receipt:
        row.receipt = lots[0].receipt
        row.mpesa_transaction_at = lots[0].occurred_at
    if known.paid and row.completed_at is None:
        row.completed_at = now
    if row.status not in LIVE and not known.paid and row.failed_at is None:
        row.failed_at = now
    sources = {fact.source for fact in known.facts} | {lot.source for lot in known.lots}
    row.callback_received = Source.CALLBACK in sources


def _set_result(row: Payment, known: Known) -> None:
    if known.paid:
        row.result_code, row.result_description = "0", ""
        row.result_source = Source.CALLBACK if known.lots else Source.QUERY
        return
    deciding = deciding_fact(known)
    if deciding:
        row.result_code, row.result_description = deciding.code[:40], deciding.text[:300]
        row.result_source = deciding.source


def deciding_fact(known: Known) -> Fact | None:
    """The fact whose words a payer reads when nothing was paid; the same one in whatever order they came."""
    told = known.of(*_DECIDING)
    order = {Source.CALLBACK: 0, Source.PUSH: 1, Source.PERSON: 2}

    def weight(fact: Fact) -> tuple[int, bool, int, str]:
        return _DECIDING[fact.kind], fact.provisional, order.get(fact.source, 9), fact.code

    return min(told, key=weight, default=None)


def _set_checkout(row: Payment, known: Known) -> None:
    accepted = known.of(Kind.ACCEPTED)
    if accepted and accepted[-1].checkout_hash != row.checkout_hash:
        last = accepted[-1]
        row.checkout_hash, row.merchant_request_id = last.checkout_hash, last.merchant_request_id
        row.checkout_sealed = sealing.seal(last.checkout_id, context=CHECKOUT_CONTEXT)


def _set_work(row: Payment, known: Known, now: datetime) -> None:
    row.deadline_at = deadline(row, known)
    if row.status != Status.SENDING:
        row.next_attempt_at = None
    if not facts.may_be_asked(known):
        row.next_query_at = None
    elif row.next_query_at is None:
        row.next_query_at = timing.query_after(row.last_submitted_at or now, now)


def deadline(row: Payment, known: Known) -> datetime | None:
    """When the clock has something to say: nothing was sent, it stays silent, or it is no longer waited for."""
    if row.status not in LIVE:
        return None
    if row.last_submitted_at is None or facts.may_be_sent(known):
        return row.initiated_at + timing.seconds(timing.UNSENT)
    if row.timed_out_at is None:
        return row.last_submitted_at + timing.seconds(timing.TIMED_OUT)
    return row.last_submitted_at + timing.seconds(timing.EXPIRED)


def plan_retry(row: Payment, *, passing: bool, now: datetime) -> bool:
    """Set when to send again after a refused attempt; False where it will not be sent again."""
    row.next_attempt_at = timing.retry_at(now, row.attempts) if passing else None
    return row.next_attempt_at is not None
