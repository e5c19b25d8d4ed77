"""Properties of seed 001 about booking, paying and seeing a session: real rows, real pages, a real channel layer."""

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.urls import reverse
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from audit.models import Entry
from daraja import results
from lib import clock
from payments import live
from payments.facts import Kind
from payments.models import Payment, PaymentFact
from payments.phones import phone_of
from sessions_booking import booking, reading
from sessions_booking.models import Booking, SessionType
from sessions_booking.states import State
from sessions_booking.tests import browsing, factories
from sessions_booking.tests.browsing import LIVES, ahead, browser_of, text_of

HUNDRED = examples(max_examples=100)
shillings = st.integers(1, 250_000)
minutes = st.integers(15, 240)
numbers = st.from_regex(r"254[17][0-9]{8}", fullmatch=True)
letters = st.text("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", min_size=7, max_size=7)
receipts = letters.filter(lambda end: end != "0000000").map(lambda end: f"UKL{end}")
failures = st.sampled_from([code for code in results.known_stk_codes() if results.stk(code).kind == "FAILED"])
days = st.integers(2, 50)
lives = st.sampled_from(sorted(LIVES))
LIVE_JS = Path(settings.BASE_DIR, "static/js/live.js").read_text()


def constant(name: str) -> int:
    found = re.search(rf"const {name} = (\d+);", LIVE_JS)
    assert found
    return int(found[1])


class Sessions(TestCase):
    """A therapist, a client, and their browsers; each example is a session of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.therapist = factories.therapist()
        self.client_user = factories.client(name="Amina")
        self.hers = browser_of(self.client_user)
        self.theirs = browser_of(self.therapist.user)

    def type(self, price: int = 2500, length: int = 60) -> SessionType:
        return factories.session_type(self.therapist, minutes=length, shillings=price)

    def requested(self, after: int = 3, **given: int) -> Booking:
        return browsing.requested(self.type(**given), self.client_user, ahead(after))

    def approved(self, after: int = 3, **given: int) -> Booking:
        return factories.approved(self.requested(after, **given), now=clock.now())


class Booked(Sessions):
    # Feature: mpesa-payment-integration, Property 1: Session Creation Sets Pending Status
    @pytest.mark.requirement("SES-1", "P1")
    @HUNDRED
    @given(price=shillings, length=minutes, after=days)
    def test_a_new_session_waits_for_approval(self, price: int, length: int, after: int) -> None:
        row = self.requested(after, price=price, length=length)
        row.refresh_from_db()
        assert row.state == State.PENDING
        assert str(row.get_state_display()) == "Pending Approval"
        assert (row.price_cents, row.ends_at - row.starts_at) == (price * 100, timedelta(minutes=length))
        assert not Payment.objects.filter(purpose="session").exists()

    # Feature: mpesa-payment-integration, Property 3: Therapist Approval Updates Session Status
    @pytest.mark.requirement("SES-2", "P3")
    @HUNDRED
    @given(price=shillings, after=days)
    def test_approval_makes_it_approved(self, price: int, after: int) -> None:
        row = self.requested(after, price=price)
        self.theirs.post(reverse("sessions_booking:approve", args=[row.code]))
        row.refresh_from_db()
        assert row.state == State.APPROVED
        assert row.pay_by is not None
        assert clock.now() < row.pay_by <= row.starts_at


class Paid(Sessions):
    # Feature: mpesa-payment-integration, Property 21: Confirmed Payment Updates Payment Status
    # Feature: mpesa-payment-integration, Property 22: Confirmed Payment Updates Session Status
    # Feature: mpesa-payment-integration, Property 23: Confirmed Payment Stores Transaction ID
    # Feature: mpesa-payment-integration, Property 56: Confirmed Payment Stores Required Fields
    @pytest.mark.requirement("SES-4", "P21", "P22", "P23", "P56")
    @HUNDRED
    @given(price=shillings, number=numbers, receipt=receipts)
    def test_money_confirms(self, price: int, number: str, receipt: str) -> None:
        row = self.approved(price=price)
        payment = factories.prompted(row, phone=number, now=clock.now())
        factories.money(payment, receipt=receipt, now=clock.now())
        row.refresh_from_db()
        standing = reading.standings(bookings=[row], now=clock.now())[row.pk]
        assert (row.state, row.payment_id) == (State.CONFIRMED, payment.pk)
        assert (standing.payment_status, standing.receipt, standing.paid) == ("Paid", receipt, True)
        assert (payment.receipt, payment.received_cents, phone_of(payment)) == (receipt, price * 100, number)
        assert payment.completed_at is not None


class Approved(Sessions):
    """All examples begin with the same approved session; what they do to it is undone after each."""

    row: Booking

    def setUp(self) -> None:
        super().setUp()
        self.row = self.approved()


class Failed(Approved):
    # Feature: mpesa-payment-integration, Property 28: Failed Payment Maintains Approved Status
    # Feature: mpesa-payment-integration, Property 29: Failed Payment Allows Retry
    # Feature: mpesa-payment-integration, Property 30: Failed Payment Logs Failure Reason
    @pytest.mark.requirement("SES-4", "P28", "P29", "P30")
    @HUNDRED
    @given(code=failures, times=st.integers(1, 3))
    def test_a_failure_changes_no_session_and_is_kept(self, code: str, times: int) -> None:
        row = Booking.objects.get(pk=self.row.pk)
        for _ in range(times):
            payment = factories.failure(factories.prompted(row, now=clock.now()), code=code, now=clock.now())
            assert payment.status == "FAILED"
            kept = PaymentFact.objects.get(payment=payment, kind=Kind.FAILED)
            assert kept.code == code
            trail = Entry.objects.get(
                action="payment.status", subject=f"payment:{payment.transaction_id}", data__to="FAILED"
            )
            assert code in trail.data["reason"]
        row.refresh_from_db()
        standing = reading.standings(bookings=[row], now=clock.now())[row.pk]
        assert (row.state, standing.payment_status, standing.payable) == (State.APPROVED, "Failed", True)
        assert len(standing.attempts) == times
        assert factories.started(row, now=clock.now()).status == "SENDING"


class Watched(Approved):
    # Feature: mpesa-payment-integration, Property 15: Payment Status Polling Frequency
    # Feature: mpesa-payment-integration, Property 17: Processing Shows Progress Indicator
    # Feature: mpesa-payment-integration, Property 18: Processing Continues Polling
    @pytest.mark.requirement("REC-3", "RT-1", "P15", "P17", "P18")
    @HUNDRED
    @given(waited=st.integers(0, 118), sent=st.booleans())
    def test_while_it_is_processing_the_page_shows_progress_and_asks(self, waited: int, sent: bool) -> None:
        began = clock.now() - timedelta(seconds=waited)
        payment = (factories.prompted if sent else factories.started)(self.row, now=began)
        page = self.hers.get(reverse("payments:payment", args=[payment.transaction_id])).content.decode()
        assert 'role="progressbar"' in page
        assert 'data-live="yes"' in page
        asked = reverse("payments:status", args=[payment.transaction_id])
        assert f'data-url="{asked}"' in page
        assert self.hers.get(asked).status_code == 200
        assert constant("FAST_MS") == 3000
        assert constant("FAST_FOR_MS") >= 120_000
        standing = reading.standings(bookings=[self.row], now=clock.now())[self.row.pk]
        assert standing.payment_status == "Processing"

    # Feature: mpesa-payment-integration, Property 16: Status Change Updates UI
    # Feature: mpesa-payment-integration, Property 32: Confirmed Payment Updates Therapist Dashboard
    @pytest.mark.requirement("RT-1", "SES-5", "P16", "P32")
    @HUNDRED
    @given(receipt=receipts, paid=st.booleans(), code=failures)
    def test_each_change_is_told_to_the_open_pages_of_both(self, receipt: str, paid: bool, code: str) -> None:
        payment = factories.prompted(self.row, now=clock.now())
        groups = [live.payment_group(payment.transaction_id), live.person_group(self.therapist.user_id)]

        def change() -> None:
            with self.captureOnCommitCallbacks(execute=True):
                if paid:
                    factories.money(payment, receipt=receipt, now=clock.now())
                else:
                    factories.failure(payment, code=code, now=clock.now())

        first, *_ = told = async_to_sync(listen)(groups, change)
        assert len(told) == len(groups)
        assert first["status"] == ("COMPLETED" if paid else "FAILED")
        board = text_of(self.theirs.get(reverse("sessions_booking:practice") + "?part=1"))
        assert (receipt in board) is paid
        row = Booking.objects.get(pk=self.row.pk)
        assert row.state == (State.CONFIRMED if paid else State.APPROVED)


async def listen(groups: list[str], change: Callable[[], None]) -> list[dict[str, object]]:
    """What each group is told within a second of a change."""
    layer = get_channel_layer()
    channels = [await layer.new_channel() for _ in groups]
    for group, channel in zip(groups, channels, strict=True):
        await layer.group_add(group, channel)
    try:
        await sync_to_async(change)()
        async with asyncio.timeout(1):
            return [await layer.receive(channel) for channel in channels]
    finally:
        await layer.flush()


@pytest.mark.requirement("SES-1")
@pytest.mark.django_db
def test_the_lives_of_these_properties_are_all_there_are() -> None:
    """A new state needs a life here, so that its pages are looked at."""
    therapist, type = browsing.practised()
    found = {life(type, factories.client(), ahead(n)).state for n, life in enumerate(LIVES.values(), start=2)}
    assert found == set(State)
    assert booking.release_due(now=clock.now()) == 0
    assert therapist.bookings.count() == len(LIVES)
