"""What happened to a payment, one line after the other, in the payer's words: the timeline of its details.

A pure function of the row, its facts and its lots. What is of no use to a payer (our own doubts, a person's answers
to them) is left out.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from lib import money
from payments.facts import Kind, Source
from payments.models import LotRow, Payment, PaymentFact
from payments.payable import Description
from payments.providers import provider


@dataclass(frozen=True, slots=True)
class Event:
    """As templates/_timeline.html shows it."""

    at: datetime
    text: str
    icon: str = "clock"
    tone: str = ""
    detail: str = ""


def story(
    *, row: Payment, facts: Sequence[PaymentFact], lots: Sequence[LotRow], thing: Description
) -> tuple[Event, ...]:
    """Oldest first."""
    events = [_asked(row), *_waited(row)]
    events += [event for fact in facts for event in _told(row, fact)]
    events += [_arrived(lot) for lot in lots]
    events += _given(row, thing)
    return tuple(sorted(events, key=lambda event: event.at))


def _asked(row: Payment) -> Event:
    asked = {"money": money.words(row.amount_cents), "phone": f"•••• {row.phone_tail}"}
    return Event(row.initiated_at, _("You asked to pay %(money)s from %(phone)s.") % asked, "send")


def _waited(row: Payment) -> Iterable[Event]:
    if row.timed_out_at:
        yield Event(row.timed_out_at, _("No answer in two minutes: we asked M-Pesa."), "clock", "amber")


def _told(row: Payment, fact: PaymentFact) -> Iterable[Event]:
    line = _LINES.get(Kind(fact.kind))
    if line:
        yield from line(row, fact)


def _sent(row: Payment, fact: PaymentFact) -> Iterable[Event]:
    if fact.submission > 1:
        yield Event(fact.at, _("We tried again."), "send")


def _unsent(row: Payment, fact: PaymentFact) -> Iterable[Event]:
    yield Event(fact.at, provider(row.provider).explain_refusal(fact.code).happened, "alert", "amber")


def _accepted(row: Payment, fact: PaymentFact) -> Iterable[Event]:
    yield Event(fact.at, _("M-Pesa took the request and sends it to your phone."), "phone")


def _succeeded(row: Payment, fact: PaymentFact) -> Iterable[Event]:
    yield Event(fact.at, _("M-Pesa confirmed your payment."), "check", "green")


def _failed(row: Payment, fact: PaymentFact) -> Iterable[Event]:
    if fact.source == Source.PERSON:
        yield Event(fact.at, _("We looked into it: this payment did not happen."), "alert", "red")
        return
    says = provider(row.provider)
    words = says.explain_refusal(fact.code) if fact.source == Source.PUSH else says.explain(fact.code)
    yield Event(fact.at, words.happened, "alert", "red")


def _cancelled(row: Payment, fact: PaymentFact) -> Iterable[Event]:
    yield Event(fact.at, provider(row.provider).explain(fact.code).happened, "cross", "grey")


def _unresolved(row: Payment, fact: PaymentFact) -> Iterable[Event]:
    yield Event(fact.at, provider(row.provider).explain(fact.code).happened, "clock", "amber")


def _closed(row: Payment, fact: PaymentFact) -> Iterable[Event]:
    why = {
        Source.PAYER: _("You started a new payment instead."),
        Source.PERSON: _("We stopped waiting for it."),
    }
    unsent = _("It could not be sent in time, so nothing was taken.")
    silent = _("We stopped waiting; M-Pesa had not told us how it ended.")
    yield Event(fact.at, why.get(Source(fact.source), unsent if fact.code == "UNSENT" else silent), "minus", "grey")


def _reversed(row: Payment, fact: PaymentFact) -> Iterable[Event]:
    taken = _("M-Pesa took %(money)s back.") % {"money": money.words(fact.amount_cents)}
    yield Event(fact.at, taken, "back", "amber", fact.receipt)


_LINES: dict[Kind, Callable[[Payment, PaymentFact], Iterable[Event]]] = {
    Kind.SENT: _sent,
    Kind.REFUSED: _unsent,
    Kind.LOST: _unsent,
    Kind.ACCEPTED: _accepted,
    Kind.SUCCEEDED: _succeeded,
    Kind.FAILED: _failed,
    Kind.CANCELLED: _cancelled,
    Kind.UNRESOLVED: _unresolved,
    Kind.CLOSED: _closed,
    Kind.REVERSED: _reversed,
}


def _arrived(lot: LotRow) -> Event:
    came = _("%(money)s arrived.") % {"money": money.words(lot.amount_cents)}
    receipt = _("Receipt %(receipt)s") % {"receipt": lot.receipt}
    return Event(lot.recorded_at, came, "check", "green", receipt)


def _given(row: Payment, thing: Description) -> Iterable[Event]:
    if row.answer == Payment.Answer.GIVEN and row.completed_at:
        words = {"money": money.words(row.amount_cents), "given": thing.given_words}
        yield Event(row.completed_at, _("%(money)s %(given)s") % words, "wallet", "green")
