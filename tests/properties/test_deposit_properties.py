"""Properties of seed 001 that a deposit proves: real rows, and real HTTP to the simulator where a push is made."""

import dataclasses
import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client, override_settings
from hypothesis import assume, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from audit.models import Entry
from daraja import hosts, results
from ledger import books, chart
from lib import clock
from payments import facts, inbox, lifecycle, merchants, reading, timing
from payments.models import Callback, Merchant, Payment
from payments.providers import Pushed
from payments.providers.mpesa import _base_url
from payments.tests import factories
from payments.why import why
from simulator.testing import Sim, running_simulator

HUNDRED = examples(max_examples=100)
phones = st.from_regex(r"254[17][0-9]{8}", fullmatch=True).filter(lambda number: not number.startswith("25419"))
shillings = st.integers(10, 150_000)


class Pushes(TestCase):
    """Each example is a deposit of somebody else, pushed over HTTP."""

    simulator: Sim

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.simulator = cls.enterClassContext(running_simulator(switches={"spacing_s": 0.0}))

    # Feature: mpesa-payment-integration, Property 8: Valid Phone Number Triggers STK Push
    # Feature: mpesa-payment-integration, Property 10: STK Push Stores Checkout ID
    # Feature: mpesa-payment-integration, Property 12: STK Push Contains Business Name
    # Feature: mpesa-payment-integration, Property 13: STK Push Contains Correct Amount
    @pytest.mark.requirement("STK-3", "STK-4", "P8", "P10", "P12", "P13", "P67")
    @HUNDRED
    @given(phone=phones, amount=shillings)
    def test_the_push_says_what_was_asked(self, phone: str, amount: int) -> None:
        self.simulator.reset()
        payment = factories.started(phone=phone, amount=amount, now=clock.now())
        with override_settings(MPESA=dataclasses.replace(settings.MPESA, base_url=self.simulator.url)):
            assert lifecycle.submit(payment_id=payment.pk)
        pushed = self.simulator.pushes()[-1]
        assert (pushed["phone"], pushed["amount"]) == (phone, amount)
        assert pushed["account_reference"] == payment.account_reference
        assert pushed["description"] == "Smiling Steps"
        payment.refresh_from_db()
        assert payment.status == "PROMPTED"
        assert payment.checkout_hash != ""
        initiated = Entry.objects.get(action="payment.initiated", subject=f"payment:{payment.transaction_id}")
        assert initiated.actor == f"user:{payment.payer_id}"
        assert initiated.data["thing"] == f"deposit:{payment.target_id}"
        assert initiated.data["phone"] == "********" + phone[-4:]


class Deadlines(TestCase):
    """Times, as deadlines of rows under a controlled clock."""

    # Feature: mpesa-payment-integration, Property 55: API Unavailability Shows Error and Retry
    # Feature: mpesa-payment-integration, Property 71: API Unavailability Queues and Retries
    @pytest.mark.requirement("STK-8", "P55", "P71")
    @HUNDRED
    @given(refused=st.integers(1, 6), waited=st.integers(0, 60))
    def test_a_refused_push_waits_and_may_be_sent_by_hand_after_30_s(self, refused: int, waited: int) -> None:
        now = factories.AT
        payment = factories.started(now=now)
        for attempt in range(1, refused + 1):
            order = lifecycle.begin(payment_id=payment.pk, now=now)
            assert order is not None
            said = facts.Fact(facts.Kind.REFUSED, facts.Source.PUSH, attempt, "500.003.02 BUSY", at=now)
            payment = factories.answered(order, Pushed((said,), passing=True), now=now)
            wait = timing.seconds(timing.RETRIES[attempt - 1])
            assert payment.next_attempt_at == now + wait
            assert payment.status == "SENDING"
            last = now
            now += wait
        assume(now < payment.initiated_at + timing.seconds(timing.UNSENT))
        later = last + timedelta(seconds=waited)
        assert lifecycle.send_again(payment_id=payment.pk, now=later) is (waited >= 30)

    # Feature: mpesa-payment-integration, Property 53: Callback Processing Time
    @pytest.mark.requirement("CB-1", "P53")
    @HUNDRED
    @given(bodies=st.lists(st.binary(max_size=200), min_size=1, max_size=20))
    def test_whatever_came_is_due_at_once_and_taken_by_the_next_sweep(self, bodies: list[bytes]) -> None:
        Callback.objects.filter(state="WAITING").update(state="DONE")
        client = Client()
        for body in bodies:
            answer = client.post("/api/deposits/callback", body, content_type="application/json")
            assert answer.json() == {"ResultCode": 0, "ResultDesc": "Success"}
        waiting = Callback.objects.filter(state="WAITING")
        assert all(row.next_attempt_at == row.received_at for row in waiting)
        inbox.drain(now=clock.now())
        assert waiting.all().count() == 0


class Kept(TestCase):
    """What stays written down."""

    # Feature: mpesa-payment-integration, Property 30: Failed Payment Logs Failure Reason
    # Feature: mpesa-payment-integration, Property 42: Failed Payment Logs Error Details
    @pytest.mark.requirement("CB-4", "SEC-8", "P30", "P42")
    @HUNDRED
    @given(
        code=st.sampled_from([c for c in results.known_stk_codes() if results.stk(c).kind == "FAILED"]),
        text=st.text(st.characters(codec="ascii", min_codepoint=32), min_size=1, max_size=80),
    )
    def test_a_failure_keeps_its_reason(self, code: str, text: str) -> None:
        payment = factories.answered(order := factories.sent(), factories.acceptance(order))
        failed = facts.Fact(facts.Kind.FAILED, facts.Source.CALLBACK, code=code, text=text)
        lifecycle.apply(news=[lifecycle.News(payment.pk, facts=(failed,))], now=factories.later(9))
        payment.refresh_from_db()
        assert (payment.status, payment.result_code, payment.result_description) == ("FAILED", code, text)
        assert payment.failed_at == factories.later(9)
        assert code in why(payment, reading.known_of([payment])[payment.pk])

    # Feature: mpesa-payment-integration, Property 81: Sandbox Transactions Isolated From Production
    @pytest.mark.requirement("LED-4", "ADM-7", "P81")
    @HUNDRED
    @given(amount=shillings)
    def test_sandbox_money_leaves_production_untouched(self, amount: int) -> None:
        payment = factories.answered(order := factories.sent(amount=amount), factories.acceptance(order))
        lot = facts.Lot(factories.new_receipt(), amount * 100, facts.Source.CALLBACK)
        lifecycle.apply(news=[lifecycle.News(payment.pk, lots=(lot,))], now=factories.later(9))
        wallet = chart.wallet(payment.payer_id)
        assert books.balance(environment="sandbox", code=wallet) == amount * 100
        assert books.balance(environment="production", code=wallet) == 0
        assert Payment.objects.filter(environment="production").count() == 0

    # Feature: mpesa-payment-integration, Property 77: Sandbox Mode Uses Sandbox Credentials
    @pytest.mark.requirement("LED-4", "P77")
    @HUNDRED
    @given(
        environment=st.sampled_from(["sandbox", "production"]),
        secret=st.text("abcdef0123456789", min_size=8, max_size=32),
    )
    def test_each_environment_has_its_own_host_and_credentials(self, environment: str, secret: str) -> None:
        other = {"sandbox": "production", "production": "sandbox"}[environment]
        Merchant.objects.all().delete()
        for mode, key in ((environment, secret), (other, secret + "-other")):
            values = merchants.Credentials(key, key, key)
            Merchant.objects.create(
                environment=mode,
                shortcode="600000",
                name=mode,
                is_default=True,
                credentials_sealed=merchants.sealed(values),
            )
        mine = merchants.merchant_for(environment=environment, purpose="deposit")
        assert merchants.credentials(mine).consumer_key == secret
        with override_settings(MPESA=dataclasses.replace(settings.MPESA, environment=environment, base_url="")):
            assert _base_url(environment) == hosts.BASE_URLS[environment]
            assert _base_url(other) == hosts.BASE_URLS[other]

    # Feature: mpesa-payment-integration, Property 78: Sandbox Mode Indicates Test Mode
    # Feature: mpesa-payment-integration, Property 79: Sandbox Mode Uses Test Phone Numbers
    @pytest.mark.requirement("ADM-7", "P78", "P79")
    @HUNDRED
    @given(environment=st.sampled_from(["sandbox", "production"]))
    def test_test_mode_and_its_numbers_show_in_the_sandbox_only(self, environment: str) -> None:
        client = Client()
        client.force_login(factories.UserFactory(), backend="accounts.backends.RoleBackend")
        with override_settings(MPESA=dataclasses.replace(settings.MPESA, environment=environment)):
            page = client.get("/deposit/").content.decode()
        in_sandbox = environment == "sandbox"
        assert ("TEST MODE" in page) is in_sandbox
        assert ("0708 374 149" in page) is in_sandbox


# Feature: mpesa-payment-integration, Property 44: Payment Data Uses TLS Encryption
@pytest.mark.requirement("SEC-3", "P44")
def test_production_speaks_tls_only() -> None:
    key = "A" * 43 + "="
    env = {
        **os.environ, "PRODUCTION": "true", "SECRET_KEY": "s" * 60, "PUBLIC_URL": "https://pay.example.test",
        "ALLOWED_HOSTS": "pay.example.test", "DATA_KEYS": key, "HASH_KEY": key, "HOOK_KEYS": key, "SEAL_KEY": key,
        "MPESA_ENVIRONMENT": "production", "MPESA_CONSUMER_KEY": "k", "MPESA_CONSUMER_SECRET": "s",
        "MPESA_SHORTCODE": "600000", "MPESA_PASSKEY": "p", "DJANGO_SETTINGS_MODULE": "config.settings",
    }  # fmt: skip
    said = (
        "from django.conf import settings as s; print(s.SECURE_SSL_REDIRECT, s.SECURE_HSTS_SECONDS >= 31536000, "
        "s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.MPESA.base_url == '', s.DEBUG)"
    )
    done = subprocess.run([sys.executable, "-c", said], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "True", "True", "True", "False"]
    assert all(address.startswith("https://") for address in hosts.BASE_URLS.values())
