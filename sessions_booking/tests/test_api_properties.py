"""Properties of seed 001 that the API of sessions keeps: real rows, and real HTTP to the simulator where a push is made."""

import dataclasses
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import count

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import User
from accounts.roles import Role
from audit.models import Entry
from lib import clock
from payments import lifecycle, merchants, sealing, timing
from payments.facts import Source
from payments.models import Merchant, Payment
from payments.states import LIVE
from payments.tests.factories import UserFactory
from sessions_booking.models import Booking, Therapist
from sessions_booking.states import State
from sessions_booking.tests import factories
from sessions_booking.tests.speaking import pay, post, program, refusal
from simulator.testing import Sim, running_simulator

HUNDRED = examples(max_examples=100)
PUSHED = examples(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
_number = count(1)
forms = st.builds(
    lambda prefix, first, rest, gap: f"{prefix}{first}{rest[:2]}{gap}{rest[2:5]}{gap}{rest[5:]}",
    st.sampled_from(["0", "254", "+254", ""]),
    st.sampled_from("71"),
    st.from_regex(r"[0-8][0-9]{7}", fullmatch=True),  # 01 19… and 07 19… mean a fault to the simulator
    st.sampled_from(["", " ", "-"]),
)
shillings = st.integers(1, 250_000)


def asked_for(price: int = 2500, of: Therapist | None = None, by: User | None = None) -> Booking:
    """A session of somebody else's, in three days."""
    day = (clock.now() + timedelta(days=3)).astimezone(clock.EAT)
    starts_at = day.replace(hour=10, minute=0, second=0, microsecond=0)
    type = factories.session_type(of, shillings=price)
    return factories.requested(type, by=by, starts_at=starts_at, now=clock.now())


def digits(number: str) -> str:
    return "254" + "".join(filter(str.isdigit, number))[-9:]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sim]:
    """An M-Pesa that wants no minute between two prompts on a phone, and is waited for however busy the machine."""
    monkeypatch.setattr(timing, "ANSWER_WITHIN", 60.0)
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    with running_simulator(switches={"spacing_s": 0.0}) as sim:
        mpesa = dataclasses.replace(settings.MPESA, base_url=sim.url)
        limits = {**settings.RATE_LIMITS, "change": (10_000, 900)}
        with override_settings(MPESA=mpesa, PUBLIC_URL="http://127.0.0.1:9", RATE_LIMITS=limits):
            yield sim


# Feature: mpesa-payment-integration, Property 8: Valid Phone Number Triggers STK Push
# Feature: mpesa-payment-integration, Property 10: STK Push Stores Checkout ID
# Feature: mpesa-payment-integration, Property 11: STK Push Shows Check Phone Message
# Feature: mpesa-payment-integration, Property 12: STK Push Contains Business Name
# Feature: mpesa-payment-integration, Property 13: STK Push Contains Correct Amount
@pytest.mark.requirement("SES-7", "STK-1", "STK-3", "STK-4", "P8", "P10", "P11", "P12", "P13", "P51")
@pytest.mark.django_db(transaction=True)
@PUSHED
@given(number=forms, price=shillings)
def test_any_kenyan_phone_is_asked_for_the_price_at_once(quick: Sim, number: str, price: int) -> None:
    quick.reset()
    for payment in Payment.objects.filter(status__in=sorted(LIVE)):  # of an example before: it may be the same phone
        lifecycle.close(payment_id=payment.pk, source=Source.CLOCK, code="SILENT", now=clock.now())
    row = factories.approved(asked_for(price), now=clock.now())
    began = time.process_time()
    answer = pay(row.client, row.code, phoneNumber=number)
    assert time.process_time() - began < 3  # of our own: for M-Pesa's share no request waits longer than ANSWER_WITHIN
    pushed = quick.pushes()
    assert [(one["phone"], one["amount"], one["description"]) for one in pushed] == [
        (digits(number), price, "Smiling Steps")
    ]
    body = answer.json()
    assert (answer.status_code, body["paymentStatus"], body["amount"]) == (200, "Processing", price)
    assert body["message"].startswith("Check your phone")
    payment = Payment.objects.get(target_id=row.pk, purpose="session")
    assert payment.checkout_hash == sealing.checkout_hash(body["checkoutRequestID"])
    status = program(row.client).get(f"/api/mpesa/status/{row.code}").json()
    assert [one["checkoutRequestID"] for one in status["paymentAttempts"]] == [body["checkoutRequestID"]]


class Refusals(TestCase):
    """Each example is another session of the same two people; nothing of it stays."""

    therapist: Therapist
    client_user: User

    @classmethod
    def setUpTestData(cls) -> None:
        cls.therapist, cls.client_user = factories.therapist(), factories.client()

    # Feature: mpesa-payment-integration, Property 5: Pending Sessions Block Payment
    @pytest.mark.requirement("SES-3", "SES-7", "P5")
    @HUNDRED
    @given(number=forms, price=shillings, amount=st.booleans(), key=st.sampled_from(["", "k1"]))
    def test_a_session_that_waits_for_approval_is_not_paid(
        self, number: str, price: int, amount: bool, key: str
    ) -> None:
        row = asked_for(price, of=self.therapist, by=self.client_user)
        given_amount = {"amount": price} if amount else {}
        answer = pay(row.client, row.code, key=key, phoneNumber=number, **given_amount)
        assert refusal(answer) == (409, "not_approved")
        assert not Payment.objects.exists()
        session = program(row.client).get(f"/api/sessions/{row.code}").json()["session"]
        assert (session["status"], session["payable"], session["paymentStatus"]) == ("Pending Approval", False, None)

    # Feature: mpesa-payment-integration, Property 50: Payment Endpoints Require Authentication
    @pytest.mark.requirement("SEC-1", "SES-7", "P50")
    @HUNDRED
    @given(
        address=st.sampled_from(
            ["/api/mpesa/initiate", "/api/mpesa/test-connection", "/api/sessions", "/api/sessions/{}/approve",
             "/api/sessions/{}/decline", "/api/sessions/{}/cancel", "/api/sessions/{}/reschedule"]
        ),
        token=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60),
    )  # fmt: skip
    def test_nobody_pays_or_changes_a_session_without_a_token(self, address: str, token: str) -> None:
        row = asked_for(of=self.therapist, by=self.client_user)
        body = {"sessionId": row.code, "phoneNumber": "0712345678", "reason": "x", "sessionTypeId": row.type_id}
        client = program(None, headers={"Authorization": f"Bearer {token}"}) if token else program(None)
        answer = client.post(address.format(row.code), body, content_type="application/json")
        assert refusal(answer) == (401, "not_authenticated")
        assert refusal(client.get(f"/api/mpesa/status/{row.code}")) == (401, "not_authenticated")
        row.refresh_from_db()
        assert (row.state, row.sequence, Payment.objects.count(), Booking.objects.count()) == (State.PENDING, 0, 0, 1)


class Connection(TestCase):
    simulator: Sim

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.simulator = cls.enterClassContext(running_simulator())

    # Feature: mpesa-payment-integration, Property 41: Connectivity Test Verifies Credentials
    @pytest.mark.requirement("ADM-3", "SES-7", "P41")
    @HUNDRED
    @given(
        role=st.sampled_from([Role.FINANCE, Role.ADMIN]),
        key=st.text("abcdef0123456789", min_size=1, max_size=20),
        secret=st.text("abcdef0123456789", max_size=20),
        trouble=st.sampled_from([None, None, "internal", "html", "empty", "bad_gateway", "closed", "maintenance"]),
    )
    def test_the_test_says_whether_the_credentials_work(
        self, role: Role, key: str, secret: str, trouble: str | None
    ) -> None:
        self.simulator.refuse("oauth", trouble)
        user = UserFactory(role=role)
        values = merchants.Credentials(f"{key}-{next(_number)}", secret, "passkey")  # five tries a minute per key
        Merchant.objects.create(
            environment="sandbox", shortcode="600000", name="Tried", is_default=True,
            credentials_sealed=merchants.sealed(values),
        )  # fmt: skip
        with override_settings(MPESA=dataclasses.replace(settings.MPESA, base_url=self.simulator.url)):
            answer = post(user, "/api/mpesa/test-connection")
        outcome = Entry.objects.get(action="merchant.checked").data["outcome"]
        if trouble is None and secret:
            assert (answer.status_code, answer.json()["message"]) == (200, "M-Pesa API connection successful")
            assert (answer.json()["shortcode"], outcome) == ("600000", "connected")
        else:
            assert refusal(answer) == (502, "mpesa_connection_failed")
            assert answer.json()["message"].startswith("M-Pesa API connection failed: ")
            assert outcome == answer.json()["message"]
        assert not secret or len(secret) < 8 or secret not in answer.content.decode()
