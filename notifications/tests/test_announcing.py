"""Who is told what: through the doors of the product, from the act to the rows."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.module_loading import import_string

from accounts.models import User
from notifications.models import Channel, Notification, Preference
from notifications.tests.factories import forget, react, told, with_phone
from notifications.words import words
from outbox.models import Delivery
from payments.facts import Fact, Kind, Source
from payments.tests import factories as paying
from sessions_booking import booking, reminders
from sessions_booking.models import Booking
from sessions_booking.tests.factories import AT, approved, at, confirmed, failure, later, money, prompted, requested
from tests.refusals import refused_by

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("NOT-1", "NOT-2")]
APP, MAIL, SMS = "IN_APP", "EMAIL", "SMS"


def lines(event: str, audience: str, *channels: str) -> list[tuple[str, str, str]]:
    return [(event, audience, channel) for channel in channels]


@pytest.fixture
def row(db: None) -> Booking:
    """Approved; everything that was said about it so far is forgotten. Client and therapist have phones."""
    found = approved()
    with_phone(found.client, "0712 345 678")
    with_phone(found.therapist.user, "0722 333 444")
    forget()
    return found


@pytest.mark.requirement("SES-1", "SES-2", "P2", "P4", "P60")
def test_a_request_goes_to_the_therapist_and_its_approval_to_the_client() -> None:
    found = requested()
    with_phone(found.client)
    react()
    assert told() == lines("session.requested", "therapist", APP, MAIL)
    approved(found)
    react()
    assert told("session.approved") == lines("session.approved", "client", APP, MAIL, SMS)
    assert set(Notification.objects.values_list("recipient_id", flat=True)) == {
        found.client_id, found.therapist.user_id,
    }  # fmt: skip


@pytest.mark.requirement("SES-2")
def test_declined_goes_to_the_client() -> None:
    found = requested()
    forget()
    booking.decline(code=found.code, actor_id=found.therapist.user_id, reason="On leave", now=AT)
    react()
    assert told() == lines("session.declined", "client", APP, MAIL)


@pytest.mark.requirement("SES-2")
def test_cancelled_and_moved_go_to_the_other_side(row: Booking) -> None:
    booking.reschedule(code=row.code, actor_id=row.client_id, starts_at=at(4, 11), now=AT)
    booking.reschedule(code=row.code, actor_id=row.therapist.user_id, starts_at=at(4, 12), now=AT)
    booking.cancel(code=row.code, actor_id=row.client_id, reason="", now=AT)
    react()
    assert told("session.cancelled") == lines("session.cancelled", "therapist", APP, MAIL)
    assert told("session.rescheduled") == [
        *lines("session.rescheduled", "therapist", APP, MAIL),
        *lines("session.rescheduled", "client", APP, MAIL, SMS),
    ]
    moved = Notification.objects.filter(event="session.rescheduled", audience="client").first()
    assert datetime.fromisoformat(moved.data["from"]) == at(4, 11)


def test_moved_there_and_back_and_there_again_is_told_each_time(row: Booking) -> None:
    for hour in (11, 12, 11, 12):
        booking.reschedule(code=row.code, actor_id=row.therapist.user_id, starts_at=at(4, hour), now=AT)
        react()
    assert len(told("session.rescheduled", channel=MAIL)) == 4


@pytest.mark.requirement("SES-2")
def test_cancelled_by_staff_goes_to_both(row: Booking) -> None:
    admin = User.objects.create_user("admin@malipo.test", role=User.Role.ADMIN)
    booking.cancel(code=row.code, actor_id=admin.pk, reason="The room is closed", now=AT)
    react()
    assert {audience for _, audience, _ in told("session.cancelled")} == {"client", "therapist"}


def test_expired_goes_to_both(row: Booking) -> None:
    booking.release_due(now=row.pay_by)
    react()
    assert told() == [
        *lines("session.expired", "client", APP, MAIL), *lines("session.expired", "therapist", APP, MAIL),
    ]  # fmt: skip


@pytest.mark.requirement("SES-4", "P25", "P26", "P35")
def test_paid_goes_to_the_payer_with_its_receipt_and_to_the_therapist(row: Booking) -> None:
    payment = money(prompted(row), receipt="UKL7RT61SV")
    react()
    assert told("payment.completed", recipient=row.client) == lines("payment.completed", "payer", APP, MAIL)
    assert told("session.confirmed", recipient=row.therapist.user) == lines("session.confirmed", "therapist", APP, MAIL)
    assert payment.receipt == "UKL7RT61SV"


@pytest.mark.requirement("P63")
@pytest.mark.parametrize(
    ("kind", "code", "event", "channels"),
    [
        (Kind.FAILED, "1", "payment.failed", (APP, MAIL)),
        (Kind.CANCELLED, "1032", "payment.cancelled", (APP,)),
    ],
)
def test_without_money_the_payer_reads_why_and_what_to_do(row: Booking, kind, code, event, channels) -> None:
    payment = prompted(row)
    paying.tell(payment, Fact(kind, Source.CALLBACK, code=code, at=AT))
    react()
    assert told() == lines(event, "payer", *channels)
    said = Notification.objects.first().data
    assert said["happened"]
    assert said["next_step"]


def test_a_payment_that_its_payer_replaced_is_no_news(row: Booking) -> None:
    payment = prompted(row)
    paying.tell(payment, Fact(Kind.CLOSED, Source.PAYER, code="REPLACED", at=AT))
    assert payment.status == "EXPIRED"
    react()
    assert told() == []


def test_what_was_overtaken_before_it_was_told_is_not_told(row: Booking) -> None:
    """The failure is told and the money comes, before a worker looks."""
    payment = failure(prompted(row))
    money(payment, now=later(20))
    react()
    assert {event for event, _, _ in told()} == {"payment.completed", "session.confirmed"}


@pytest.mark.requirement("CB-3", "NOT-1")
def test_a_confirmation_without_receipt_is_followed_by_one_receipt_mail(row: Booking) -> None:
    payment = prompted(row)
    paying.tell(payment, Fact(Kind.SUCCEEDED, Source.QUERY, code="0", at=AT))
    assert (payment.status, payment.receipt) == ("COMPLETED", "")
    react()
    assert told("payment.completed") == lines("payment.completed", "payer", APP, MAIL)
    for _ in range(2):
        money(payment, receipt="UKL7RT61SV", now=later(60))
        react()
    assert told("payment.receipt") == lines("payment.receipt", "payer", MAIL)
    assert told("payment.owed") == []


def test_more_money_than_was_asked_for_is_told(row: Booking) -> None:
    payment = money(prompted(row))
    money(payment, now=later(60))
    react()
    assert told("payment.owed") == lines("payment.owed", "payer", APP, MAIL)
    assert "KES 2,500 is kept for you" in Notification.objects.filter(event="payment.owed").first().data["owed"]


@pytest.mark.requirement("CB-7")
def test_money_for_a_session_that_is_gone_is_told_to_both(row: Booking) -> None:
    payment = prompted(row)
    booking.cancel(code=row.code, actor_id=row.therapist.user_id, reason="Ill", now=AT)
    money(payment)
    react()
    assert told("session.owed") == lines("session.owed", "therapist", APP, MAIL)
    assert told("payment.completed") == lines("payment.completed", "payer", APP, MAIL)
    assert "is kept for you" in Notification.objects.filter(event="payment.completed").first().data["owed"]


def test_who_cancels_a_paid_session_is_told_that_the_money_is_kept(row: Booking) -> None:
    money(prompted(row))
    booking.cancel(code=row.code, actor_id=row.client_id, reason="", now=AT)
    react()
    mine = Notification.objects.get(event="session.cancelled", audience="client", channel=MAIL)
    assert "What you paid for it is kept for you" in " ".join(words(mine).paragraphs)


@pytest.mark.requirement("SES-6", "P64", "P65")
def test_reminders_go_by_sms(row: Booking) -> None:
    for hours in (24, 1):
        reminders.remind_due(now=row.starts_at - timedelta(hours=hours))
    react()
    assert told() == [
        *lines("session.reminder", "client", APP, SMS), *lines("session.reminder", "client", APP, SMS),
        *lines("session.reminder", "therapist", APP, SMS),
    ]  # fmt: skip
    kinds = Notification.objects.filter(channel=SMS).order_by("id").values_list("audience", "data__kind")
    assert list(kinds) == [("client", "24h"), ("client", "1h"), ("therapist", "1h")]


def test_whoever_turned_them_off_gets_receipts_only(row: Booking) -> None:
    Preference.objects.create(user=row.client, email=False, sms=False)
    booking.reschedule(code=row.code, actor_id=row.therapist.user_id, starts_at=at(4, 12), now=AT)
    money(prompted(row))
    react()
    assert told(recipient=row.client, channel=MAIL) == lines("payment.completed", "payer", MAIL)
    assert told(recipient=row.client, channel=SMS) == []
    skipped = Notification.objects.exclude(skipped="").order_by("id").values_list("event", "channel", "skipped")
    assert list(skipped) == [
        ("session.rescheduled", MAIL, "turned off by the person"),
        ("session.rescheduled", SMS, "turned off by the person"),
    ]


@pytest.mark.parametrize(
    ("backend", "phone", "why"), [("phones", "", "no phone number"), ("", "0712 345 678", "SMS is not set up")]
)
def test_where_no_sms_can_be_sent_the_row_says_why(settings, backend: str, phone: str, why: str) -> None:
    settings.SMS_BACKEND = backend
    found = requested()
    with_phone(found.client, phone)
    approved(found)
    react()
    assert Notification.objects.get(channel=SMS).skipped == why
    assert not Delivery.objects.filter(
        topic="notification.send", payload__notification_id=Notification.objects.get(channel=SMS).pk
    )


@pytest.mark.requirement("SEC-5")
@pytest.mark.parametrize("gone", [{"data_key": None}, {"is_active": False}])
def test_nobody_who_has_left_is_told(row: Booking, gone: dict[str, object]) -> None:
    User.objects.filter(pk=row.therapist.user_id).update(**gone)
    booking.cancel(code=row.code, actor_id=row.client_id, reason="", now=AT)
    react()
    assert told() == []


@pytest.mark.requirement("NOT-2")
def test_the_same_news_again_is_nothing() -> None:
    confirmed()
    react()
    rows, sent = Notification.objects.count(), Delivery.objects.count()
    for _ in range(2):
        react(again=True)
    assert (Notification.objects.count(), Delivery.objects.count()) == (rows, sent)


@pytest.mark.requirement("NOT-2")
def test_the_database_refuses_to_tell_twice_and_to_change_what_was_said() -> None:
    confirmed()
    react()
    row = Notification.objects.filter(channel=Channel.EMAIL).first()
    copy = (
        "INSERT INTO notifications_notification (event, key, recipient_id, audience, channel, booking_id, payment_id,"
        " data, created_at, reason, skipped, reference) SELECT event, key, recipient_id, audience, channel, booking_id,"
        " payment_id, data, created_at, reason, skipped, reference FROM notifications_notification WHERE id = %s"
    )
    assert refused_by(copy, [row.pk]) == "notification_once"
    for change in ("event = 'x'", "recipient_id = recipient_id + 1", "data = '{\"a\": 1}'", "channel = 'SMS'"):
        sql = f"UPDATE notifications_notification SET {change} WHERE id = %s"  # noqa: S608
        assert refused_by(sql, [row.pk]) == "notifications_notification_frozen"
    assert refused_by("DELETE FROM notifications_notification") == "notifications_notification_frozen"


def test_no_row_holds_a_phone_number_or_words_about_health() -> None:
    found = requested()
    with_phone(found.client)
    approved(found)
    confirmed(found)
    react()
    for row in Notification.objects.all():
        assert "712345678" not in str(row.data).replace(" ", "")
        assert "erap" not in str({name: value for name, value in row.data.items() if name not in ("thing", "by")})


def test_telling_costs_the_same_for_each() -> None:
    counts = []
    for _ in range(2):
        found = requested()
        delivery = Delivery.objects.filter(topic="session.requested").latest("id")
        with CaptureQueriesContext(connection) as queries:
            import_string(delivery.handler)(delivery.payload)
        counts.append(len(queries))
        assert found.pk
    assert counts[0] == counts[1]
