"""What clients read about a therapist and when they can be booked: words, weekly hours, exceptions, session types.

What is booked already stays booked: hours say what is free from now on, and a session keeps the price and length that
it was booked at. Each change is an act of the therapist's and stands in the trail.
"""

from collections.abc import Mapping
from datetime import datetime, time

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from audit import trail
from lib.db import entry_point, in_transaction
from lib.errors import Refusal
from sessions_booking.models import OUT_OF_REACH, REACH, HoursException, OpeningHours, SessionType, Therapist

MOST = 100  # rows of each kind: more is a mistake


@entry_point
def save_about(*, therapist_id: int, title: str, bio: str, now: datetime) -> None:
    """Their own words on their page. The trail says which of them changed, and how long they are; not what they say."""
    row = Therapist.objects.select_for_update(no_key=True).get(pk=therapist_id)
    changed = [name for name, text in (("title", title), ("bio", bio)) if getattr(row, name) != text]
    if not changed:
        return
    row.title, row.bio = title, bio
    row.save(update_fields=["title", "bio"])
    _record("about_saved", therapist_id, {"changed": changed, "title": title, "bio_length": len(bio)}, now)


@entry_point
def add_hours(*, therapist_id: int, weekday: int, opens: time, closes: time, now: datetime) -> OpeningHours:
    """Raises Refusal hours_overlap (409), too_many."""
    _lock(therapist_id)
    mine = OpeningHours.objects.filter(therapist_id=therapist_id)
    if mine.filter(weekday=weekday, opens__lt=closes, closes__gt=opens).exists():
        raise Refusal("hours_overlap", _("These hours overlap with others of that day."), status=409)
    _refuse_too_many(mine.count())
    row = mine.create(therapist_id=therapist_id, weekday=weekday, opens=opens, closes=closes)
    _record(
        "hours_added", therapist_id, {"weekday": weekday, "opens": f"{opens:%H:%M}", "closes": f"{closes:%H:%M}"}, now
    )
    return row


@entry_point
def remove_hours(*, therapist_id: int, hours_id: int, now: datetime) -> None:
    """Gone already is as good."""
    removed, _kinds = OpeningHours.objects.filter(therapist_id=therapist_id, pk=hours_id).delete()
    if removed:
        _record("hours_removed", therapist_id, {"hours": hours_id}, now)


@entry_point
def add_exception(
    *, therapist_id: int, kind: str, starts_at: datetime, ends_at: datetime, note: str, now: datetime
) -> HoursException:
    """Raises Refusal out_of_reach, too_many. The same one twice is one."""
    if starts_at < REACH[0] or ends_at >= REACH[1]:
        raise Refusal("out_of_reach", str(OUT_OF_REACH))
    _lock(therapist_id)
    mine = HoursException.objects.filter(therapist_id=therapist_id)
    same = mine.filter(kind=kind, starts_at=starts_at, ends_at=ends_at).first()
    if same:
        return same
    _refuse_too_many(mine.filter(ends_at__gt=now).count())
    row = mine.create(therapist_id=therapist_id, kind=kind, starts_at=starts_at, ends_at=ends_at, note=note)
    data = {"kind": kind, "starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}
    _record("exception_added", therapist_id, data, now)
    return row


@entry_point
def remove_exception(*, therapist_id: int, exception_id: int, now: datetime) -> None:
    """Gone already is as good."""
    removed, _kinds = HoursException.objects.filter(therapist_id=therapist_id, pk=exception_id).delete()
    if removed:
        _record("exception_removed", therapist_id, {"exception": exception_id}, now)


@entry_point
def save_type(
    *, therapist_id: int, type_id: int | None, name: str, minutes: int, price_cents: int, now: datetime
) -> SessionType:
    """A new one, or a changed one: what is booked keeps its price. Raises Refusal type_exists (409), not_found, too_many."""
    _lock(therapist_id)
    mine = SessionType.objects.filter(therapist_id=therapist_id)
    row = mine.filter(pk=type_id).first() if type_id else SessionType(therapist_id=therapist_id)
    if row is None:
        raise Refusal("not_found", _("There is no such session type."), status=404)
    _refuse_too_many(0 if type_id else mine.count())
    row.name, row.minutes, row.price_cents = name, minutes, price_cents
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        if "session_type_once" not in str(error):
            raise
        raise _exists() from error
    _record("type_saved", therapist_id, {"type": row.pk, "minutes": minutes, "price_cents": price_cents}, now)
    return row


@entry_point
def offer_type(*, therapist_id: int, type_id: int, offered: bool, now: datetime) -> None:
    """Whether it can be booked from now on."""
    if SessionType.objects.filter(therapist_id=therapist_id, pk=type_id).update(offered=offered):
        _record("type_offered" if offered else "type_withdrawn", therapist_id, {"type": type_id}, now)


def _exists() -> Refusal:
    message = _("You have a session type of this name already.")
    return Refusal("type_exists", message, status=409, errors={"name": [message]})


@in_transaction
def _lock(therapist_id: int) -> None:
    """Changes of one therapist's hours come one after the other."""
    Therapist.objects.select_for_update(no_key=True).get(pk=therapist_id)


def _refuse_too_many(count: int) -> None:
    if count >= MOST:
        raise Refusal("too_many", _("There are too many of these. Please remove some first."))


@in_transaction
def _record(action: str, therapist_id: int, data: Mapping[str, object], now: datetime) -> None:
    therapist = Therapist.objects.get(pk=therapist_id)
    trail.record(
        action=f"practice.{action}", actor=f"user:{therapist.user_id}", subject=f"therapist:{therapist_id}",
        data=data, at=now,
    )  # fmt: skip
