"""Where a payment stands, as its payer sees it: one step finer than its status.

A status says how far M-Pesa got; what a payer needs to know hangs on a little more: was the request perhaps sent
already, is it waiting to be sent again, did other money come than was asked for. A pure function of the row and what
is known; `words` has a text for each of these.
"""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from payments import facts, timing
from payments.facts import Kind, Known, Source
from payments.models import Payment
from payments.states import Status

SLOW = 5  # s without M-Pesa's answer to a push: by now the request may be on the phone


class Situation(StrEnum):
    """In the order of the statuses they belong to."""

    SENDING = "SENDING"  # on its way to M-Pesa, or about to be
    QUEUED = "QUEUED"  # M-Pesa refused it for a reason that passes: sent again soon
    PERHAPS_SENT = "PERHAPS_SENT"  # the answer was lost, or is long in coming
    PROMPTED = "PROMPTED"  # on the phone
    UNCLEAR = "UNCLEAR"  # M-Pesa said something that nobody knows: asked on
    TIMED_OUT = "TIMED_OUT"  # 120 s without a result: it may be replaced
    STILL_PROCESSING = "STILL_PROCESSING"  # 120 s without a result, and M-Pesa says that it is at work
    REPLACED = "REPLACED"  # the payer started a new one instead
    NOT_SENT = "NOT_SENT"  # certainly never sent
    CALLED_OFF = "CALLED_OFF"  # never sent either: what it was for was called off before
    SILENT = "SILENT"  # sent, or perhaps, and nobody told us how it ended
    ENDED_UNCLEAR = "ENDED_UNCLEAR"  # told, but in a way nobody understands
    CLOSED_BY_US = "CLOSED_BY_US"  # a person stopped waiting for it
    FAILED = "FAILED"
    NOT_PAID = "NOT_PAID"  # a person found out that it was not paid
    CANCELLED = "CANCELLED"
    PAID = "PAID"  # and given
    RECEIPT_FOLLOWS = "RECEIPT_FOLLOWS"  # paid and given; the receipt was not told yet
    PAID_MORE = "PAID_MORE"  # paid and given, and more money came than it costs
    ODD_AMOUNT = "ODD_AMOUNT"  # other money came than was asked for: nothing was given
    NOT_GIVEN = "NOT_GIVEN"  # the money came, the thing could not be given
    GIVEN_BACK = "GIVEN_BACK"  # paid and given, and the thing was given back since
    TAKEN_BACK = "TAKEN_BACK"  # M-Pesa took money back
    REFUNDED = "REFUNDED"  # we gave it back, in whole or in part


class Amounts(Protocol):
    """What a payment, or a line of a report, says of its money."""

    @property
    def amount_cents(self) -> int: ...
    @property
    def received_cents(self) -> int: ...
    @property
    def refunded_cents(self) -> int: ...
    @property
    def answer(self) -> str: ...


def situation(*, row: Payment, known: Known, now: datetime) -> Situation:
    match Status(row.status):
        case Status.SENDING:
            return _sending(row, known, now)
        case Status.PROMPTED:
            return _prompted(row, known, now)
        case Status.EXPIRED:
            return _expired(known)
        case Status.FAILED:
            return Situation.NOT_PAID if row.result_source == Source.PERSON else Situation.FAILED
        case Status.CANCELLED:
            return Situation.CANCELLED
        case Status.COMPLETED:
            return _completed(row, known)


def may_be_sent_by_hand(*, row: Payment, known: Known, now: datetime) -> bool:
    """Whether the payer may have this same payment sent again (STK-8); `lifecycle.send_again` has the last word."""
    if row.last_submitted_at is None or not facts.may_be_sent(known):
        return False
    return now >= row.last_submitted_at + timing.seconds(timing.RETRY_BY_HAND)


def owed_cents(*, row: Payment, known: Known) -> int:
    """What came and was neither given for nor taken or given back."""
    return unspent_cents(row, taken_back_cents(known))


def unspent_cents(row: Amounts, taken_back: int) -> int:
    """The same where only the amounts of a payment were read."""
    given = row.amount_cents if row.answer == Payment.Answer.GIVEN else 0
    return max(0, row.received_cents - row.refunded_cents - taken_back - given)


def taken_back_cents(known: Known) -> int:
    return sum(fact.amount_cents for fact in known.of(Kind.REVERSED))


def _sending(row: Payment, known: Known, now: datetime) -> Situation:
    if facts.may_be_sent(known):
        return Situation.QUEUED if known.of(Kind.REFUSED) else Situation.SENDING
    slow = row.last_submitted_at is not None and now >= row.last_submitted_at + timing.seconds(SLOW)
    return Situation.PERHAPS_SENT if slow or known.of(Kind.LOST) else Situation.SENDING


def _prompted(row: Payment, known: Known, now: datetime) -> Situation:
    """The clock may be ahead of the sweep that writes `timed_out_at`."""
    if known.of(Kind.UNRESOLVED):
        return Situation.UNCLEAR
    sent = row.last_submitted_at or row.initiated_at
    if row.timed_out_at is None and now < sent + timing.seconds(timing.TIMED_OUT):
        return Situation.PROMPTED
    since = row.timed_out_at or sent
    busy = row.still_processing_at is not None and row.still_processing_at >= since
    return Situation.STILL_PROCESSING if busy else Situation.TIMED_OUT


def _expired(known: Known) -> Situation:
    closed = known.of(Kind.CLOSED)
    if any(fact.source is Source.PAYER for fact in closed):
        return Situation.REPLACED
    if any(fact.code == "CALLED_OFF" for fact in closed):
        return Situation.CALLED_OFF
    if any(fact.source is Source.PERSON for fact in closed):
        return Situation.CLOSED_BY_US
    if known.of(Kind.UNRESOLVED):
        return Situation.ENDED_UNCLEAR
    return Situation.NOT_SENT if any(fact.code == "UNSENT" for fact in closed) else Situation.SILENT


def _completed(row: Payment, known: Known) -> Situation:
    if row.refunded_cents:
        return Situation.REFUNDED
    if taken_back_cents(known):
        return Situation.TAKEN_BACK
    if row.answer == Payment.Answer.RETURNED:
        return Situation.GIVEN_BACK
    if row.answer == Payment.Answer.REFUSED:
        return Situation.NOT_GIVEN
    if row.answer == Payment.Answer.NOT_ASKED:
        return Situation.ODD_AMOUNT
    if owed_cents(row=row, known=known):
        return Situation.PAID_MORE
    return Situation.PAID if row.receipt else Situation.RECEIPT_FOLLOWS
