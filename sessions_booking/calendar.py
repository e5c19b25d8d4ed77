"""A session as a calendar file (RFC 5545): one event that a calendar replaces when it is fetched again.

The UID stays, SEQUENCE rises with every change of time or state, and what was cancelled says so. Calendars are often
shared, and these are therapy sessions: no names, no business, nothing but "Appointment" and the way to our page.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parseaddr
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from sessions_booking.models import Booking
from sessions_booking.states import State

CONTENT_TYPE = "text/calendar; charset=utf-8"
_LONGEST = 75  # bytes of a line, without its end (RFC 5545, 3.1)
_STATUS = {
    State.PENDING: "TENTATIVE",
    State.APPROVED: "TENTATIVE",
    State.CONFIRMED: "CONFIRMED",
    State.COMPLETED: "CONFIRMED",
    State.DECLINED: "CANCELLED",
    State.CANCELLED: "CANCELLED",
    State.EXPIRED: "CANCELLED",
}


def file_of(booking: Booking) -> bytes:
    """The whole file, in UTF-8."""
    return "".join(f"{part}\r\n" for line in _lines(booking) for part in _folded(line)).encode()


def filename(booking: Booking) -> str:
    return f"appointment-{booking.code}.ics"


def _lines(booking: Booking) -> Iterator[str]:
    status = _STATUS[State(booking.state)]
    yield from ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Malipo//Appointments//EN", "CALSCALE:GREGORIAN")
    yield f"METHOD:{'CANCEL' if status == 'CANCELLED' else 'PUBLISH'}"
    yield "BEGIN:VEVENT"
    yield f"UID:{booking.code}@{urlsplit(settings.PUBLIC_URL).hostname}"
    yield f"SEQUENCE:{booking.sequence}"
    yield f"DTSTAMP:{_utc(booking.changed_at)}"
    yield f"LAST-MODIFIED:{_utc(booking.changed_at)}"
    yield f"DTSTART:{_utc(booking.starts_at)}"
    yield f"DTEND:{_utc(booking.ends_at)}"
    yield f"SUMMARY:{_escaped(_('Appointment'))}"
    yield f"STATUS:{status}"
    yield f"TRANSP:{'TRANSPARENT' if status == 'CANCELLED' else 'OPAQUE'}"
    yield "CLASS:PRIVATE"
    yield f"ORGANIZER:mailto:{parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}"
    yield f"URL:{settings.PUBLIC_URL}{reverse('sessions_booking:session', args=[booking.code])}"
    yield from ("END:VEVENT", "END:VCALENDAR")


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _escaped(text: str) -> str:
    """RFC 5545, 3.3.11."""
    text = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return text.replace("\r\n", "\\n").replace("\n", "\\n")


def _folded(line: str) -> Iterator[str]:
    """Lines of at most 75 bytes; what goes on begins with a space; no letter is cut in two."""
    part = ""
    for letter in line:
        if len((part + letter).encode()) > _LONGEST:
            yield part
            part = " "
        part += letter
    yield part
