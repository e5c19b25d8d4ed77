"""Properties of seed 001 that pages prove, each for 100 sessions made through the doors of the product."""

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import User
from lib import money, phone
from payments.models import Payment
from sessions_booking.models import Booking, SessionType, Therapist
from sessions_booking.tests import browsing, factories
from sessions_booking.tests.browsing import ahead, browser_of, text_of

HUNDRED = settings(max_examples=100)
SHILLINGS = st.integers(1, 250_000)
LIVES = st.sampled_from(sorted(browsing.LIVES))
PAID = {"confirmed", "completed"}
WORDS = {"paying": "Not paid yet", "confirmed": "Paid", "completed": "Paid", "owed": "Kept for the client"}
# what is no Kenyan mobile number in any form
NUMBERS = st.one_of(
    st.from_regex(r"0[02-689][0-9]{8}", fullmatch=True),
    st.from_regex(r"[0-9]{1,8}", fullmatch=True),
    st.from_regex(r"07[0-9]{9,20}", fullmatch=True),
    st.text(st.characters(blacklist_categories=["Cs", "Cc", "Nd"]), min_size=1, max_size=30).filter(str.strip),
)


class People(TestCase):
    """Each example is another session of the same two people; nothing of it stays."""

    therapist: Therapist
    type: SessionType
    client_user: User
    logged_in: dict[int, str]

    @classmethod
    def setUpTestData(cls) -> None:
        cls.therapist, cls.type = browsing.practised()
        cls.client_user = factories.client(name="Amina W")
        people = (cls.client_user, cls.therapist.user)
        cls.logged_in = {user.pk: browser_of(user).cookies["sessionid"].value for user in people}

    def live(self, life: str, shillings: int) -> Booking:
        """A session at this price, lived so far."""
        SessionType.objects.filter(pk=self.type.pk).update(price_cents=money.cents(shillings))
        self.type.refresh_from_db()
        return browsing.LIVES[life](self.type, self.client_user, ahead(3))

    def browser(self, user: User) -> Client:
        browser = Client()
        browser.cookies["sessionid"] = self.logged_in[user.pk]
        return browser

    def seen(self, by: User, path: str) -> str:
        answer = self.browser(by).get(path)
        assert answer.status_code == 200
        return str(text_of(answer))


class Approved(People):
    """One session for all examples."""

    row: Booking

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.row = browsing.approved(cls.type, cls.client_user, ahead(3))

    # Feature: mpesa-payment-integration, Property 9: Invalid Phone Number Shows Error
    @pytest.mark.requirement("STK-1", "P9")
    @HUNDRED
    @given(number=NUMBERS)
    def test_a_wrong_number_is_said_with_the_right_form(self, number: str) -> None:
        answer = self.browser(self.client_user).post(f"/sessions/{self.row.code}/pay/", {"phone": number, "key": "k"})
        assert answer.status_code == 400
        assert 'id="id_phone_error"' in answer.content.decode()
        if len(number) <= 32:
            assert phone.ACCEPTED in text_of(answer)
        assert not Payment.objects.exists()


class Pages(People):
    # Feature: mpesa-payment-integration, Property 11: STK Push Shows Check Phone Message
    # Feature: mpesa-payment-integration, Property 17: Processing Shows Progress Indicator
    @pytest.mark.requirement("RT-2", "P11", "P17")
    @HUNDRED
    @given(shillings=SHILLINGS)
    def test_a_payment_on_its_way_shows_check_your_phone_and_progress(self, shillings: int) -> None:
        row = self.live("paying", shillings)
        payment = Payment.objects.get()
        for path in (f"/sessions/{row.code}/?part=1", f"/payments/{payment.transaction_id}/status"):
            body = self.browser(self.client_user).get(path).content.decode()
            assert '<h1 class="answer__title">Check your phone</h1>' in body
            assert 'role="progressbar"' in body
            assert money.words(money.cents(shillings)) in body

    # Feature: mpesa-payment-integration, Property 24: Confirmed Payment Shows Success Message
    @pytest.mark.requirement("SES-4", "P24")
    @HUNDRED
    @given(shillings=SHILLINGS)
    def test_a_confirmed_one_says_paid_with_its_receipt(self, shillings: int) -> None:
        row = self.live("confirmed", shillings)
        payment = Payment.objects.get()
        assert payment.receipt
        for path, headline in (
            (f"/sessions/{row.code}/?part=1", "Confirmed"),
            (f"/payments/{payment.transaction_id}/status", "Paid"),
        ):
            page = self.seen(self.client_user, path)
            assert page.startswith(headline)
            assert payment.receipt in page
            assert money.words(payment.amount_cents) in page

    # Feature: mpesa-payment-integration, Property 27: Cancelled Payment Shows Retry Option
    # Feature: mpesa-payment-integration, Property 31: Timeout Shows Retry Instructions
    @pytest.mark.requirement("RT-2", "P27", "P29", "P31")
    @HUNDRED
    @given(shillings=SHILLINGS, life=st.sampled_from(["dismissed", "failed", "silent"]))
    def test_what_did_not_work_says_how_to_try_again(self, shillings: int, life: str) -> None:
        row = self.live(life, shillings)
        payment = Payment.objects.get()
        session = self.seen(self.client_user, f"/sessions/{row.code}/?part=1")
        status = self.seen(self.client_user, f"/payments/{payment.transaction_id}/status")
        said = {
            "dismissed": ("Payment Cancelled", "Payment Cancelled"),
            "failed": ("Your last attempt was not paid: nothing was taken.", "Not paid"),
            "silent": ("Check your M-Pesa messages first. If no money went, try again.", "Check your M-Pesa messages"),
        }[life]
        assert said[0] in session
        assert said[1] in status
        assert "Try again" in status
        assert ("Pay with M-Pesa" in session) is (life != "silent")

    # Feature: mpesa-payment-integration, Property 6: Approved Sessions Show Payment Option
    # Feature: mpesa-payment-integration, Property 33: Dashboard Shows Payment Status
    # Feature: mpesa-payment-integration, Property 34: Session Details Show Transaction ID
    # Feature: mpesa-payment-integration, Property 36: Dashboard Distinguishes Payment Status
    @pytest.mark.requirement("SES-3", "SES-5", "P6", "P33", "P34", "P36")
    @HUNDRED
    @given(shillings=SHILLINGS, life=LIVES)
    def test_the_client_may_pay_while_it_can_be_paid_and_the_therapist_sees_how_it_stands(
        self, shillings: int, life: str
    ) -> None:
        row = self.live(life, shillings)
        offered = "Pay with M-Pesa" in self.seen(self.client_user, f"/sessions/{row.code}/?part=1")
        assert offered is (life in ("approved", "failed", "dismissed"))
        page = self.seen(self.therapist.user, f"/sessions/{row.code}/?part=1")
        assert "Pay with M-Pesa" not in page
        self.the_therapist_sees_how_its_payment_stands(life, page)

    def the_therapist_sees_how_its_payment_stands(self, life: str, page: str) -> None:
        answer = self.browser(self.therapist.user).get("/practice/?part=1")
        body, board = answer.content.decode(), text_of(answer)
        word = WORDS.get(life, "Not paid")
        assert word in board
        assert f"Payment {word}" in page
        receipt = Payment.objects.exclude(receipt="").values_list("receipt", flat=True).first()
        if life in PAID:
            assert receipt in board
            assert receipt in page
        assert ("session--paid" in body) is (life in PAID)
        assert ("session--unpaid" in body) is (life in ("approved", "paying", "failed", "dismissed", "silent"))
