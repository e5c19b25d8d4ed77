"""A notification in words: for a mail, an SMS, or the list in the product.

The sentences stand in `templates/notifications/<event>/<audience>.txt`, one file for each line of the plan, which says
the part it is asked for: `title`, `text`, `action` (the word on the button), `sms`. Facts beside them (when, with whom,
how much, the receipt) are the same for all.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.template import Context
from django.template.loader import get_template
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from lib import money
from lib.clock import EAT
from notifications.models import Audience, Notification
from notifications.sms import gsm
from payments.models import Payment
from sessions_booking.models import Booking
from sessions_booking.states import State
from sessions_booking.words import name_of

_TO_BE_ANSWERED = {"session.requested", "session.unanswered"}


@dataclass(frozen=True, slots=True)
class Words:
    """`paragraphs` and `more` are plain text; `url` is a path of ours, and `action` what its button says."""

    title: str
    paragraphs: list[str]
    more: list[str]
    facts: list[tuple[str, str]]
    action: str
    url: str


def words(row: Notification) -> Words:
    """For a mail and for the list. `row` with its booking (therapist, client) and payment: no query then."""
    said = _context(row)
    return Words(
        title=_part(row, "title", said),
        paragraphs=_paragraphs(row, "text", said),
        more=_paragraphs(row, "more", said),
        facts=[fact for fact in _facts(row) if fact[1]],
        action=_part(row, "action", said),
        url=link(row),
    )


def sms(row: Notification) -> str:
    """At most 160 characters of the phone alphabet; the address goes first where it is too long."""
    said = _context(row)
    text = gsm.plain(_part(row, "sms", said))
    whole = f"{text} {settings.PUBLIC_URL}{link(row)}"
    return whole if gsm.fits(whole) else gsm.cut(text)


def link(row: Notification) -> str:
    """Where one goes on from here."""
    if row.booking:
        payable = row.event == "session.approved" and row.booking.state == State.APPROVED
        return reverse("sessions_booking:pay" if payable else "sessions_booking:session", args=[row.booking.code])
    if row.payment is None:  # cannot be: notification_about_something
        return "/"
    return reverse("payments:payment", args=[row.payment.transaction_id])


def long_time(at: datetime) -> str:
    """Monday 23 November 2026, 14:00 East Africa Time."""
    return f"{date_format(at.astimezone(EAT), 'l j F Y, H:i', use_l10n=False)} {_('East Africa Time')}"


def short_time(at: datetime) -> str:
    """Mon 23 Nov, 14:00: for lists and SMS, which say EAT themselves."""
    return date_format(at.astimezone(EAT), "D j M, H:i", use_l10n=False)


def _part(row: Notification, name: str, said: dict[str, Any]) -> str:
    return " ".join(_text(row, name, said).split())


def _paragraphs(row: Notification, name: str, said: dict[str, Any]) -> list[str]:
    """An empty line ends one."""
    return [" ".join(text.split()) for text in _text(row, name, said).split("\n\n") if text.strip()]


def _text(row: Notification, name: str, said: dict[str, Any]) -> str:
    """As plain text: whoever puts it into HTML escapes it."""
    template: Any = get_template(f"notifications/{row.event.replace('.', '_')}/{row.audience}.txt")
    return str(template.template.render(Context({**said, "part": name}, autoescape=False)))


def _context(row: Notification) -> dict[str, Any]:
    said = {**row.data, "business": settings.BUSINESS_NAME, "sender": settings.SESSION_DESCRIPTION}
    if row.booking:
        said |= _of_booking(row, row.booking)
    if row.payment:
        said |= _of_payment(row.payment)
    return said


def _of_booking(row: Notification, booking: Booking) -> dict[str, Any]:
    before, at = row.data.get("from"), row.data.get("starts_at")
    return {
        "booking": booking,
        "therapist": booking.therapist.name,
        "client": name_of(booking.client),
        "when": short_time(datetime.fromisoformat(at) if at else booking.starts_at),
        "before": short_time(datetime.fromisoformat(before)) if before else "",
        "answer_by": short_time(booking.answer_by) if booking.answer_by else "",
        "pay_by": short_time(booking.pay_by) if booking.pay_by else "",
        "amount": money.words(booking.price_cents),
        "clock": booking.starts_at.astimezone(EAT).strftime("%H:%M"),
    }


def _of_payment(payment: Payment) -> dict[str, Any]:
    return {
        "payment": payment,
        "amount": money.words(payment.amount_cents),
        "received": money.words(payment.received_cents or payment.amount_cents),
        "receipt": payment.receipt,
        "payer": str(payment.payer),
    }


def _facts(row: Notification) -> list[tuple[str, str]]:
    return [*(_session_facts(row, row.booking) if row.booking else []), *(_payment_facts(row) if row.payment else [])]


def _session_facts(row: Notification, booking: Booking) -> list[tuple[str, str]]:
    at = row.data.get("starts_at")
    other = booking.therapist.name if row.audience == Audience.CLIENT else name_of(booking.client)
    return [
        (_("When"), long_time(datetime.fromisoformat(at) if at else booking.starts_at)),
        (_("With"), other),
        (_("Price"), money.words(booking.price_cents)),
        (_("Answer by"), long_time(booking.answer_by) if booking.answer_by and row.event in _TO_BE_ANSWERED else ""),
        (_("Pay by"), long_time(booking.pay_by) if booking.pay_by and row.event == "session.approved" else ""),
        (_("Session"), booking.code),
    ]


def _payment_facts(row: Notification) -> list[tuple[str, str]]:
    payment = row.payment
    if payment is None:
        return []
    paid = payment.completed_at is not None
    return [
        (_("M-Pesa receipt"), payment.receipt),
        (_("Amount"), money.words(payment.received_cents or payment.amount_cents)),
        (_("For"), str(row.data.get("thing", ""))),
        (_("Paid to") if paid else _("To"), settings.BUSINESS_NAME),
        (_("Time"), long_time(payment.completed_at or payment.initiated_at)),
        (_("Payment"), payment.transaction_id),
    ]
