"""Everything that happened to one session in one list: the trail, its payments, its reminders. For staff."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from audit.models import Entry
from lib import money
from lib.clock import EAT
from lib.phone import hidden
from payments.admin.people import named, people_in
from payments.models import Payment
from payments.timeline import Event
from payments.words import brief
from sessions_booking.models import Booking, Reminder

_MOST = 200
_LOOKS = {
    "requested": ("person", "blue"),
    "approved": ("check", "green"),
    "declined": ("cross", "grey"),
    "cancelled": ("cross", "grey"),
    "rescheduled": ("clock", "blue"),
    "expired": ("minus", "grey"),
    "confirmed": ("check", "green"),
    "completed": ("check", "green"),
}


def history(row: Booking, attempts: Sequence[Payment]) -> list[Event]:
    """Oldest first; three queries, whoever and however many they were."""
    found = sorted([*_trail(row), *_tries(attempts), *_reminders(row)], key=lambda event: event.at)
    people = people_in([event.who for event in found])
    return [replace(event, who=named(event.who, people)) for event in found]


def _trail(row: Booking) -> Iterable[Event]:
    """Without the looks of staff, which stand in the trail only."""
    entries = Entry.objects.filter(subject=f"session:{row.code}").exclude(action="admin.viewed")
    for entry in entries.order_by("id")[:_MOST]:
        name = entry.action.rpartition(".")[2]
        icon, tone = _LOOKS.get(name, ("list", "grey"))
        yield Event(entry.at, "trail", icon, tone, entry.actor, name.replace("_", " ").capitalize(), _detail(entry))


def _detail(entry: Entry) -> str:
    """By whom it was done, and for which time."""
    said = {key: str(entry.data[key]) for key in ("by", "from", "starts_at") if entry.data.get(key)}
    times = {key: in_nairobi(said[key]) for key in ("from", "starts_at") if key in said}
    by = "payment" if entry.action.endswith(".confirmed") else said.get("by", "system")
    parts = [f"by {by}", f"from {times['from']}" if "from" in times else ""]
    parts.append(f"for {times['starts_at']}" if "starts_at" in times else "")
    return " · ".join(part for part in parts if part)


def in_nairobi(stamp: str) -> str:
    """ "Tue 24 Nov 2026 10:00" of an ISO time."""
    return f"{datetime.fromisoformat(stamp).astimezone(EAT):%a %d %b %Y %H:%M}"


def _tries(attempts: Sequence[Payment]) -> Iterable[Event]:
    for one in attempts:
        said = brief(one)
        words = (
            f"Asked {hidden(one.phone_tail)} for {money.words(one.amount_cents)}: {_STAFF.get(said.state, said.word)}"
        )
        ended = "" if one.completed_at else f"{one.result_code} {one.result_description}".strip()
        detail = " · ".join(part for part in (one.transaction_id, one.receipt, ended) if part)
        who = f"user:{one.payer_id}"
        yield Event(one.initiated_at, "money", "phone", "blue", who, words, detail, ("payments_payment", one.pk))


_STAFF = {"OWED": "owed to the payer"}  # whose words for it speak to the payer


def _reminders(row: Booking) -> Iterable[Event]:
    made = Reminder.objects.filter(booking=row).exclude(state=Reminder.State.OFF)
    for reminder in made.order_by("due_at"):
        tone = "green" if reminder.state == Reminder.State.SENT else "grey"
        words = f"Reminder {reminder.kind} before"
        link = ("sessions_booking_reminder", reminder.pk)
        yield Event(reminder.due_at, "fact", "mail", tone, "Malipo", words, reminder.get_state_display(), link)
