"""From a row to a mail or an SMS: sent once, tried again where it certainly was not, left to a person where it perhaps was."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test import Client

from accounts.models import User
from audit.models import Entry
from dev import processes
from lib import clock
from lib.errors import Refusal
from notifications import sending
from notifications.models import Channel, Notification
from notifications.standing import Standing, with_standing
from notifications.tests import factories, mail_server
from notifications.tests.mail_server import MailServer
from outbox import box
from outbox.models import Delivery, State
from sessions_booking import booking
from sessions_booking.tests import factories as booked

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("NOT-2")]


@pytest.fixture
def mails(settings) -> Iterator[MailServer]:
    """A mail server that works."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.SMS_BACKEND = ""
    with mail_server.running() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.port, 60
        yield server


def soon(days: int = 3) -> datetime:
    today = clock.now().astimezone(clock.EAT).date()
    return booked.at((today - booked.AT.astimezone(clock.EAT).date()).days + days, 10)


def approved():
    now = clock.now()
    return booked.approved(booked.requested(now=now, starts_at=soon()), now=now)


def work(*, at: datetime | None = None) -> None:
    """What the worker does, until there is nothing due."""
    while box.deliver_due(now=at or clock.now(), limit=50):
        pass


def standings(**given: object) -> list[str]:
    rows = with_standing(Notification.objects.filter(**given).order_by("id"))
    return [row.standing for row in rows]


def subjects(server: MailServer) -> list[str]:
    return [str(message["Subject"]) for _, message in server.inbox]


def test_each_mail_is_sent_once_however_many_work(mails: MailServer) -> None:
    rows = [approved() for _ in range(3)]

    def worker(_n: int) -> None:
        try:
            work()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(worker, range(4)))
    work()
    assert sorted(to for to, _ in mails.inbox) == sorted(row.client.email for row in rows)  # the requests are answered
    ids = [message["Message-ID"] for _, message in mails.inbox]
    assert len(set(ids)) == len(ids)
    assert set(standings(channel="EMAIL", event="session.approved")) == {"SENT"}


@pytest.fixture
def port() -> Iterator[int]:
    with processes.held_port() as free:
        yield free


def test_a_mail_server_that_is_down_for_an_hour_gets_everything_once(settings, port: int) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 60
    settings.SMS_BACKEND = ""
    row, began = approved(), clock.now()
    for minutes in range(0, 61, 5):
        work(at=began + timedelta(minutes=minutes))
    assert standings(channel="EMAIL") == ["SKIPPED", "WAITING"]  # the request is answered meanwhile
    assert set(standings(channel="IN_APP")) == {"SENT"}
    with mail_server.running(settings.EMAIL_PORT) as server:
        for minutes in range(61, 200, 5):
            work(at=began + timedelta(minutes=minutes))
        assert [to for to, _ in server.inbox] == [row.client.email]
    assert Delivery.objects.filter(topic="notification.send", state=State.FAILED).count() == 0


def test_a_refused_address_is_tried_again_and_then_failed(mails: MailServer) -> None:
    mails.refuse = "RCPT 550 no such box"
    approved()
    began = clock.now()
    for minutes in range(0, 120, 5):
        work(at=began + timedelta(minutes=minutes))
    assert mails.inbox == []
    failed = Delivery.objects.filter(topic="notification.send", state=State.FAILED)
    assert failed.count() == 1
    assert "SMTPRecipientsRefused 550" in failed.get().last_error
    assert standings(channel="EMAIL", event="session.approved") == ["FAILED"]


def test_silence_after_the_message_is_doubtful_and_never_repeated_by_itself(mails: MailServer, settings) -> None:
    mails.silent, settings.EMAIL_TIMEOUT = True, 2
    approved()
    began = clock.now()
    for minutes in range(0, 120, 10):
        work(at=began + timedelta(minutes=minutes))
    assert len(mails.inbox) == 1
    assert standings(channel="EMAIL", event="session.approved") == ["DOUBTFUL"]


def test_words_that_cannot_be_made_are_a_refusal(mails: MailServer, settings) -> None:
    row = approved()
    work()
    broken = Notification.objects.create(
        event="session.nothing", key="x", recipient=row.client, audience="client", channel="EMAIL", booking=row,
        data={"starts_at": row.starts_at.isoformat()}, created_at=clock.now(),
    )  # fmt: skip
    with pytest.raises(sending.Refused, match="TemplateDoesNotExist"):
        sending.send({"notification_id": broken.pk})


@pytest.mark.parametrize(
    ("news", "then", "words"), [("expired", "CONFIRMED", "no longer held"), ("confirmed", "CANCELLED", "is confirmed")]
)
def test_a_session_is_not_said_to_stand_as_it_stood_while_the_mail_server_was_down(
    mails: MailServer, news: str, then: str, words: str
) -> None:
    row, late = approved(), clock.now() + timedelta(days=1, seconds=1)
    payment = booked.prompted(row, now=clock.now())
    if news == "expired":
        booked.failure(payment, now=clock.now())
        booking.release_due(now=late)
    booked.money(payment, now=late)
    if news == "confirmed":
        booking.cancel(code=row.code, actor_id=row.client_id, reason="", now=late)
    row.refresh_from_db()
    assert row.state == then
    work(at=late)
    assert not [subject for subject in subjects(mails) if words in subject]
    why = Notification.objects.filter(event=f"session.{news}", channel="EMAIL").values_list("skipped", flat=True)
    assert set(why) == {"overtaken: the session has moved on"}


def test_what_is_no_longer_true_is_not_sent(mails: MailServer) -> None:
    """Approved, then cancelled by the therapist, before the worker came."""
    row = approved()
    booking.cancel(code=row.code, actor_id=row.therapist.user_id, reason="Ill", now=clock.now())
    work()
    assert len(mails.inbox) == 1
    assert "was cancelled" in subjects(mails)[0]
    why = Notification.objects.filter(channel="EMAIL", skipped__startswith="overtaken")
    assert sorted(why.values_list("event", flat=True)) == ["session.approved", "session.requested"]


def test_who_left_before_it_was_sent_gets_nothing(mails: MailServer) -> None:
    row = approved()
    factories.react()
    User.objects.filter(pk=row.client_id).update(data_key=None)
    work()
    assert row.client.email not in [to for to, _ in mails.inbox]
    assert Notification.objects.get(event="session.approved", channel="EMAIL").skipped == "the account is gone"


def test_a_repeated_handler_sends_nothing_more(mails: MailServer) -> None:
    approved()
    work()
    sent = len(mails.inbox)
    for row in Notification.objects.filter(channel=Channel.EMAIL):
        sending.send({"notification_id": row.pk})
    assert len(mails.inbox) == sent


@pytest.mark.parametrize("state", [State.FAILED, State.DOUBTFUL])
def test_a_person_sends_it_again_with_a_reason_once(mails: MailServer, state: State) -> None:
    mails.hangs_up, mails.refuse = state is State.DOUBTFUL, "RCPT 550 no" if state is State.FAILED else ""
    approved()
    began = clock.now()
    for minutes in range(0, 120, 10):
        work(at=began + timedelta(minutes=minutes))
    mails.hangs_up, mails.refuse = False, ""
    before = len(mails.inbox)
    old = Notification.objects.get(event="session.approved", channel="EMAIL")
    again = {"notification_id": old.pk, "actor": "user:1", "now": clock.now()}
    with pytest.raises(Refusal, match="why"):
        sending.send_again(reason=" ", **again)
    new = sending.send_again(reason="They rang", **again)
    with pytest.raises(Refusal, match="only once"):
        sending.send_again(reason="They rang", **again)
    work()
    assert len(mails.inbox) == before + 1
    row = with_standing(Notification.objects.filter(pk=new)).get()
    assert (row.again_of_id, row.reason, row.standing) == (old.pk, "They rang", Standing.SENT)
    entry = Entry.objects.get(action="notification.sent_again")
    assert (entry.actor, entry.data["was"], entry.data["reason"]) == ("user:1", state, "They rang")


def test_what_was_sent_is_not_sent_again(mails: MailServer) -> None:
    approved()
    work()
    row = Notification.objects.filter(channel="EMAIL", skipped="").latest("id")
    with pytest.raises(Refusal, match="Only a failed or doubtful"):
        sending.send_again(notification_id=row.pk, reason="x", actor="user:1", now=clock.now())


def test_finance_sends_again_from_the_admin(mails: MailServer, client: Client) -> None:
    mails.hangs_up = True
    approved()
    work()
    finance = User.objects.create_user("finance@malipo.test", role=User.Role.FINANCE)
    client.force_login(finance, backend="accounts.backends.RoleBackend")
    page = client.get("/admin/notifications/notification/?standing=DOUBTFUL").content.decode()
    assert "session.approved" in page
    assert "SMTPServerDisconnected" in page
    row = Notification.objects.get(event="session.approved", channel="EMAIL")
    body = {"action": "send_again", "_selected_action": [row.pk], "reason": "They rang"}
    client.post("/admin/notifications/notification/", body)
    assert Notification.objects.get(again_of=row).reason == "They rang"
    detail = client.get(f"/admin/notifications/notification/{row.pk}/change/").content.decode()
    assert "was approved" in detail
    assert row.booking.code in detail


def test_support_reads_and_does_not_send(client: Client) -> None:
    approved()
    work()
    support = User.objects.create_user("support@malipo.test", role=User.Role.SUPPORT)
    client.force_login(support, backend="accounts.backends.RoleBackend")
    page = client.get("/admin/notifications/notification/").content.decode()
    assert "session.approved" in page
    assert "Send again" not in page
    assert mail.outbox
