"""Reminders: of a session to its people when it is approved (SES-6), of a request to its therapist before it lapses.

Each is made, moved and taken off with its session, and said once. A row says when; the beat sweeps rows that are due and publishes `session.reminder`, in one transaction with the mark
that it was said. A reminder whose time had passed when the session was approved or moved is never made.
"""

from datetime import datetime, timedelta

from lib.clock import EAT
from lib.db import entry_point, in_transaction
from lib.rows import insert_rows, read_related, read_rows, update_rows
from outbox import box
from sessions_booking.models import ANSWER, REMINDERS, Booking, Reminder
from sessions_booking.states import REMINDED, State

BATCH = 100
_LAST = min(REMINDERS.values())
_EVENING, _MORNING = 21, 7  # hours in Nairobi


@in_transaction
def plan(booking: Booking, *, now: datetime) -> None:
    """Bring a session's reminders in line with its start. Said ones are said again only for another time."""
    rows = {row.kind: row for row in read_rows(Reminder, "WHERE booking_id = %s FOR UPDATE", [booking.pk])}
    planned = [
        row
        for kind, minutes in REMINDERS.items()
        if (row := _planned(booking, kind, rows.get(kind), booking.starts_at - timedelta(minutes=minutes), now))
    ]
    update_rows([row for row in planned if row.pk], ["due_at", "state"])
    insert_rows([row for row in planned if not row.pk])


def _planned(booking: Booking, kind: str, row: Reminder | None, due_at: datetime, now: datetime) -> Reminder | None:
    """The reminder as it is to be written; None where it may stay as it is, or need not be."""
    row = row or Reminder(booking=booking, kind=kind, due_at=due_at, state=Reminder.State.OFF)
    said = row.state == Reminder.State.SENT and row.due_at == due_at
    if due_at > now and not said:
        row.due_at, row.state = due_at, Reminder.State.WAITING
        return row
    if row.state == Reminder.State.WAITING:
        row.state = Reminder.State.OFF
        return row
    return None


@in_transaction
def plan_answer(booking: Booking, *, now: datetime) -> None:
    """Half-way to the deadline, once, however often the request is moved."""
    if booking.answer_by is None:
        return
    due_at = _by_day(now + (booking.answer_by - now) / 2, until=booking.answer_by)
    if not insert_rows([Reminder(booking=booking, kind=ANSWER, due_at=due_at)], once=True):
        mine = Reminder.objects.filter(booking=booking, kind=ANSWER, state=Reminder.State.WAITING)
        mine.update(due_at=due_at)


def _by_day(moment: datetime, *, until: datetime) -> datetime:
    """Nobody's phone rings at night, unless it must be then."""
    local = moment.astimezone(EAT)
    if _MORNING <= local.hour < _EVENING:
        return moment
    morning = local.replace(hour=_MORNING, minute=0, second=0, microsecond=0)
    morning += timedelta(days=local.hour >= _EVENING)
    return morning if morning < until else moment


@in_transaction
def call_off(booking: Booking) -> None:
    Reminder.objects.filter(booking=booking, state=Reminder.State.WAITING).update(state=Reminder.State.OFF)


def remind_due(*, now: datetime) -> int:
    """Say what is due; how many were said."""
    said = 0
    while batch := _remind(now=now):
        said += batch.count(True)
        if len(batch) < BATCH:
            break
    return said


@entry_point
def _remind(*, now: datetime) -> list[bool]:
    """One batch; for each reminder whether it was said."""
    due = "WHERE one.state = 'WAITING' AND one.due_at <= %s ORDER BY one.due_at, one.id LIMIT %s"
    rows = read_related(Reminder, ("booking",), f"{due} FOR UPDATE OF one SKIP LOCKED", [now, BATCH])
    telling = [row for row in rows if _still_of_use(row, now)]
    for row in rows:
        row.state = Reminder.State.SENT if row in telling else Reminder.State.OFF
    update_rows(rows, ["state"])
    box.publish_many(_message(row) for row in telling)
    return [row in telling for row in rows]


def _still_of_use(row: Reminder, now: datetime) -> bool:
    """Not after the start, and not a day's reminder when the hour's has come (the beat was down)."""
    if row.kind == ANSWER:
        return row.booking.state == State.PENDING and bool(row.booking.answer_by and now < row.booking.answer_by)
    until = row.booking.starts_at
    if REMINDERS[row.kind] > _LAST:
        until -= timedelta(minutes=_LAST)
    return row.booking.state in REMINDED and now < until


def _message(row: Reminder) -> box.Message:
    key = f"{row.booking.code}:{row.kind}:{int(row.due_at.timestamp())}"
    payload = {"booking_id": row.booking_id, "by": "system", "actor_id": 0}
    if row.kind == ANSWER:
        return box.Message("session.unanswered", key, payload)
    payload["kind"] = row.kind
    return box.Message("session.reminder", key, payload)
