"""The one place that turns a payment's state into words for the person who pays.

*Did my money go?* comes first (`headline`, `happened`), then what to do (`next_step`, `actions`), then how long
(`seconds_left`). M-Pesa's codes are turned into sentences by the provider and never shown. Pages, e-mails and lists
take their words from here, so no two of them can say different things about one payment.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from payments.facts import Kind, Known, Source
from payments.models import Payment
from payments.payable import Description
from payments.providers import Words, provider
from payments.situation import Situation, situation
from payments.states import LIVE, Status
from payments.words import on_the_way, with_money, without_money
from payments.words.shapes import Action, Case, PayerWords, Said

__all__ = ["Action", "Brief", "PayerWords", "brief", "payer_words", "told_by_provider"]

_TEXTS: dict[Situation, Callable[[Case], Said]] = {
    Situation.SENDING: on_the_way.sending,
    Situation.QUEUED: on_the_way.queued,
    Situation.PERHAPS_SENT: on_the_way.perhaps_sent,
    Situation.PROMPTED: on_the_way.prompted,
    Situation.UNCLEAR: on_the_way.unclear,
    Situation.TIMED_OUT: on_the_way.timed_out,
    Situation.STILL_PROCESSING: on_the_way.still_processing,
    Situation.REPLACED: without_money.replaced,
    Situation.NOT_SENT: without_money.not_sent,
    Situation.CALLED_OFF: without_money.called_off,
    Situation.SILENT: without_money.silent,
    Situation.ENDED_UNCLEAR: without_money.ended_unclear,
    Situation.CLOSED_BY_US: without_money.closed_by_us,
    Situation.FAILED: without_money.failed,
    Situation.NOT_PAID: without_money.not_paid,
    Situation.CANCELLED: without_money.cancelled,
    Situation.PAID: with_money.paid,
    Situation.RECEIPT_FOLLOWS: with_money.receipt_follows,
    Situation.PAID_MORE: with_money.paid_more,
    Situation.ODD_AMOUNT: with_money.odd_amount,
    Situation.NOT_GIVEN: with_money.not_given,
    Situation.GIVEN_BACK: with_money.given_back,
    Situation.TAKEN_BACK: with_money.taken_back,
    Situation.REFUNDED: with_money.refunded,
}
_LOOKS = {  # the state that a pill shows, tone, icon: colour never speaks alone
    Situation.SENDING: ("SENDING", "amber", "send"),
    Situation.QUEUED: ("SENDING", "amber", "clock"),
    Situation.PERHAPS_SENT: ("SENDING", "amber", "phone"),
    Situation.PROMPTED: ("PROMPTED", "amber", "phone"),
    Situation.UNCLEAR: ("PROMPTED", "amber", "clock"),
    Situation.TIMED_OUT: ("PROMPTED", "amber", "clock"),
    Situation.STILL_PROCESSING: ("PROMPTED", "amber", "clock"),
    Situation.REPLACED: ("EXPIRED", "grey", "minus"),
    Situation.NOT_SENT: ("EXPIRED", "grey", "minus"),
    Situation.CALLED_OFF: ("EXPIRED", "grey", "minus"),
    Situation.SILENT: ("EXPIRED", "grey", "clock"),
    Situation.ENDED_UNCLEAR: ("EXPIRED", "amber", "alert"),
    Situation.CLOSED_BY_US: ("EXPIRED", "grey", "minus"),
    Situation.FAILED: ("FAILED", "red", "alert"),
    Situation.NOT_PAID: ("FAILED", "red", "alert"),
    Situation.CANCELLED: ("CANCELLED", "grey", "cross"),
    Situation.PAID: ("COMPLETED", "green", "check"),
    Situation.RECEIPT_FOLLOWS: ("COMPLETED", "green", "check"),
    Situation.PAID_MORE: ("COMPLETED", "green", "check"),
    Situation.ODD_AMOUNT: ("OWED", "amber", "info"),
    Situation.NOT_GIVEN: ("OWED", "amber", "info"),
    Situation.GIVEN_BACK: ("OWED", "amber", "back"),
    Situation.TAKEN_BACK: ("OWED", "amber", "back"),
    Situation.REFUNDED: ("REFUNDED", "blue", "back"),
}


@dataclass(frozen=True, slots=True)
class Brief:
    """One word for a list, and the state of the pill that shows it."""

    state: str
    word: str


def payer_words(*, row: Payment, known: Known, told: Words | None, thing: Description, now: datetime) -> PayerWords:
    """What the payer reads. `told` is what `told_by_provider` found, `thing` what is paid for."""
    found = situation(row=row, known=known, now=now)
    state, tone, icon = _LOOKS[found]
    texts = _TEXTS[found](Case(row, known, told, thing, now))
    if row.status in LIVE and thing.warning:
        texts = {**texts, "next_step": thing.warning, "steps": (), "hints": (), "actions": ()}
    return PayerWords(
        situation=found, state=state, tone=tone, icon=icon, live=row.status in LIVE, receipt=row.receipt, **texts
    )


def told_by_provider(*, row: Payment, known: Known) -> Words | None:
    """The provider's own words for what decides: the last push that was not sent, or the result."""
    says = provider(row.provider)
    if row.status == Status.SENDING:
        unsent = known.of(Kind.REFUSED, Kind.LOST)
        return says.explain_refusal(unsent[-1].code) if unsent else None
    if not row.result_code or row.result_source == Source.PERSON:
        return None
    return says.explain_refusal(row.result_code) if row.result_source == Source.PUSH else says.explain(row.result_code)


def brief(row: Payment) -> Brief:
    """For lists: from the row alone."""
    if row.status == Status.COMPLETED:
        return _brief_with_money(row)
    if row.status == Status.PROMPTED and row.timed_out_at:
        return Brief(row.status, _("No answer yet"))
    words = {
        Status.SENDING: _("Sending"),
        Status.PROMPTED: _("Waiting for PIN"),
        Status.EXPIRED: _("Timed out"),
        Status.FAILED: _("Not paid"),
        Status.CANCELLED: _("Cancelled"),
    }
    return Brief(row.status, words[Status(row.status)])


def _brief_with_money(row: Payment) -> Brief:
    if row.refunded_cents:
        whole = row.refunded_cents >= row.received_cents
        return Brief("REFUNDED", _("Refunded") if whole else _("Partly refunded"))
    if row.answer == Payment.Answer.GIVEN:
        return Brief("COMPLETED", _("Paid"))
    return Brief("OWED", _("Kept for you"))
