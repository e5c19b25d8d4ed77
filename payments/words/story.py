"""What happened to a payment, one line after the other, in the payer's words: the timeline of its details.

A pure function of what is known. What is of no use to a payer (our own doubts, a person's answers to them) is left out.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from lib import money
from payments.facts import Fact, Kind, Known, Lot, Source
from payments.models import Payment
from payments.payable import Description
from payments.providers import Provider, provider


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a timeline (templates/_timeline.html)."""

    at: datetime
    text: str
    icon: str
    tone: str
    detail: str = ""


def story(*, row: Payment, known: Known, arrivals: Mapping[str, datetime], thing: Description) -> list[Event]:
    """Oldest first. `arrivals` says when each receipt was told to us."""
    says = provider(row.provider)
    events = [_asked(row), *_waited(row)]
    events += [event for fact in known.of(*_LINES) if fact.at for event in _LINES[fact.kind](fact, fact.at, says)]
    events += [_arrived(lot, arrivals.get(lot.receipt) or row.updated_at) for lot in sorted(known.lots, key=_receipt)]
    events += _given(row, thing)
    return sorted(events, key=lambda event: event.at)


def _receipt(lot: Lot) -> str:
    return lot.receipt


def _asked(row: Payment) -> Event:
    asked = {"money": money.words(row.amount_cents), "phone": f"•••• {row.phone_tail}"}
    return Event(row.initiated_at, _("You asked to pay %(money)s from %(phone)s.") % asked, "send", "blue")


def _waited(row: Payment) -> Iterable[Event]:
    if row.timed_out_at:
        yield Event(row.timed_out_at, _("No answer in two minutes: we asked M-Pesa."), "clock", "amber")


def _sent(fact: Fact, at: datetime, says: Provider) -> Iterable[Event]:
    if fact.submission > 1:
        yield Event(at, _("We tried again."), "send", "blue")


def _unsent(fact: Fact, at: datetime, says: Provider) -> Iterable[Event]:
    yield Event(at, says.explain_refusal(fact.code).happened, "alert", "amber")


def _accepted(fact: Fact, at: datetime, says: Provider) -> Iterable[Event]:
    yield Event(at, _("M-Pesa took the request and sent it to the phone."), "phone", "amber")


def _succeeded(fact: Fact, at: datetime, says: Provider) -> Iterable[Event]:
    yield Event(at, _("M-Pesa confirmed the payment."), "check", "green")


def _failed(fact: Fact, at: datetime, says: Provider) -> Iterable[Event]:
    if fact.source is Source.PERSON:
        yield Event(at, _("We looked into it: this payment did not happen."), "alert", "red")
    elif fact.source is Source.PUSH:  # the refusal before it says why
        yield Event(at, _("So the request was not sent."), "alert", "red")
    else:
        yield Event(at, says.explain(fact.code).happened, "alert", "red")


def _cancelled(fact: Fact, at: datetime, says: Provider) -> Iterable[Event]:
    yield Event(at, says.explain(fact.code).happened, "cross", "grey")


def _unresolved(fact: Fact, at: datetime, says: Provider) -> Iterable[Event]:
    yield Event(at, says.explain(fact.code).happened, "clock", "amber")


def _closed(fact: Fact, at: datetime, says: Provider) -> Iterable[Event]:
    unsent = _("It could not be sent in time, so nothing was taken.")
    silent = _("We stopped waiting; M-Pesa had not told us how it ended.")
    if fact.code == "CALLED_OFF":
        yield Event(at, _("It was cancelled before the request was sent."), "minus", "grey")
        return
    by = {Source.PAYER: _("You started a new payment instead."), Source.PERSON: _("We stopped waiting for it.")}
    yield Event(at, by.get(fact.source, unsent if fact.code == "UNSENT" else silent), "minus", "grey")


def _reversed(fact: Fact, at: datetime, says: Provider) -> Iterable[Event]:
    taken = {"money": money.words(fact.amount_cents)}
    yield Event(at, _("M-Pesa took %(money)s back.") % taken, "back", "amber", fact.receipt)


def _returned(fact: Fact, at: datetime, says: Provider) -> Iterable[Event]:
    yield Event(at, _("It was cancelled: the money is kept for you."), "back", "amber")


_LINES: dict[Kind, Callable[[Fact, datetime, Provider], Iterable[Event]]] = {
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
    Kind.RETURNED: _returned,
}


def _arrived(lot: Lot, at: datetime) -> Event:
    came = _("%(money)s arrived.") % {"money": money.words(lot.amount_cents)}
    return Event(at, came, "check", "green", _("Receipt %(receipt)s") % {"receipt": lot.receipt})


def _given(row: Payment, thing: Description) -> Iterable[Event]:
    if row.answer in (Payment.Answer.GIVEN, Payment.Answer.RETURNED) and row.completed_at:
        words = {"money": money.words(row.amount_cents), "given": thing.given_words}
        yield Event(row.completed_at, _("%(money)s %(given)s") % words, "wallet", "green")
