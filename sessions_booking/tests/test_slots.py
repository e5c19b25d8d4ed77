"""Free times: weekly hours in Nairobi, less closed times and what is booked, on a grid of half hours."""

from datetime import datetime, time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from lib.clock import EAT
from sessions_booking import slots
from sessions_booking.models import HoursException, OpeningHours, SessionType, Therapist
from sessions_booking.tests.factories import (
    AT,
    TherapistUserFactory,
    approved,
    at,
    requested,
    session_type,
    therapist,
)

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("SES-1")]


def free(type: SessionType, day: int = 3, days: int = 1, now: datetime = AT) -> list[str]:
    found = slots.free_slots(type=type, environment="sandbox", first=at(day, 0).date(), days=days, now=now)
    return [f"{slot.starts_at.astimezone(EAT):%H:%M}" for slot in found]


def hours(of: Therapist, weekday: int, opens: tuple[int, int], closes: tuple[int, int]) -> None:
    OpeningHours.objects.create(therapist=of, weekday=weekday, opens=time(*opens), closes=time(*closes))


def test_a_session_ends_before_the_door_closes() -> None:
    row = therapist(hours=(9, 12))
    assert free(session_type(row, minutes=50)) == ["09:00", "09:30", "10:00", "10:30", "11:00"]
    assert free(session_type(row, minutes=180)) == ["09:00"]
    assert free(session_type(row, minutes=181)) == []


def test_the_grid_begins_with_each_opening() -> None:
    row = Therapist.objects.create(user=therapist().user.__class__.objects.create_user("grid@malipo.test"), name="G")
    hours(row, at(3, 0).weekday(), (9, 15), (10, 20))
    hours(row, at(3, 0).weekday(), (14, 0), (15, 0))
    assert free(session_type(row, minutes=30)) == ["09:15", "09:45", "14:00", "14:30"]


def test_every_free_time_can_be_named_by_its_hour_and_minute() -> None:
    row = therapist(hours=(9, 12))
    OpeningHours.objects.filter(therapist=row).update(opens=time(9, 0, 30))
    late = at(3, 10) + timedelta(seconds=1)
    HoursException.objects.create(therapist=row, kind="CLOSED", starts_at=at(3, 9, 45), ends_at=late)
    type = session_type(row, minutes=30)
    assert free(type) == ["09:01", "10:01", "10:31", "11:01"]
    for hour in (9, 10):
        assert slots.is_free(type=type, environment="sandbox", starts_at=at(3, hour, 1), now=AT)


def test_a_holiday_closes_and_extra_hours_open() -> None:
    row = therapist(hours=(9, 12))
    type = session_type(row, minutes=60)
    HoursException.objects.create(therapist=row, kind="CLOSED", starts_at=at(3, 10), ends_at=at(3, 11))
    assert free(type) == ["09:00", "11:00"]
    HoursException.objects.create(therapist=row, kind="OPEN", starts_at=at(3, 12), ends_at=at(3, 14))
    assert free(type) == ["09:00", "11:00", "11:30", "12:00", "12:30", "13:00"]
    HoursException.objects.create(therapist=row, kind="CLOSED", starts_at=at(2, 0), ends_at=at(9, 0))
    assert free(type, 3, 5) == []


def test_what_is_booked_is_not_free_and_what_was_given_up_is() -> None:
    row = therapist(hours=(9, 12))
    type = session_type(row)
    taken = requested(type, starts_at=at(3, 10))
    assert free(type) == ["09:00", "11:00"]
    assert not slots.is_free(type=type, environment="sandbox", starts_at=at(3, 10, 30), now=AT)
    assert slots.is_free(type=type, environment="sandbox", starts_at=at(3, 10, 30), now=AT, but=taken.pk)
    assert slots.is_free(type=type, environment="production", starts_at=at(3, 10, 30), now=AT)
    taken.__class__.objects.filter(pk=taken.pk).update(state="CANCELLED")
    assert free(type) == ["09:00", "09:30", "10:00", "10:30", "11:00"]


def test_today_only_what_is_an_hour_ahead_and_nothing_beyond_two_months() -> None:
    """AT is 12:30 in Nairobi."""
    type = session_type(therapist(hours=(9, 16)))
    assert free(type, 0) == ["13:30", "14:00", "14:30", "15:00"]
    assert free(type, 60) == ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30", "12:00", "12:30"]
    assert free(type, 61) == []
    assert not slots.is_free(type=type, environment="sandbox", starts_at=at(-1, 10), now=AT)
    assert not slots.is_free(type=type, environment="sandbox", starts_at=at(3, 10, 7), now=AT)


def test_the_first_free_time_of_many_costs_as_much_as_of_one() -> None:
    some = [therapist(f"T{n}", hours=(9, 11)) for n in range(6)]
    for row in some[:5]:
        session_type(row, minutes=60)
        approved(type=session_type(row, minutes=120), starts_at=at(1, 9))
    counts = []
    for asked in (some[:1], some):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            found = slots.next_free(therapists=asked, environment="sandbox", now=AT)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert found == {row.pk: at(2, 9) for row in some[:5]}


class Grid(TestCase):
    """Random hours, holidays and bookings, against a minute-by-minute reading."""

    @settings(max_examples=100, deadline=None)
    @given(
        opening=st.lists(st.tuples(st.integers(0, 46), st.integers(1, 12)), max_size=3, unique_by=lambda x: x[0]),
        closed=st.lists(st.tuples(st.integers(0, 46), st.integers(1, 12)), max_size=2),
        extra=st.lists(st.tuples(st.integers(0, 46), st.integers(1, 12)), max_size=2),
        minutes=st.sampled_from([15, 30, 45, 60, 90]),
    )
    def test_a_slot_lies_wholly_in_open_time(
        self,
        opening: list[tuple[int, int]],
        closed: list[tuple[int, int]],
        extra: list[tuple[int, int]],
        minutes: int,
    ) -> None:
        row = Therapist.objects.create(user=TherapistUserFactory(), name="X")
        day = at(3, 0)

        def span(half: int, length: int) -> tuple[int, int]:
            return half * 30, min((half + length) * 30, 24 * 60 - 1)

        for begin, end in (span(*one) for one in opening):
            hours(row, day.weekday(), divmod(begin, 60), divmod(end, 60))
        for kind, some in (("CLOSED", closed), ("OPEN", extra)):
            for begin, end in (span(*one) for one in some):
                HoursException.objects.create(
                    therapist=row,
                    kind=kind,
                    starts_at=day + timedelta(minutes=begin),
                    ends_at=day + timedelta(minutes=end),
                )
        is_open = [
            any(b <= minute < e for b, e in (span(*one) for one in [*opening, *extra]))
            and not any(b <= minute < e for b, e in (span(*one) for one in closed))
            for minute in range(24 * 60)
        ]
        type = session_type(row, minutes=minutes)
        found = slots.free_slots(type=type, environment="sandbox", first=day.date(), days=1, now=AT)
        for slot in found:
            begin = int((slot.starts_at - day).total_seconds()) // 60
            assert slot.ends_at - slot.starts_at == timedelta(minutes=minutes)
            assert all(is_open[begin : begin + minutes])
            assert slots.is_free(type=type, environment="sandbox", starts_at=slot.starts_at, now=AT)
        openings = [minute for minute in range(24 * 60) if is_open[minute] and (minute == 0 or not is_open[minute - 1])]
        first_of_each = [
            minute for minute in openings if all(is_open[minute : minute + minutes]) and minute + minutes < 1440
        ]
        begins = {int((slot.starts_at - day).total_seconds()) // 60 for slot in found}
        assert set(first_of_each) <= begins
