"""The demo rows of `make run`: two therapists with free times, a client with a session in each state."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection

from ledger import checks
from payments.models import Payment
from sessions_booking import booking, slots
from sessions_booking.models import Booking, SessionType, Therapist
from sessions_booking.states import State

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("DOC-1")]


def made() -> str:
    out = StringIO()
    call_command("demo", stdout=out)
    call_command("demo_sessions_booking", stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("day", range(7))
@pytest.mark.parametrize("hour", [0, 9, 16, 21])
def test_a_session_in_each_state_whatever_the_day(day: int, hour: int) -> None:
    now = datetime(2026, 11, 23, hour, 10, tzinfo=UTC) + timedelta(days=day)
    with time_machine.travel(now, tick=False):
        made()
        states = set(Booking.objects.values_list("state", flat=True))
        assert states == set(State)
        assert Booking.objects.filter(state="COMPLETED", ends_at__lt=now).exists()
        assert not Payment.objects.filter(status__in=["SENDING", "PROMPTED"]).exists()
        for type in SessionType.objects.all():
            free = slots.free_slots(type=type, environment="sandbox", first=now.date(), days=7, now=now)
            assert len(free) > 5
        assert booking.release_due(now=now + timedelta(minutes=5)) == 0
    assert checks.prove() == []


@pytest.mark.django_db(transaction=True)
def test_beside_a_product_whose_clock_releases_what_is_past() -> None:
    """A session that was asked for last week is overdue before its therapist can answer: another one is made."""
    done = threading.Event()

    def clock() -> int:
        released = 0
        while released < 3 and not done.is_set():
            released += booking.release_due(now=datetime.now(UTC))
        connection.close()
        return released

    with ThreadPoolExecutor(max_workers=1) as pool:
        released = pool.submit(clock)
        try:
            made()
        finally:
            done.set()
        assert released.result() > 0
    assert set(Booking.objects.values_list("state", flat=True)) == set(State)
    assert checks.prove() == []


def test_a_second_time_changes_nothing() -> None:
    made()
    before = list(Booking.objects.order_by("pk").values())
    assert "none, all were there" in made()
    assert list(Booking.objects.order_by("pk").values()) == before
    assert Therapist.objects.count() == 2


def test_never_in_production(settings: pytest.FixtureRequest) -> None:
    settings.PRODUCTION = True  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match="never made with production settings"):
        call_command("demo_sessions_booking")
