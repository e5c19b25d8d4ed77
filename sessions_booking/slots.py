"""Which times are free: a therapist's weekly hours in Nairobi, less exceptions and what is booked.

A day's open windows are the weekly hours and extra hours of that day, joined where they touch, less the closed times.
Sessions begin on a grid of half hours from each window's opening, and end before it closes.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from lib.clock import EAT
from lib.rows import read_rows
from sessions_booking.models import Booking, HoursException, OpeningHours, SessionType, Therapist
from sessions_booking.states import HOLDS_TIME

STEP_MINUTES = 30  # slots begin on this grid from the opening on
NOTICE_MINUTES = 60  # a session is booked at least so long before it starts
HORIZON_DAYS = 60

Span = tuple[datetime, datetime]
_OVERLAPPING = "WHERE therapist_id = ANY(%s) AND starts_at < %s AND ends_at > %s"


@dataclass(frozen=True, slots=True)
class Slot:
    """A free time, aware."""

    starts_at: datetime
    ends_at: datetime


@dataclass(slots=True)
class _Diary:
    """What decides one therapist's free times."""

    hours: list[OpeningHours] = field(default_factory=list)
    exceptions: list[HoursException] = field(default_factory=list)
    taken: list[Span] = field(default_factory=list)


def free_slots(*, type: SessionType, environment: str, first: date, days: int, now: datetime) -> list[Slot]:
    """In order of time, from the day `first` in Nairobi; a constant number of queries."""
    within = (_midnight(first), _midnight(first + timedelta(days=days)))
    diary = _diaries([type.therapist_id], environment, within)[type.therapist_id]
    length = timedelta(minutes=type.minutes)
    found = (slot for n in range(days) for slot in _free(diary, length, first + timedelta(days=n)))
    return [slot for slot in found if _may_begin(slot.starts_at, now)]


def is_free(*, type: SessionType, environment: str, starts_at: datetime, now: datetime, but: int | None = None) -> bool:
    """Is exactly this time offered? `but`: the id of a booking that does not count (it is being moved)."""
    offered = is_offered(type=type, environment=environment, starts_at=starts_at, now=now)
    return offered and not is_taken(type=type, environment=environment, starts_at=starts_at, but=but)


def is_offered(*, type: SessionType, environment: str, starts_at: datetime, now: datetime) -> bool:
    """Would exactly this time be free if nobody had booked anything?"""
    if not _may_begin(starts_at, now):
        return False
    day = starts_at.astimezone(EAT).date()
    within = (_midnight(day), _midnight(day + timedelta(days=1)))
    diary = _diaries([type.therapist_id], environment, within, taken=False)[type.therapist_id]
    return any(slot.starts_at == starts_at for slot in _free(diary, timedelta(minutes=type.minutes), day))


def is_taken(*, type: SessionType, environment: str, starts_at: datetime, but: int | None = None) -> bool:
    """Does something booked hold any of this time?"""
    ends_at = starts_at + timedelta(minutes=type.minutes)
    rows = Booking.objects.filter(therapist_id=type.therapist_id, environment=environment, state__in=HOLDS_TIME)
    return rows.filter(starts_at__lt=ends_at, ends_at__gt=starts_at).exclude(pk=but or 0).exists()


def next_free(*, therapists: list[Therapist], environment: str, now: datetime) -> dict[int, datetime]:
    """The first free time of each, by therapist id; for the list of therapists. Who has none is left out."""
    first = now.astimezone(EAT).date()
    within = (_midnight(first), _midnight(first + timedelta(days=HORIZON_DAYS + 1)))
    ids = [therapist.pk for therapist in therapists]
    diaries = _diaries(ids, environment, within)
    shortest: dict[int, int] = {}
    for type in SessionType.objects.filter(therapist_id__in=ids, offered=True):
        shortest[type.therapist_id] = min(type.minutes, shortest.get(type.therapist_id, type.minutes))
    found = {key: _first(diaries[key], timedelta(minutes=minutes), first, now) for key, minutes in shortest.items()}
    return {key: moment for key, moment in found.items() if moment}


def _may_begin(starts_at: datetime, now: datetime) -> bool:
    return now + timedelta(minutes=NOTICE_MINUTES) <= starts_at <= now + timedelta(days=HORIZON_DAYS)


def _diaries(ids: Sequence[int], environment: str, within: Span, *, taken: bool = True) -> dict[int, _Diary]:
    """Three queries for any number of therapists and days."""
    diaries: dict[int, _Diary] = defaultdict(_Diary, {key: _Diary() for key in ids})
    asked = [list(ids), within[1], within[0]]
    for hours in read_rows(OpeningHours, "WHERE therapist_id = ANY(%s)", asked[:1]):
        diaries[hours.therapist_id].hours.append(hours)
    for exception in read_rows(HoursException, _OVERLAPPING, asked):
        diaries[exception.therapist_id].exceptions.append(exception)
    if taken:
        held = [*asked, environment, sorted(HOLDS_TIME)]
        for row in read_rows(Booking, f"{_OVERLAPPING} AND environment = %s AND state = ANY(%s)", held):
            diaries[row.therapist_id].taken.append((row.starts_at, row.ends_at))
    return diaries


def _first(diary: _Diary, length: timedelta, first: date, now: datetime) -> datetime | None:
    for n in range(HORIZON_DAYS + 1):
        for slot in _free(diary, length, first + timedelta(days=n)):
            if _may_begin(slot.starts_at, now):
                return slot.starts_at
    return None


def _free(diary: _Diary, length: timedelta, day: date) -> Iterator[Slot]:
    for opens, closes in _windows(diary, day):
        start = _whole_minute(opens)
        while (end := start + length) <= closes:
            if not any(begin < end and start < over for begin, over in diary.taken):
                yield Slot(start, end)
            start += timedelta(minutes=STEP_MINUTES)


def _windows(diary: _Diary, day: date) -> list[Span]:
    """When a session may take place on this day, ordered and apart."""
    midnight, next_midnight = _midnight(day), _midnight(day + timedelta(days=1))
    weekly = [(_at(day, h.opens), _at(day, h.closes)) for h in diary.hours if h.weekday == day.weekday()]
    spans = {kind: list[Span]() for kind in HoursException.Kind.values}
    for exception in diary.exceptions:
        begin, end = max(exception.starts_at, midnight), min(exception.ends_at, next_midnight)
        if begin < end:
            spans[exception.kind].append((begin, end))
    windows = _joined([*weekly, *spans[HoursException.Kind.OPEN]])
    for closed in spans[HoursException.Kind.CLOSED]:
        windows = [part for window in windows for part in _less(window, closed)]
    return windows


def _joined(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def _less(window: Span, closed: Span) -> list[Span]:
    parts = [(window[0], min(window[1], closed[0])), (max(window[0], closed[1]), window[1])]
    return [(begin, end) for begin, end in parts if begin < end]


def _whole_minute(at: datetime) -> datetime:
    """This or the next: people choose a time by its hour and minute."""
    minute = at.replace(second=0, microsecond=0)
    return minute if minute == at else minute + timedelta(minutes=1)


def _midnight(day: date) -> datetime:
    return _at(day, time())


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, tzinfo=EAT)
