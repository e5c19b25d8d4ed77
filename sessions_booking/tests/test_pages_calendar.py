"""The calendar file: what calendars need to follow a session, and nothing that says what it is about."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from lib import clock
from sessions_booking import booking, calendar
from sessions_booking.models import Booking
from sessions_booking.states import State
from sessions_booking.tests import browsing, factories
from sessions_booking.tests.browsing import ahead, browser_of, practised


def read(file: bytes) -> dict[str, str]:
    """The properties of the one event, unfolded; the lines' form is checked on the way."""
    text = file.decode()
    assert text.endswith("\r\n")
    assert "\n" not in text.replace("\r\n", "")
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    lines = text.replace("\r\n ", "").split("\r\n")[:-1]
    assert (lines[0], lines[-1]) == ("BEGIN:VCALENDAR", "END:VCALENDAR")
    assert [line for line in lines if line.endswith(":VEVENT")] == ["BEGIN:VEVENT", "END:VEVENT"]
    return dict(line.split(":", 1) for line in lines)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("life", "status", "method"),
    [
        ("requested", "TENTATIVE", "PUBLISH"),
        ("approved", "TENTATIVE", "PUBLISH"),
        ("confirmed", "CONFIRMED", "PUBLISH"),
        ("cancelled", "CANCELLED", "CANCEL"),
        ("declined", "CANCELLED", "CANCEL"),
        ("expired", "CANCELLED", "CANCEL"),
    ],
)
def test_the_file_of_each_state(life: str, status: str, method: str) -> None:
    therapist, type = practised()
    client = factories.client(name="Amina W")
    row = browsing.LIVES[life](type, client, ahead(3))
    for who in (client, therapist.user):
        answer = browser_of(who).get(f"/sessions/{row.code}/session.ics")
        assert answer["Content-Type"] == "text/calendar; charset=utf-8"
        assert answer["Content-Disposition"] == f'inline; filename="appointment-{row.code}.ics"'
        event = read(answer.content)
        assert (event["STATUS"], event["METHOD"]) == (status, method)
        assert event["DTSTART"] == f"{ahead(3).astimezone(UTC):%Y%m%dT%H%M%SZ}"
        assert event["SUMMARY"] == "Appointment"
        assert not re.search("tabitha|amina|therap|smiling|anxiety", answer.content.decode(), re.IGNORECASE)


@pytest.mark.django_db
def test_each_change_has_a_higher_sequence_under_the_same_uid() -> None:
    _, type = practised()
    row = browsing.approved(type, factories.client(), ahead(3))
    before = read(calendar.file_of(row))
    row = booking.reschedule(code=row.code, actor_id=row.client_id, starts_at=ahead(4), now=clock.now())
    moved = read(calendar.file_of(row))
    row = booking.cancel(code=row.code, actor_id=row.client_id, reason="", now=clock.now())
    gone = read(calendar.file_of(row))
    assert before["UID"] == moved["UID"] == gone["UID"] == f"{row.code}@127.0.0.1"
    assert int(before["SEQUENCE"]) < int(moved["SEQUENCE"]) < int(gone["SEQUENCE"])
    assert moved["DTSTART"] != before["DTSTART"]


@given(
    starts=st.datetimes(datetime(2026, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC)),
    minutes=st.integers(15, 240),
    state=st.sampled_from(State),
    host=st.from_regex(r"[a-zé]{1,60}(\.[a-z]{1,60}){1,3}", fullmatch=True),
)
def test_any_file_keeps_to_the_form(starts: datetime, minutes: int, state: State, host: str) -> None:
    starts = starts.replace(microsecond=0)
    row = Booking(
        code="ABCDEFGH23", starts_at=starts, ends_at=starts + timedelta(minutes=minutes), changed_at=starts, state=state
    )
    with override_settings(PUBLIC_URL=f"https://{host}"):
        event = read(calendar.file_of(row))
    assert event["UID"] == f"ABCDEFGH23@{host}"
    assert datetime.strptime(event["DTEND"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) == row.ends_at
    assert event["URL"] == f"https://{host}/sessions/ABCDEFGH23/"
