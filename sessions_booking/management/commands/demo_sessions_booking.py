"""Demo sessions: two therapists with free times, and a client with one session in each state.

All of it is made through the doors of the product, what is past at earlier moments, as people and M-Pesa would have
done it. M-Pesa itself is not asked. Never with production settings.
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import User
from lib import clock
from lib.clock import EAT
from lib.errors import Refusal
from payments import calls, lifecycle, merchants, sealing, starting
from payments.facts import Fact, Kind, Lot, Source
from payments.models import Payment
from payments.providers import Pushed
from payments.starting import Start
from sessions_booking import booking, slots
from sessions_booking.models import Booking, OpeningHours, SessionType, Therapist
from sessions_booking.states import State

WEEKDAYS, WEEKEND = range(5), (5, 6)
_TRIES = 5
Hours = list[tuple[Iterable[int], int, int]]
THERAPISTS: list[tuple[str, str, str, list[str], Hours, list[tuple[str, int, int]]]] = [
    # name before the @, title, words, specialties, (weekdays, opens, closes) …, (type, minutes, shillings) …
    (
        "therapist", "Clinical psychologist", "Talks things through in English and Kiswahili.",
        ["Anxiety", "Sleep", "Work and study"],
        [(WEEKDAYS, 8, 12), (WEEKDAYS, 13, 17)],
        [("Session", 50, 2500), ("Long session", 80, 3500)],
    ),
    (
        "therapist2", "Counsellor", "For couples and families, also at weekends.",
        ["Couples", "Family", "Grief"],
        [(WEEKDAYS, 16, 20), (WEEKEND, 9, 13)],
        [("First talk", 30, 1000), ("Session", 60, 2000)],
    ),
]  # fmt: skip


class Command(BaseCommand):
    help = "Make demo therapists with free times, and client@malipo.test's sessions, or leave them as they are."

    def handle(self, *args: object, **options: object) -> None:
        if settings.PRODUCTION:
            raise CommandError("Demo sessions belong to demo people: they are never made with production settings.")
        made = [row[0] for row in THERAPISTS if self._therapist(*row)]
        self.stdout.write(f"Demo therapists made: {', '.join(made) or 'none, all were there'}.")
        client = User.objects.filter(email="client@malipo.test").first()
        if client and not client.bookings.exists():
            self.stdout.write(f"Demo sessions made: {_sessions(client, clock.now())}.")

    @transaction.atomic
    def _therapist(
        self,
        short: str,
        title: str,
        bio: str,
        specialties: list[str],
        hours: Hours,
        types: list[tuple[str, int, int]],
    ) -> bool:
        user = User.objects.filter(email=f"{short}@malipo.test").first()
        if user is None or Therapist.objects.filter(user=user).exists():
            return False
        row = Therapist.objects.create(user=user, name=user.name, title=title, bio=bio, specialties=specialties)
        OpeningHours.objects.bulk_create(
            OpeningHours(therapist=row, weekday=weekday, opens=time(opens), closes=time(closes))
            for weekdays, opens, closes in hours
            for weekday in weekdays
        )
        SessionType.objects.bulk_create(
            SessionType(therapist=row, name=name, minutes=minutes, price_cents=shillings * 100)
            for name, minutes, shillings in types
        )
        return True


def _sessions(client: User, now: datetime) -> int:
    """One in each state; those of the past were asked for when their time was ahead."""
    first, second = (
        SessionType.objects.filter(therapist__user__email=f"{short}@malipo.test").order_by("price_cents").first()
        for short in ("therapist", "therapist2")
    )
    if first is None or second is None:
        return 0
    ahead, behind = _workdays(now, 1), _workdays(now, -1)
    steps: list[tuple[SessionType, date, Callable[[Booking, datetime], None]]] = [
        (first, behind[2], _paid),  # completed
        (second, behind[0], _lapsed),
        (second, behind[1], _unanswered),
        (first, ahead[3], _paid),  # confirmed
        (second, ahead[1], _answered),  # approved: to be paid
        (first, ahead[4], lambda row, at: None),  # waits for its therapist
        (second, ahead[2], _declined),
        (first, ahead[2], _cancelled),
    ]
    for type, day, then in steps:
        asked_at = now if _at(day, 0) > now else _at(day, 0) - timedelta(days=3)
        _made(client, type, day, then, asked_at)
    booking.release_due(now=now)
    booking.complete_due(now=now)
    return len(steps)


def _made(client: User, type: SessionType, day: date, then: Callable[[Booking, datetime], None], at: datetime) -> None:
    """Where the product runs beside us, its clock may release a session of the past between two steps: then another one."""
    for tries_left in reversed(range(_TRIES)):
        row = booking.book(request=booking.Request(client.pk, type.pk, _free(type, day, at)), now=at)
        try:
            return then(row, at)
        except Refusal:
            row.refresh_from_db()
            if row.state != State.EXPIRED or not tries_left:
                raise


def _workdays(now: datetime, step: int) -> list[date]:
    """The next (or last) five working days, from tomorrow (or yesterday) on."""
    day = now.astimezone(EAT).date()
    found: list[date] = []
    while len(found) < 5:
        day += timedelta(days=step)
        if day.weekday() in WEEKDAYS:
            found.append(day)
    return found


def _free(type: SessionType, day: date, now: datetime) -> datetime:
    """In the middle of what is free: somebody may have tried the product before the demo was made."""
    free = slots.free_slots(type=type, environment=merchants.current_environment(), first=day, days=1, now=now)
    return free[len(free) // 2].starts_at


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=EAT)


def _answered(row: Booking, at: datetime) -> None:
    booking.approve(code=row.code, actor_id=row.therapist.user_id, now=at)


def _declined(row: Booking, at: datetime) -> None:
    booking.decline(code=row.code, actor_id=row.therapist.user_id, reason="I am away on that day.", now=at)


def _cancelled(row: Booking, at: datetime) -> None:
    _answered(row, at)
    booking.cancel(code=row.code, actor_id=row.client_id, reason="", now=at)


def _lapsed(row: Booking, at: datetime) -> None:
    """Approved, one attempt that was cancelled on the phone, and never paid."""
    _answered(row, at)
    payment = _prompted(row, at)
    news = Fact(Kind.CANCELLED, Source.CALLBACK, code="1032", text="Request Cancelled by user.", at=at)
    lifecycle.apply(news=[lifecycle.News(payment.pk, facts=(news,))], now=at)


def _unanswered(row: Booking, at: datetime) -> None:
    """Its therapist did not answer in time."""
    if row.answer_by:
        booking.release_due(now=row.answer_by)


def _paid(row: Booking, at: datetime) -> None:
    _answered(row, at)
    payment = _prompted(row, at)
    money = Lot(f"DEMO{payment.pk % 10**6:06d}", payment.amount_cents, Source.CALLBACK, occurred_at=at)
    lifecycle.apply(news=[lifecycle.News(payment.pk, lots=(money,))], now=at)


def _prompted(row: Booking, at: datetime) -> Payment:
    """A payment that M-Pesa took, as far as our books know."""
    phone = f"2547120{row.pk % 10**5:05d}"  # of its own: no prompt of anybody else may be open on it
    order = Start("session", row.client_id, phone, fields={"sessionId": row.code})
    begun = starting.start(order=order, now=at)
    pushed = lifecycle.begin(payment_id=begun.payment_id, now=at)
    if pushed:
        checkout = f"ws_CO_DEMO{pushed.payment_id:012d}"
        taken = Fact(
            Kind.ACCEPTED, Source.PUSH, 1, checkout_hash=sealing.checkout_hash(checkout), checkout_id=checkout, at=at
        )
        lifecycle.finish(order=pushed, pushed=Pushed((taken,)), made=(), caller=calls.NOBODY, now=at)
    return Payment.objects.get(pk=begun.payment_id)
