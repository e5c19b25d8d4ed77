"""What happened to a payment, step by step, in the payer's words."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from lib import money
from payments.facts import Fact, Kind, Known, Source
from payments.models import Payment


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a timeline (templates/_timeline.html)."""

    at: datetime
    text: str
    tone: str = "grey"
    icon: str = "clock"
    detail: str = ""


def story(*, row: Payment, known: Known) -> list[Event]:
    """Oldest first."""
    first = Event(
        row.initiated_at, _("You asked to pay %(money)s.") % {"money": money.words(row.amount_cents)}, "blue", "send"
    )
    told = [event for fact in known.facts if (event := _event(fact))]
    paid = [
        Event(
            row.completed_at or row.updated_at,
            _("M-Pesa confirmed %(money)s.") % {"money": money.words(lot.amount_cents)},
            "green",
            "check",
            _("Receipt %(receipt)s") % {"receipt": lot.receipt},
        )
        for lot in known.lots
    ]
    return [first, *sorted([*told, *paid], key=lambda event: event.at)]


def _event(fact: Fact) -> Event | None:
    if fact.at is None:
        return None
    match fact.kind:
        case Kind.ACCEPTED:
            return Event(fact.at, _("M-Pesa sent the request to the phone."), "amber", "phone")
        case Kind.REFUSED:
            return Event(fact.at, _("M-Pesa did not take the request. It was not sent."), "amber", "alert")
        case Kind.LOST:
            return Event(fact.at, _("M-Pesa's answer was lost. The request may be on the phone."), "amber", "alert")
        case Kind.SUCCEEDED:
            return Event(fact.at, _("M-Pesa told us that it was paid."), "green", "check")
        case Kind.FAILED:
            return Event(fact.at, _("M-Pesa told us that it was not paid."), "red", "alert")
        case Kind.CANCELLED:
            return Event(fact.at, _("The request was cancelled."), "grey", "cross")
        case Kind.REVERSED:
            return Event(fact.at, _("M-Pesa took the money back."), "amber", "back")
        case Kind.CLOSED:
            words = _("You started a new payment instead.") if fact.source is Source.PAYER else _("We stopped waiting.")
            return Event(fact.at, words, "grey", "minus")
        case _:
            return None
