"""Pages of sessions in tests: somebody's browser, and sessions that are ahead of the real clock."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.test import Client

from accounts.models import User
from lib import clock
from lib.clock import EAT
from payments.facts import Fact, Kind, Source
from payments.models import Payment
from sessions_booking import booking
from sessions_booking.models import Booking, SessionType, Therapist
from sessions_booking.tests import factories
from wallet.tests.reading import key_of, text_of

__all__ = ["LIVES", "ahead", "at_of", "browser_of", "key_of", "practised", "text_of"]


def browser_of(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user, backend="accounts.backends.RoleBackend")
    return client


def ahead(days: int, hour: int = 10) -> datetime:
    """That hour in Nairobi, so many days after today."""
    day = clock.now().astimezone(EAT) + timedelta(days=days)
    return day.replace(hour=hour, minute=0, second=0, microsecond=0)


def at_of(moment: datetime) -> str:
    return f"{moment.astimezone(EAT):%Y-%m-%dT%H:%M}"


def practised(**given: object) -> tuple[Therapist, SessionType]:
    """A therapist who can be booked, and what can be booked."""
    row = factories.therapist(title="Clinical psychologist", specialties=["Anxiety", "Couples"])
    return row, factories.session_type(row, **given)  # type: ignore[arg-type]


def requested(type: SessionType, by: User, starts_at: datetime) -> Booking:
    return factories.requested(type, by=by, starts_at=starts_at, now=clock.now())


def approved(type: SessionType, by: User, starts_at: datetime) -> Booking:
    return factories.approved(requested(type, by, starts_at), now=clock.now())


def paying(type: SessionType, by: User, starts_at: datetime) -> Booking:
    row = approved(type, by, starts_at)
    factories.prompted(row, now=clock.now())
    return row


def failed(type: SessionType, by: User, starts_at: datetime) -> Booking:
    row = approved(type, by, starts_at)
    factories.failure(factories.prompted(row, now=clock.now()), now=clock.now())
    return row


def dismissed(type: SessionType, by: User, starts_at: datetime) -> Booking:
    """The client pressed Cancel on the phone."""
    row = approved(type, by, starts_at)
    said = Fact(Kind.CANCELLED, Source.CALLBACK, code="1032", at=clock.now())
    factories.paying.tell(factories.prompted(row, now=clock.now()), said, now=clock.now())
    return row


def silent(type: SessionType, by: User, starts_at: datetime) -> Booking:
    """Two minutes without an answer, and the row swept."""
    row = approved(type, by, starts_at)
    payment = factories.prompted(row, now=clock.now() - timedelta(seconds=130))
    Payment.objects.filter(pk=payment.pk).update(timed_out_at=clock.now() - timedelta(seconds=5))
    return row


def confirmed(type: SessionType, by: User, starts_at: datetime) -> Booking:
    row: Booking = factories.confirmed(approved(type, by, starts_at), now=clock.now())
    return row


def completed(type: SessionType, by: User, starts_at: datetime) -> Booking:
    row = confirmed(type, by, starts_at)
    booking.complete_due(now=starts_at + timedelta(days=1))
    row.refresh_from_db()
    return row


def declined(type: SessionType, by: User, starts_at: datetime) -> Booking:
    row = requested(type, by, starts_at)
    return booking.decline(code=row.code, actor_id=row.therapist.user_id, reason="Away that day", now=clock.now())


def cancelled(type: SessionType, by: User, starts_at: datetime) -> Booking:
    row = requested(type, by, starts_at)
    return booking.cancel(code=row.code, actor_id=by.pk, reason="", now=clock.now())


def owed(type: SessionType, by: User, starts_at: datetime) -> Booking:
    """Paid, and cancelled by the therapist."""
    row = confirmed(type, by, starts_at)
    who = row.therapist.user_id
    return booking.cancel(code=row.code, actor_id=who, reason="The room is flooded", now=clock.now())


def expired(type: SessionType, by: User, starts_at: datetime) -> Booking:
    row = approved(type, by, starts_at)
    booking.release_due(now=row.pay_by or starts_at)
    row.refresh_from_db()
    return row


LIVES: dict[str, Callable[[SessionType, User, datetime], Booking]] = {
    one.__name__: one
    for one in (
        requested, approved, paying, failed, dismissed, silent, confirmed, completed, declined, cancelled, owed, expired,
    )
}  # fmt: skip
