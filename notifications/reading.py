"""What a person sees of their notifications: the list, how many are unread, and reading them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from lib.db import entry_point
from notifications import words
from notifications.models import Channel, Notification, Preference
from notifications.words import Words
from payments import live


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the list."""

    row: Notification
    words: Words


def shown_to(user_id: int) -> "QuerySet[Notification]":
    """Newest first, with all that their words need."""
    rows = Notification.objects.filter(recipient_id=user_id, channel=Channel.IN_APP)
    return rows.select_related("booking__client", "booking__therapist", "payment__payer").order_by("-id")


def lines(rows: Sequence[Notification]) -> list[Line]:
    return [Line(row, words.words(row)) for row in rows]


def unread(user_id: int) -> int:
    return Notification.objects.filter(recipient_id=user_id, channel=Channel.IN_APP, seen_at=None).count()


@entry_point
def see(*, user_id: int, ids: Sequence[int] | None = None, now: datetime) -> int:
    """Mark as read: all of theirs, or these. How many were unread; their other open pages follow."""
    rows = Notification.objects.filter(recipient_id=user_id, channel=Channel.IN_APP, seen_at=None)
    seen = (rows if ids is None else rows.filter(pk__in=ids)).update(seen_at=now)
    if seen:
        live.tell_people([user_id], {"type": "notification"}, now=now)
    return seen


def preference_of(user_id: int) -> Preference:
    """Everything is on until somebody says otherwise."""
    return Preference.objects.filter(pk=user_id).first() or Preference(user_id=user_id)


@entry_point
def choose(*, user_id: int, email: bool, sms: bool) -> None:
    Preference.objects.update_or_create(user_id=user_id, defaults={"email": email, "sms": sms})
