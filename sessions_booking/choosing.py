"""Choosing a time: two weeks of days with what is free on each, and the free times of one of them.

For a client who books and for either who moves a session. Days and times are Nairobi's.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from lib.clock import EAT
from sessions_booking import slots
from sessions_booking.models import SessionType
from sessions_booking.slots import Slot

WINDOW_DAYS = 14


@dataclass(frozen=True, slots=True)
class Day:
    """`free` is how many times one may choose from."""

    date: date
    free: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Time:
    """`at` is how an address names it."""

    starts_at: datetime
    at: str


@dataclass(frozen=True, slots=True)
class Choice:
    """`earlier` and `later` are first days of the windows beside this one."""

    days: list[Day]
    day: date | None
    morning: list[Time]
    afternoon: list[Time]
    evening: list[Time]
    earlier: date | None
    later: date | None

    @property
    def parts(self) -> list[tuple[str, list[Time]]]:
        named = [("morning", self.morning), ("afternoon", self.afternoon), ("evening", self.evening)]
        return [(name, times) for name, times in named if times]


def choose(*, type: SessionType, environment: str, asked: Mapping[str, str], now: datetime) -> Choice:
    """`asked` may name the first day (`from`) and a day (`day`); nonsense in it is as if it were not there."""
    today = now.astimezone(EAT).date()
    last = today + timedelta(days=slots.HORIZON_DAYS)
    day = _date(asked.get("day", ""))
    first = _window(_date(asked.get("from", "")) or day or today, today, last)
    by_day: dict[date, list[Slot]] = defaultdict(list)
    for slot in slots.free_slots(type=type, environment=environment, first=first, days=WINDOW_DAYS, now=now):
        by_day[slot.starts_at.astimezone(EAT).date()].append(slot)
    dates = [first + timedelta(days=n) for n in range(WINDOW_DAYS)]
    chosen = day if day in dates else next((one for one in dates if by_day[one]), None)
    times = [_time(slot) for slot in by_day[chosen]] if chosen else []
    return Choice(
        days=[Day(one, len(by_day[one]), one == chosen) for one in dates],
        day=chosen,
        morning=[time for time in times if _hour(time) < 12],
        afternoon=[time for time in times if 12 <= _hour(time) < 17],
        evening=[time for time in times if _hour(time) >= 17],
        earlier=first - timedelta(days=WINDOW_DAYS) if first > today else None,
        later=later if (later := first + timedelta(days=WINDOW_DAYS)) <= last else None,
    )


def read_time(text: str) -> datetime | None:
    """`2026-11-24T10:00` in Nairobi; None where it is not one."""
    found = _read(text, "%Y-%m-%dT%H:%M")
    return found.replace(tzinfo=EAT) if found else None


def _time(slot: Slot) -> Time:
    return Time(slot.starts_at, f"{slot.starts_at.astimezone(EAT):%Y-%m-%dT%H:%M}")


def _hour(time: Time) -> int:
    return time.starts_at.astimezone(EAT).hour


def _window(wanted: date, today: date, last: date) -> date:
    """The first day of the window of two weeks, counted from today, that holds the day."""
    within = min(max(wanted, today), last)
    return within - timedelta(days=(within - today).days % WINDOW_DAYS)


def _date(text: str) -> date | None:
    found = _read(text, "%Y-%m-%d")
    return found.date() if found else None


def _read(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form) if text.isascii() else None
    except ValueError:
        return None
