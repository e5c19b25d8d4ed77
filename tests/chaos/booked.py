"""Sessions for people to pay for, made through the doors of the product; asked for at its desk (tests/desk.py)."""

from datetime import datetime, time, timedelta

from accounts.models import User
from lib import clock
from sessions_booking import booking
from sessions_booking.models import OpeningHours, SessionType, Therapist

_A_THERAPIST = 100  # sessions: four days of thirty, from six in the morning
_A_DAY = 30


def approved_sessions(clients: list[int]) -> list[str]:
    """One of KES 1,000 for each of these people, by their ids; the codes."""
    now = clock.now()
    types = [_session_type(number) for number in range(-(-len(clients) // _A_THERAPIST))]
    return [
        _approved(client, types[number // _A_THERAPIST], number % _A_THERAPIST, now)
        for number, client in enumerate(clients)
    ]


def _session_type(number: int) -> SessionType:
    user = User.objects.create(
        email=f"chaos-therapist{number}@malipo.test", name=f"Therapist {number}", role="THERAPIST"
    )
    therapist = Therapist.objects.create(user=user, name=f"Therapist {number}")
    for weekday in range(7):
        OpeningHours.objects.create(therapist=therapist, weekday=weekday, opens=time(6), closes=time(22))
    return SessionType.objects.create(therapist=therapist, name="Session", minutes=30, price_cents=100000)


def _approved(client: int, type: SessionType, turn: int, now: datetime) -> str:
    day = now.astimezone(clock.EAT) + timedelta(days=3 + turn // _A_DAY)
    starts_at = day.replace(hour=6, minute=0, second=0, microsecond=0) + timedelta(minutes=30 * (turn % _A_DAY))
    row = booking.book(request=booking.Request(client, type.pk, starts_at), now=now)
    booking.approve(code=row.code, actor_id=type.therapist.user_id, now=now)
    return row.code
