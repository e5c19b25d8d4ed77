"""Sessions for tests, made through the doors of the product: what is approved was approved, what is paid was paid."""

from datetime import datetime, time, timedelta
from typing import Any

import factory

from accounts.models import User
from accounts.roles import Role
from lib.clock import EAT
from payments.facts import Fact, Kind, Lot, Source
from payments.models import Payment
from payments.tests import factories as paying
from sessions_booking import booking
from sessions_booking.models import Booking, OpeningHours, SessionType, Therapist

AT = paying.AT  # Saturday 21 November 2026, 12:30 in Nairobi
later = paying.later


class TherapistUserFactory(paying.UserFactory):
    """Somebody who may hold sessions."""

    email = factory.Sequence(lambda n: f"therapist{n}@malipo.test")
    name = "Tabitha"
    role = Role.THERAPIST


def therapist(name: str = "Tabitha Therapist", *, hours: tuple[int, int] = (8, 18), **given: Any) -> Therapist:
    """Open every day from `hours` on, in Nairobi."""
    row = Therapist.objects.create(user=given.pop("user", None) or TherapistUserFactory(), name=name, **given)
    days = [OpeningHours(therapist=row, weekday=day, opens=time(hours[0]), closes=time(hours[1])) for day in range(7)]
    OpeningHours.objects.bulk_create(days)
    return row


def session_type(of: Therapist | None = None, *, minutes: int = 60, shillings: int = 2500, **given: Any) -> SessionType:
    fields = {"name": f"Session of {minutes}", "minutes": minutes, "price_cents": shillings * 100, **given}
    return SessionType.objects.create(therapist=of or therapist(), **fields)


def at(days: int, hour: int, minute: int = 0) -> datetime:
    """That time in Nairobi, so many days after AT's."""
    day = AT.astimezone(EAT).date() + timedelta(days=days)
    return datetime.combine(day, time(hour, minute), tzinfo=EAT)


def client(**given: Any) -> User:
    user: User = paying.UserFactory(**given)
    return user


def requested(
    type: SessionType | None = None, *, by: User | None = None, starts_at: datetime | None = None, now: datetime = AT
) -> Booking:
    """A session that waits for its therapist; in three days at 10 unless told."""
    type = type or session_type()
    asked = booking.Request((by or client()).pk, type.pk, starts_at or at(3, 10))
    return booking.book(request=asked, now=now)


def approved(row: Booking | None = None, *, now: datetime = AT, **given: Any) -> Booking:
    row = row or requested(now=now, **given)
    return booking.approve(code=row.code, actor_id=row.therapist.user_id, now=now)


def started(row: Booking, *, now: datetime = AT, **given: Any) -> Payment:
    """Its client asks to pay."""
    fields = {"purpose": "session", "amount": None, "fields": {"sessionId": row.code}, **given}
    return paying.started(row.client, now=now, **fields)


def prompted(row: Booking, *, now: datetime = AT, **given: Any) -> Payment:
    """The prompt is on the phone."""
    begun = paying.sent(started(row, now=now, **given), now=now)
    return paying.answered(begun, paying.acceptance(begun), now=now)


def money(payment: Payment, *, now: datetime = AT, receipt: str = "") -> Payment:
    """M-Pesa moved the whole price."""
    return paying.tell(payment, Lot(receipt or paying.new_receipt(), payment.amount_cents, Source.CALLBACK), now=now)


def failure(payment: Payment, *, code: str = "1", now: datetime = AT) -> Payment:
    return paying.tell(payment, Fact(Kind.FAILED, Source.CALLBACK, code=code, at=now), now=now)


def confirmed(row: Booking | None = None, *, now: datetime = AT, **given: Any) -> Booking:
    row = row or approved(now=now, **given)
    money(prompted(row, now=now), now=now)
    row.refresh_from_db()
    return row
