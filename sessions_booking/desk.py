"""The lists of the two dashboards: a client's sessions, a therapist's practice."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet

from accounts.models import User
from lib.clock import EAT
from sessions_booking import reading
from sessions_booking.models import Booking
from sessions_booking.presenting import Shown, show
from sessions_booking.states import OPEN, State

AHEAD_DAYS = 14
_LONGEST = 200  # rows of one list: the nearest
_AGREED = frozenset({State.APPROVED, State.CONFIRMED, State.COMPLETED})


@dataclass(frozen=True, slots=True)
class Counts:
    to_approve: int
    unpaid: int
    today: int


@dataclass(frozen=True, slots=True)
class Board:
    """A therapist's sessions: today's, those asked for, the next two weeks', and later ones."""

    today: list[Shown]
    requests: list[Shown]
    soon: list[Shown]
    later: list[Shown]

    @property
    def rows(self) -> list[Shown]:
        return [*self.today, *self.requests, *self.soon, *self.later]


def of_client(user: User) -> "QuerySet[Booking]":
    return reading.visible_to(user).filter(client=user)


def of_therapist(user: User) -> "QuerySet[Booking]":
    return reading.visible_to(user).filter(therapist__user=user)


def ahead(rows: "QuerySet[Booking]", now: datetime) -> "QuerySet[Booking]":
    return rows.filter(state__in=sorted(OPEN), ends_at__gt=now).order_by("starts_at", "pk")


def behind(rows: "QuerySet[Booking]", now: datetime) -> "QuerySet[Booking]":
    """Newest first."""
    return rows.exclude(state__in=sorted(OPEN), ends_at__gt=now).order_by("-starts_at", "-pk")


def same_again(*, user: User, type_id: int, starts_at: datetime) -> Booking | None:
    """The open session that this client has at this very time already: what a second click asks for."""
    return of_client(user).filter(type_id=type_id, starts_at=starts_at, state__in=sorted(OPEN)).first()


def next_session(*, user: User, now: datetime) -> Shown | None:
    """The client's next one."""
    found = show(list(ahead(of_client(user), now)[:1]), user=user, now=now)
    return found[0] if found else None


def counts(*, user: User, now: datetime) -> Counts:
    """In one query."""
    begin, end = _today(now)
    is_today = Q(starts_at__gte=begin, starts_at__lt=end, state__in=sorted(_AGREED))
    found = (
        of_therapist(user)
        .order_by()
        .aggregate(
            to_approve=Count("pk", filter=Q(state=State.PENDING, starts_at__gt=now)),
            unpaid=Count("pk", filter=Q(state=State.APPROVED)),
            today=Count("pk", filter=is_today),
        )
    )
    return Counts(**found)


def board(*, user: User, now: datetime) -> Board:
    begin, end = _today(now)
    mine = of_therapist(user).order_by("starts_at", "pk")
    asked = mine.filter(state=State.PENDING, starts_at__gt=now)[:_LONGEST]  # none is behind a full diary
    settled = mine.filter(state__in=sorted(_AGREED), starts_at__gte=begin)[:_LONGEST]
    shown = show([*asked, *settled], user=user, now=now)
    agreed = [row for row in shown if row.booking.state in _AGREED]
    until = end + timedelta(days=AHEAD_DAYS)
    return Board(
        today=[row for row in agreed if row.booking.starts_at < end],
        requests=[row for row in shown if row.may_answer],
        soon=[row for row in agreed if end <= row.booking.starts_at < until],
        later=[row for row in agreed if row.booking.starts_at >= until],
    )


def _today(now: datetime) -> tuple[datetime, datetime]:
    """From midnight to midnight in Nairobi."""
    begin = now.astimezone(EAT).replace(hour=0, minute=0, second=0, microsecond=0)
    return begin, begin + timedelta(days=1)
