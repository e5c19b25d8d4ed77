"""From an event to rows: who is told, on which channels, and why somebody is not.

The rows of one event and the deliveries that will send them are one transaction; the unique constraint makes a second
announcement of the same event nothing at all. Whoever acted is not told what they did themselves. Nobody is told what
has been overtaken by newer news, and nobody who has left.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings

from accounts.models import User
from lib.db import entry_point
from lib.phone import mask_all
from lib.rows import insert_missing, read_related, read_rows
from notifications import plan
from notifications.models import Audience, Channel, Notification, Preference
from outbox import box
from payments import live, presenting
from payments.models import Payment
from payments.situation import Situation
from payments.states import Status
from sessions_booking.models import Booking

TOPIC = "notification.send"
HANDLER = "notifications.sending.send"
_SAID_ELSEWHERE = {Situation.REPLACED, Situation.CALLED_OFF}  # by the new payment, or with what was called off


@dataclass(frozen=True, slots=True)
class News:
    """One event, ready to be told. `people` by audience."""

    event: str
    key: str
    people: Mapping[Audience, User]
    booking: Booking | None = None
    payment: Payment | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@entry_point
def announce_session(*, event: str, payload: Mapping[str, Any], now: datetime) -> None:
    """Tell the other side of a session; both where nobody of the two acted. `payload` as the outbox brings it."""
    related = ("client", "therapist", "therapist__user")
    (booking,) = read_related(Booking, related, "WHERE one.id = %s", [payload["booking_id"]])
    people = {Audience.CLIENT: booking.client, Audience.THERAPIST: booking.therapist.user}
    kept = {audience: user for audience, user in people.items() if _is_told(event, audience, payload)}
    data = {name: payload[name] for name in ("from", "by", "owed", "kind") if name in payload}
    data["starts_at"] = booking.starts_at.isoformat()
    _tell(News(event, _session_key(event, booking, payload), kept, booking=booking, data=data), now=now)


@entry_point
def announce_payment(*, event: str, payload: Mapping[str, Any], now: datetime) -> None:
    """Tell the payer. What it means for the other side of a session is an event of the session."""
    (payment,) = read_related(Payment, ("payer",), "WHERE one.id = %s", [payload["payment_id"]])
    shown = presenting.show(payment, now=now)
    if overtaken(event, payment) or shown.words.situation in _SAID_ELSEWHERE:
        return
    people = {Audience.PAYER: payment.payer}
    words = {name: getattr(shown.words, name) for name in ("headline", "happened", "next_step", "owed")}
    data = {**words, "thing": shown.thing.title}
    key = str(payload.get("key") or payment.transaction_id)
    _tell(News(event, key, people, payment=payment, data=data), now=now)


def overtaken(event: str, payment: Payment) -> bool:
    """The payment has moved on: other words are on their way."""
    named = event.removeprefix("payment.").upper()
    return named in Status.values and payment.status != named


def _is_told(event: str, audience: Audience, payload: Mapping[str, Any]) -> bool:
    if event == "session.reminder":
        return audience is Audience.CLIENT or payload["kind"] == "1h"
    if payload.get("owed") and audience is Audience.CLIENT:
        return True  # money that is kept for somebody is always told
    return payload.get("by") != audience.value


def _session_key(event: str, booking: Booking, payload: Mapping[str, Any]) -> str:
    """A session reaches each state once; it may be moved, reminded of and paid for more often."""
    if event == "session.rescheduled":
        return f"{booking.code}:{payload.get('sequence', booking.sequence)}"
    if event == "session.owed":
        return f"{booking.code}:{payload['payment_id']}"
    if event == "session.reminder":
        return f"{booking.code}:{payload['kind']}:{booking.starts_at:%Y%m%d%H%M}"
    return booking.code


def _tell(news: News, *, now: datetime) -> None:
    """Inside the announcement's transaction. A row that stands already was written together with its delivery; open
    pages are told of it again, for whoever wrote it may have died before it told them."""
    rows = list(_rows(news, now))
    publish(row for row in insert_missing(rows) if row.channel != Channel.IN_APP and not row.skipped)
    shown = {row.recipient_id for row in rows if row.channel == Channel.IN_APP}
    live.tell_people(shown, {"type": "notification"}, now=now)


def publish(rows: Iterable[Notification]) -> None:
    """Have each sent after the commit; once, however often it is asked for."""
    messages = [
        box.Message(TOPIC, f"notification:{row.pk}", {"notification_id": row.pk}, handlers=[HANDLER]) for row in rows
    ]
    box.publish_many(messages)


def _rows(news: News, now: datetime) -> Iterator[Notification]:
    ids = [user.pk for user in news.people.values()]
    chosen = {one.pk: one for one in read_rows(Preference, "WHERE user_id = ANY(%s)", [ids])}
    data = {name: mask_all(value) if isinstance(value, str) else value for name, value in news.data.items()}
    for audience, channels in plan.PLAN[news.event].items():
        user = news.people.get(audience)
        if user is None or user.data_key is None or not user.is_active:
            continue
        for channel in channels:
            skipped = _why_not(news.event, channel, user, chosen.get(user.pk))
            in_app = now if channel is Channel.IN_APP else None
            yield Notification(
                event=news.event, key=news.key, recipient=user, audience=audience, channel=channel, data=data,
                booking=news.booking, payment=news.payment, created_at=now, skipped=skipped, sent_at=in_app,
            )  # fmt: skip


def _why_not(event: str, channel: Channel, user: User, chosen: Preference | None) -> str:
    """Why this channel stays silent for this person; "" where it does not."""
    if channel is Channel.EMAIL and chosen and not chosen.email and event not in plan.ALWAYS:
        return "turned off by the person"
    if channel is not Channel.SMS:
        return ""
    if chosen and not chosen.sms:
        return "turned off by the person"
    if not settings.SMS_BACKEND:
        return "SMS is not set up"
    return "" if user.phone else "no phone number"
