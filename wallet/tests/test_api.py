"""DEP-3: `POST /api/deposits/initiate`, against a simulated M-Pesa over HTTP."""

import threading
import time
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import User
from lib import clock
from payments import timing
from payments.models import Payment
from payments.states import Status
from payments.tests import factories
from simulator.testing import Sim
from tests.stack import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("DEP-3")]
INITIATE = "/api/deposits/initiate"
PHONE = "254712345678"
WITHIN_S = timing.ANSWER_WITHIN


def program(user: User) -> Client:
    """A client of the API with a token."""
    return Client(headers={"Authorization": f"Bearer {AccessToken.for_user(user)}"})


@pytest.fixture
def api(amina: User) -> Client:
    return program(amina)


def initiate(api: Client, *, key: str = "", **given: Any) -> HttpResponse:
    body = {"phoneNumber": "0712 345 678", "amount": 1000, "description": "WealthRise Deposit", **given}
    headers = {"Idempotency-Key": key} if key else {}
    return api.post(INITIATE, body, content_type="application/json", headers=headers)


def only_payment() -> Payment:
    return Payment.objects.get()


def refusal(answer: HttpResponse) -> tuple[int, str]:
    body = answer.json()
    assert sorted(set(body) - {"errors"}) == ["code", "error", "message", "success"]
    assert (body["success"], body["error"]) == (False, body["message"])
    return answer.status_code, body["code"]


@pytest.mark.requirement("STK-3")
@pytest.mark.requirement("DEP-4")
def test_the_prompt_is_on_the_phone(api: Client, m_pesa: Sim) -> None:
    answer = initiate(api)
    payment = only_payment()
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "transactionId": payment.transaction_id,
        "checkoutRequestId": m_pesa.prompt(PHONE)["checkout_request_id"],
        "status": "PENDING",
        "message": "STK Push sent. Check your phone.",
    }
    assert payment.transaction_id.startswith("TXN_")
    assert (payment.amount_cents, payment.description) == (100_000, "WealthRise Deposit")
    assert payment.merchant_request_id


@pytest.mark.requirement("STK-1")
@pytest.mark.parametrize("number", ["0712345678", "0112 345 678", "712-345-678", "+254712345678", 254712345678])
def test_phones_in_any_kenyan_form(api: Client, m_pesa: Sim, number: object) -> None:
    assert initiate(api, phoneNumber=number).status_code == 200


@pytest.mark.requirement("STK-2")
@pytest.mark.parametrize(
    ("amount", "cents"), [(10, 1000), ("150,000", 15_000_000), (1000.0, 100_000), ("KES 50", 5000)]
)
def test_amounts_as_people_write_them(api: Client, m_pesa: Sim, amount: object, cents: int) -> None:
    assert initiate(api, amount=amount).status_code == 200
    assert only_payment().amount_cents == cents


@pytest.mark.requirement("STK-3")
def test_a_slow_mpesa_is_not_waited_for(api: Client, m_pesa: Sim, monkeypatch: pytest.MonkeyPatch) -> None:
    assert WITHIN_S < 3
    monkeypatch.setattr(timing, "ANSWER_WITHIN", WITHIN_S / 10)
    m_pesa.switch(latency_s=2.0)  # for the token, and again for the push
    answer = initiate(api)
    assert m_pesa.pushes() == []
    payment = only_payment()
    body = answer.json()
    assert (answer.status_code, body["success"], body["status"]) == (202, True, "PENDING")
    assert (body["transactionId"], body["checkoutRequestId"]) == (payment.transaction_id, None)
    assert body["message"].startswith("We are asking M-Pesa to send the request for KES 1,000")
    sent = wait_for(lambda: Payment.objects.exclude(checkout_hash="").first())
    again = api.get(f"/api/deposits/status/{sent.transaction_id}").json()["transaction"]
    assert again["checkoutRequestId"] == m_pesa.prompt(PHONE)["checkout_request_id"]


def wait_for(found: Any) -> Any:
    """What another thread brings about."""
    deadline = time.monotonic() + 120
    while not (value := found()):
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)
    return value


@pytest.mark.requirement("STK-8")
def test_a_busy_mpesa_is_tried_again_by_us(api: Client, m_pesa: Sim) -> None:
    m_pesa.refuse("stk_push", "busy", times=1)
    answer = initiate(api)
    assert answer.status_code == 202
    assert "We try again by ourselves" in answer.json()["message"]


@pytest.mark.requirement("STK-8")
@pytest.mark.parametrize("how", ["empty", "closed", "bad_gateway"])
def test_an_answer_that_is_lost_is_perhaps_a_prompt(api: Client, m_pesa: Sim, how: str) -> None:
    m_pesa.refuse("stk_push", how, times=1)
    answer = initiate(api)
    assert (answer.status_code, answer.json()["status"]) == (202, "PENDING")
    assert "Do not pay again" in answer.json()["message"]


@pytest.mark.requirement("STK-10")
def test_a_push_that_mpesa_refuses_for_good(api: Client, m_pesa: Sim) -> None:
    m_pesa.refuse("stk_push", "product")
    answer = initiate(api, key="k1")
    assert refusal(answer) == (502, "push_refused")
    assert "no request was sent" in answer.json()["message"]
    assert "apiproduct" not in answer.json()["message"]
    assert only_payment().status == Status.FAILED
    replay = initiate(api, key="k1")
    assert (replay.status_code, replay.json()["status"]) == (200, "FAILED")
    assert "no request was sent" in replay.json()["message"]


@pytest.mark.requirement("STK-10")
def test_a_phone_that_mpesa_has_locked(api: Client, m_pesa: Sim) -> None:
    """Its prompt is over, but M-Pesa wants a minute between two."""
    initiate(api)
    factories.tell(only_payment(), factories.lot())
    answer = initiate(api, amount=50)
    assert refusal(answer) == (409, "push_refused")
    assert answer["Retry-After"] == "60"
    assert "wait a minute" in answer.json()["message"]


@pytest.mark.requirement("STK-6")
def test_the_same_key_is_the_same_payment(api: Client, m_pesa: Sim) -> None:
    first, second = initiate(api, key="k1"), initiate(api, key="k1")
    assert (second.status_code, second.json()) == (200, first.json())
    assert len(m_pesa.pushes()) == 1
    payment = factories.tell(only_payment(), factories.lot(), now=clock.now())
    body = initiate(api, key="k1").json()
    assert (body["transactionId"], body["status"]) == (payment.transaction_id, "COMPLETED")
    assert body["message"].startswith("KES 1,000 is in your wallet.")
    assert len(m_pesa.pushes()) == 1


@pytest.mark.requirement("STK-6")
@pytest.mark.parametrize("other", [{"amount": 1001}, {"phoneNumber": "0712345679"}, {"description": "rent"}])
def test_the_same_key_for_another_request_is_a_conflict(api: Client, m_pesa: Sim, other: dict[str, object]) -> None:
    assert initiate(api, key="k1").status_code == 200
    assert refusal(initiate(api, key="k1", **other)) == (409, "idempotency_conflict")


@pytest.mark.requirement("STK-6")
def test_keys_are_ones_own(api: Client, m_pesa: Sim) -> None:
    initiate(api, key="k1")
    other = program(User.objects.create_user("other@malipo.test"))
    assert initiate(other, key="k1", phoneNumber="0798765432").status_code == 200
    assert Payment.objects.count() == 2


@pytest.mark.requirement("STK-6")
@pytest.mark.parametrize("key", ["x" * 101, "clé", "a\tb"])
def test_a_key_has_a_hundred_printable_characters(api: Client, key: str) -> None:
    assert refusal(initiate(api, key=key)) == (400, "invalid_idempotency_key")
    assert not Payment.objects.exists()


@pytest.mark.requirement("STK-6")
def test_a_second_request_shows_the_one_that_is_open(api: Client, m_pesa: Sim) -> None:
    first = initiate(api)
    assert initiate(api).json() == first.json()
    assert refusal(initiate(api, amount=50)) == (409, "payment_in_progress")
    other = program(User.objects.create_user("other@malipo.test"))
    answer = initiate(other)
    assert refusal(answer) == (409, "phone_busy")
    assert 0 < int(answer["Retry-After"]) <= 120
    assert PHONE not in answer.content.decode()
    assert len(m_pesa.pushes()) == 1


# --- What is wrong with a request ------------------------------------------------------------------------------------


@pytest.mark.requirement("STK-1")
@pytest.mark.parametrize(
    "number", ["", None, True, "0812345678", "071234567", [], {}, 7, "٠٧١٢٣٤٥٦٧٨", "0712345678\x00", "9" * 5000, 1e300]
)
def test_no_kenyan_phone_number(api: Client, number: object) -> None:
    answer = initiate(api, phoneNumber=number)
    assert refusal(answer) == (400, "invalid_phone")
    assert answer.json()["message"] == "Please enter a valid Kenyan phone number"
    assert answer.json()["errors"] == {"phoneNumber": ["Please enter a valid Kenyan phone number"]}
    assert not Payment.objects.exists()


@pytest.mark.requirement("STK-2")
@pytest.mark.parametrize(
    "amount", [9, 150_001, 0, -10, "", None, True, [], {}, "1e3", "1,00", 1e300, "٥٠٠", "9" * 5000]
)
def test_no_amount_within_the_limits(api: Client, amount: object) -> None:
    answer = initiate(api, amount=amount)
    assert refusal(answer) == (400, "invalid_amount")
    assert answer.json()["message"] == "Amount must be between KES 10 and KES 150,000"
    assert list(answer.json()["errors"]) == ["amount"]


@pytest.mark.requirement("STK-2")
def test_cents_are_not_taken(api: Client) -> None:
    assert refusal(initiate(api, amount="10.50")) == (400, "invalid_amount")


def test_everything_that_is_wrong_is_said_at_once(api: Client) -> None:
    answer = api.post(INITIATE, {"description": "x" * 141}, content_type="application/json")
    assert refusal(answer) == (400, "invalid_phone")
    assert sorted(answer.json()["errors"]) == ["amount", "description", "phoneNumber"]


@pytest.mark.requirement("TST-3")
@pytest.mark.parametrize("text", ["a\x00b", "\ud800", ["x"], {"a": 1}, 5])
def test_descriptions_that_cannot_be_kept(api: Client, text: object) -> None:
    assert refusal(initiate(api, description=text)) == (400, "invalid_request")


@pytest.mark.requirement("TST-3")
def test_descriptions_are_only_text(api: Client, m_pesa: Sim) -> None:
    text = "'; DROP TABLE payments_payment; -- <script>alert(1)</script> {{7*7}}"
    answer = initiate(api, description=text)
    status = api.get(f"/api/deposits/status/{answer.json()['transactionId']}")
    assert status.json()["transaction"]["description"] == text
    assert "<script>" not in m_pesa.prompt(PHONE).get("description", "")


# --- The database goes away ------------------------------------------------------------------------------------------


@pytest.mark.requirement("OPS-1")
@pytest.mark.parametrize("words", ['INSERT INTO "payments_payment"', '"accounts_user"'])
def test_before_the_push_nothing_is_stored(api: Client, m_pesa: Sim, words: str) -> None:
    def away(execute: Any, sql: str, *rest: Any) -> Any:
        if words in sql:
            raise OperationalError("the connection is lost")
        return execute(sql, *rest)

    with connection.execute_wrapper(away):
        answer = initiate(api)
    assert refusal(answer) == (503, "database_unavailable")
    assert answer["Retry-After"] == "30"
    assert "Nothing was stored. Please try again" in answer.json()["message"]
    assert not Payment.objects.exists()
    assert m_pesa.pushes() == []


@pytest.mark.requirement("OPS-1")
def test_what_was_stored_about_the_push_is_answered_without_reading_it_again(api: Client, m_pesa: Sim) -> None:
    """The answer was stored by another thread; this one can read nothing any more, and need not."""

    def away(execute: Any, sql: str, *rest: Any) -> Any:
        if m_pesa.pushes():
            raise OperationalError("the connection is lost")
        return execute(sql, *rest)

    with connection.execute_wrapper(away):
        answer = initiate(api)
    assert (answer.status_code, answer.json()["message"]) == (200, "STK Push sent. Check your phone.")
    assert only_payment().status == Status.PROMPTED


@pytest.mark.requirement("OPS-1")
def test_after_the_push_the_payer_is_sent_to_the_phone(
    api: Client, m_pesa: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M-Pesa is slow, and then this thread can read nothing any more."""
    monkeypatch.setattr(timing, "ANSWER_WITHIN", 0)
    began: list[str] = []

    def away(execute: Any, sql: str, *rest: Any) -> Any:
        if began and sql.startswith("SELECT"):
            raise OperationalError("the connection is lost")
        began.extend(["written"] if "INTO audit_entry" in sql else [])
        return execute(sql, *rest)

    with connection.execute_wrapper(away):
        answer = initiate(api)
    assert refusal(answer) == (503, "check_phone")
    assert "do not pay again" in answer.json()["message"]
    assert "Retry-After" not in answer
    until(lambda: only_payment().status == Status.PROMPTED, what="M-Pesa's answer to be stored")
