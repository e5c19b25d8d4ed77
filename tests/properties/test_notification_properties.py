"""Properties of seed 001 about telling people: real sessions and payments, the outbox with its clock in our hands, a mailbox,
and SMS on simulated phones."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core import mail
from django.db.models import Q
from django.test import override_settings
from django.utils.module_loading import import_string
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from daraja import results
from lib import clock, phone
from notifications import words
from notifications.models import Channel, Notification
from notifications.tests.factories import forget
from outbox import box
from outbox.models import Delivery, State
from payments import presenting
from payments.facts import Fact, Kind, Source
from payments.tests import factories as paying
from sessions_booking import booking, reminders
from sessions_booking.models import Booking
from sessions_booking.tests import factories as booked
from simulator.testing import Sim, running_simulator

HUNDRED = examples(max_examples=100)
APP, MAIL, SMS = Channel.IN_APP, Channel.EMAIL, Channel.SMS
hours = st.integers(8, 16)
days = st.integers(2, 50)
phones = st.from_regex(r"07[0-9]{8}", fullmatch=True).filter(lambda number: number != "0722333444")
failures = st.sampled_from([code for code in results.known_stk_codes() if results.stk(code).kind == "FAILED"])
THERAPIST = "254722333444"
ABOUT = ("booking__client", "booking__therapist", "payment__payer")  # what a notification's words are made of
WAKE = timedelta(seconds=2)  # so often the beat wakes the worker


def soon(after_days: int, hour: int) -> datetime:
    today = clock.now().astimezone(clock.EAT).date()
    return booked.at((today - booked.AT.astimezone(clock.EAT).date()).days + after_days, hour)


class Told(TestCase):
    """Each example is a session of its own; the worker is one run of the beat."""

    simulator: Sim

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.simulator = cls.enterClassContext(running_simulator())

    def setUp(self) -> None:
        super().setUp()
        self.enterContext(override_settings(SMS_BACKEND="phones", SIMULATOR_URL=self.simulator.url))
        self.therapist = booked.therapist()
        self.therapist.user.set_phone("0722 333 444")
        self.therapist.user.save()

    def requested(self, after_days: int, hour: int, number: str = "", minutes: int = 60) -> Booking:
        kinds = self.therapist.types.filter(minutes=minutes)
        kind = kinds.first() or booked.session_type(self.therapist, minutes=minutes)
        client = booked.client()
        client.set_phone(number)
        client.save()
        return booked.requested(kind, by=client, starts_at=soon(after_days, hour), now=clock.now())

    def approved(self, *given: Any) -> Booking:
        return booked.approved(self.requested(*given), now=clock.now())

    def work(self, *, after: timedelta = WAKE) -> None:
        """What the worker does at its next run, by the rows' own times."""
        box.deliver_due(now=clock.now() + after, limit=50)

    def one(self, event: str, channel: Channel, row: Booking, **given: Any) -> Notification:
        asked = {"booking": row} if event.startswith("session.") else {"payment__target_id": row.pk}
        rows = Notification.objects.select_related(*ABOUT)
        return rows.get(event=event, channel=channel, **asked, **given)

    # Feature: mpesa-payment-integration, Property 2: Session Creation Triggers Therapist Notification
    # Feature: mpesa-payment-integration, Property 4: Approval Triggers Payment Notification
    # Feature: mpesa-payment-integration, Property 60: Approval Sends Email Notification
    # Feature: mpesa-payment-integration, Property 25: Confirmed Payment Notifies Therapist
    # Feature: mpesa-payment-integration, Property 26: Confirmed Payment Sends Email
    # Feature: mpesa-payment-integration, Property 35: Confirmed Payment Notifies Therapist
    # Feature: mpesa-payment-integration, Property 61: Confirmed Payment Sends Email Within 30 Seconds
    # Feature: mpesa-payment-integration, Property 62: Confirmed Payment Sends In-App Notification Within 5 Seconds
    @pytest.mark.requirement("SES-1", "SES-2", "SES-4", "NOT-1", "P2", "P4", "P25", "P26", "P35", "P60", "P61", "P62")
    @HUNDRED
    @given(after=days, hour=hours, receipt=st.from_regex(r"UK[A-Z][0-9]{4}[1-9]{3}", fullmatch=True))
    def test_each_step_of_a_session_is_told_to_whom_it_concerns(self, after: int, hour: int, receipt: str) -> None:
        row = self.requested(after, hour)
        self.work()
        self.the_request_is_told_to_its_therapist(row)
        booked.approved(row, now=clock.now())
        row.refresh_from_db()
        self.work()
        self.the_approval_is_told_to_the_client_with_how_to_pay(row)
        paid_at, before = clock.now(), len(mail.outbox)
        with time_machine.travel(paid_at, tick=False):
            booked.money(booked.prompted(row, now=paid_at), now=paid_at, receipt=receipt)
        with time_machine.travel(paid_at + WAKE, tick=False):
            self.work(after=timedelta())
        self.the_payment_is_told_to_both_in_time(row, receipt, paid_at, mail.outbox[before:])

    def the_request_is_told_to_its_therapist(self, row: Booking) -> None:
        therapist = row.therapist.user
        assert self.one("session.requested", APP, row).recipient_id == therapist.pk
        assert mail.outbox[-1].to == [therapist.email]
        assert Notification.objects.filter(booking=row).exclude(recipient=therapist).count() == 0

    def the_approval_is_told_to_the_client_with_how_to_pay(self, row: Booking) -> None:
        assert self.one("session.approved", APP, row).recipient_id == row.client_id
        sent = mail.outbox[-1]
        assert sent.to == [row.client.email]
        for said in (f"{settings.PUBLIC_URL}/sessions/{row.code}/pay/", "Pay with M-Pesa", "KES 2,500", "PIN"):
            assert said in sent.body
            assert said in sent.alternatives[0][0]
        assert words.long_time(row.pay_by) in sent.body

    def the_payment_is_told_to_both_in_time(
        self, row: Booking, receipt: str, paid_at: datetime, sent: list[Any]
    ) -> None:
        shown = self.one("session.confirmed", APP, row)
        assert shown.recipient_id == row.therapist.user_id
        assert shown.created_at - paid_at <= timedelta(seconds=5)
        to_client = [one for one in sent if one.to == [row.client.email]]
        assert len(to_client) == 1
        assert receipt in to_client[0].subject
        assert receipt in to_client[0].body
        assert self.one("payment.completed", MAIL, row).sent_at - paid_at <= timedelta(seconds=30)
        assert [row.therapist.user.email] in [one.to for one in sent]

    # Feature: mpesa-payment-integration, Property 63: Failed Payment Sends Notification With Reason
    @pytest.mark.requirement("NOT-1", "CB-4", "P63")
    @HUNDRED
    @given(after=days, hour=hours, code=failures)
    def test_a_failure_is_told_with_its_reason_and_next_step(self, after: int, hour: int, code: str) -> None:
        row = self.approved(after, hour)
        payment = booked.failure(booked.prompted(row, now=clock.now()), code=code, now=clock.now())
        self.work()
        shown = self.one("payment.failed", APP, row)
        assert shown.recipient_id == row.client_id
        says = presenting.show(payment, now=clock.now()).words
        told = words.words(shown)
        text = " ".join(told.paragraphs)
        assert says.happened in text
        assert says.next_step in text
        assert told.action == "Try again"

    # Feature: mpesa-payment-integration, Property 64: 24-Hour Reminder Sends SMS
    # Feature: mpesa-payment-integration, Property 65: 1-Hour Reminder Sends SMS to Both
    @pytest.mark.requirement("SES-6", "P64", "P65")
    @HUNDRED
    @given(after=days, hour=hours, number=phones, paid=st.booleans(), late_s=st.integers(0, 45))
    def test_reminders_are_sms_to_whom_they_concern(
        self, after: int, hour: int, number: str, paid: bool, late_s: int
    ) -> None:
        row = self.approved(after, hour, number)
        if paid:
            booked.money(booked.prompted(row, now=clock.now()), now=clock.now())
        forget()
        client, sent = phone.normalise(number), {}
        for kind, minutes in (("24h", 24 * 60), ("1h", 60)):
            self.simulator.reset()
            for _ in range(2):
                reminders.remind_due(now=row.starts_at - timedelta(minutes=minutes) + timedelta(seconds=late_s))
                self.work()
            texts = [self.simulator.sms(to) for to in (client, THERAPIST)]
            sent[kind] = [len(theirs) for theirs in texts]
            assert all(len(text) <= 160 and "appointment" in text for theirs in texts for text in theirs)
        assert sent == {"24h": [1, 0], "1h": [1, 1]}

    @pytest.mark.requirement("SES-6", "NOT-2")
    @HUNDRED
    @given(after=days, hour=hours, number=phones, ended=st.sampled_from(["cancelled", "moved", "nothing"]))
    def test_a_reminder_follows_its_session(self, after: int, hour: int, number: str, ended: str) -> None:
        row = self.approved(after, hour, number)
        at = row.starts_at - timedelta(hours=1)
        if ended == "cancelled":
            booking.cancel(code=row.code, actor_id=row.client_id, reason="", now=clock.now())
        if ended == "moved":
            other = soon(after, hour + 1)
            booking.reschedule(code=row.code, actor_id=row.client_id, starts_at=other, now=clock.now())
        forget()
        self.simulator.reset()
        reminders.remind_due(now=at)
        self.work()
        sent = [text for text in self.simulator.sms(phone.normalise(number)) if "begins" in text]
        assert len(sent) == (1 if ended == "nothing" else 0)

    @pytest.mark.requirement("NOT-2")
    @HUNDRED
    @given(
        after=days,
        hour=hours,
        acts=st.lists(st.sampled_from(["move", "pay", "fail", "cancel", "repeat", "work"]), max_size=7),
    )
    def test_nobody_is_told_twice(self, after: int, hour: int, acts: list[str]) -> None:
        """Whatever happens, and however often a reaction is called: one mail for each row, one row for each news."""
        row = self.approved(after, hour, "0712345678")
        before = len(mail.outbox)
        for number, act in enumerate(acts):
            _act(row, act, number)
        self.work()
        _repeat()
        self.work()
        mine = Notification.objects.filter(Q(booking=row) | Q(payment__target_id=row.pk), channel=MAIL)
        ids = [sent.extra_headers["Message-ID"] for sent in mail.outbox[before:]]
        assert len(set(ids)) == len(ids)
        assert len(ids) == mine.filter(sent_at__isnull=False).count()
        moved = Delivery.objects.filter(topic="session.rescheduled", payload__booking_id=row.pk).count()
        assert Notification.objects.filter(event="session.rescheduled", channel=APP, booking=row).count() <= moved
        assert Delivery.objects.filter(state=State.DOUBTFUL).count() == 0


def _act(row: Booking, act: str, number: int) -> None:
    row.refresh_from_db()
    now = clock.now()
    match act:
        case "move" if row.state in ("APPROVED", "CONFIRMED"):
            other = row.starts_at + timedelta(hours=1 if number % 2 else -1)
            if 8 <= other.astimezone(clock.EAT).hour <= 16:
                booking.reschedule(code=row.code, actor_id=row.therapist.user_id, starts_at=other, now=now)
        case "pay" if row.state == "APPROVED":
            booked.money(booked.prompted(row, now=now), now=now)
        case "fail" if row.state == "APPROVED":
            payment = booked.prompted(row, now=now)
            paying.tell(payment, Fact(Kind.FAILED, Source.CALLBACK, code="1", at=now), now=now)
        case "cancel" if row.state in ("APPROVED", "CONFIRMED"):
            booking.cancel(code=row.code, actor_id=row.client_id, reason="", now=now)
        case "repeat":
            _repeat()
        case "work":
            box.deliver_due(now=now + WAKE, limit=50)


def _repeat() -> None:
    """As if each reaction's worker had died after its work."""
    for delivery in Delivery.objects.filter(topic__regex="^(session|payment)").order_by("id"):
        import_string(delivery.handler)(delivery.payload)
