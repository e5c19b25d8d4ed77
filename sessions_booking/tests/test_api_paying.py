"""SES-7: paying for a session by `POST /api/mpesa/initiate`, against a simulated M-Pesa over HTTP, and its status."""

import base64
import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from accounts.roles import Role
from audit.models import Entry
from lib import clock
from payments import inbox, lifecycle
from payments.api.dialects import dialect
from payments.models import Payment
from payments.states import Status
from payments.tests import bodies
from payments.tests.factories import UserFactory
from sessions_booking import booking
from sessions_booking.models import Booking
from sessions_booking.states import State
from sessions_booking.tests import factories
from sessions_booking.tests.speaking import INITIATE, PHONE, pay, post, program, refusal
from simulator.testing import Sim

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("SES-7")]


def soon(hour: int = 10, days: int = 3) -> Any:
    return (clock.now().astimezone(clock.EAT) + timedelta(days=days)).replace(
        hour=hour, minute=0, second=0, microsecond=0
    )


def requested(**given: Any) -> Booking:
    return factories.requested(**{"starts_at": soon(), "now": clock.now(), **given})


@pytest.fixture
def row() -> Booking:
    """An approved session of Amina's."""
    return factories.approved(requested(by=UserFactory(name="Amina Client")), now=clock.now())


def status_of(row: Booking, reader: User | None = None) -> dict[str, Any]:
    answer = program(reader or row.client).get(f"/api/mpesa/status/{row.code}")
    assert answer.status_code == 200
    return dict(answer.json())


def only_payment() -> Payment:
    return Payment.objects.get()


def confirmed(row: Booking) -> Booking:
    factories.money(factories.prompted(row, now=clock.now()), now=clock.now(), receipt="UKL7RT61SV")
    row.refresh_from_db()
    return row


# --- Asking for money ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("STK-3")
@pytest.mark.parametrize("extra", [{}, {"amount": 2500}, {"amount": "2,500"}, {"amount": None}, {"amount": ""}])
def test_the_prompt_is_on_the_phone(row: Booking, m_pesa: Sim, extra: dict[str, object]) -> None:
    answer = pay(row.client, row.code, **extra)
    payment = only_payment()
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "message": "Check your phone. Enter your M-Pesa PIN to pay KES 2,500.",
        "sessionId": row.code,
        "paymentId": payment.transaction_id,
        "paymentStatus": "Processing",
        "checkoutRequestID": m_pesa.prompt(PHONE)["checkout_request_id"],
        "merchantRequestID": payment.merchant_request_id,
        "amount": 2500,
        "currency": "KES",
    }
    pushed = m_pesa.pushes()[-1]
    assert (pushed["amount"], pushed["description"]) == (2500, "Smiling Steps")
    assert row.code not in pushed["account_reference"]
    assert (payment.counterparty_id, payment.target_id) == (row.therapist.user_id, row.pk)


@pytest.mark.requirement("STK-6")
def test_two_clicks_are_one_payment(row: Booking, m_pesa: Sim) -> None:
    first, second = pay(row.client, row.code), pay(row.client, row.code.lower())
    assert second.json() == first.json()
    assert len(m_pesa.pushes()) == 1
    other_phone = pay(row.client, row.code, phoneNumber="0722000111")
    assert refusal(other_phone) == (409, "payment_in_progress")
    assert 0 < int(other_phone["Retry-After"]) <= 120
    assert Payment.objects.count() == 1


@pytest.mark.requirement("STK-6", "STK-9")
def test_ten_clicks_at_once_are_one_payment(row: Booking, m_pesa: Sim) -> None:
    def click(number: int) -> tuple[int, str]:
        try:
            answer = pay(row.client, row.code, key="k1" if number % 2 else "")
            return answer.status_code, answer.json()["paymentId"]
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(click, range(10)))
    assert {one for _status, one in answers} == {only_payment().transaction_id}
    assert {status for status, _one in answers} <= {200, 202}
    assert len(m_pesa.pushes()) == 1


@pytest.mark.requirement("STK-6")
def test_the_same_key_is_the_same_payment(row: Booking, m_pesa: Sim) -> None:
    first = pay(row.client, row.code, key="k1")
    payment = factories.money(only_payment(), now=clock.now())
    again = pay(row.client, row.code, key="k1")
    assert (again.status_code, again.json()["paymentId"]) == (200, payment.transaction_id)
    assert (first.json()["paymentStatus"], again.json()["paymentStatus"]) == ("Processing", "Paid")
    for other in ({"phoneNumber": "0722000111"}, {"amount": 2500}):
        assert refusal(pay(row.client, row.code, key="k1", **other)) == (409, "idempotency_conflict")
    assert refusal(pay(row.client, "ZZZZZZZZZZ", key="k1")) == (409, "idempotency_conflict")
    assert len(m_pesa.pushes()) == 1


@pytest.mark.requirement("STK-3", "STK-8")
def test_mpesa_has_not_answered(row: Booking, m_pesa: Sim) -> None:
    m_pesa.refuse("stk_push", "busy", times=1)
    answer = pay(row.client, row.code)
    assert answer.status_code == 202
    body = answer.json()
    assert (body["paymentStatus"], body["checkoutRequestID"], body["merchantRequestID"]) == ("Processing", None, None)
    assert "We try again by ourselves" in body["message"]


@pytest.mark.requirement("STK-10", "CB-4")
def test_mpesa_refuses_for_good(row: Booking, m_pesa: Sim) -> None:
    m_pesa.refuse("stk_push", "product")
    assert refusal(pay(row.client, row.code)) == (502, "push_refused")
    row.refresh_from_db()
    assert row.state == State.APPROVED
    said = status_of(row)
    assert (said["paymentStatus"], len(said["paymentAttempts"])) == ("Failed", 1)


@pytest.mark.requirement("CB-4", "P29")
def test_after_a_failure_it_is_paid_at_once(row: Booking, m_pesa: Sim) -> None:
    pay(row.client, row.code)
    factories.failure(only_payment(), code="1", now=clock.now())
    answer = pay(row.client, row.code, phoneNumber="0722000111")
    assert (answer.status_code, answer.json()["paymentStatus"]) == (200, "Processing")
    assert [one["status"] for one in status_of(row)["paymentAttempts"]] == ["Failed", "Processing"]


# --- What cannot be paid ---------------------------------------------------------------------------------------------


def test_somebody_elses_session_is_not_there(row: Booking) -> None:
    for user in (UserFactory(), row.therapist.user, UserFactory(role=Role.ADMIN)):
        assert refusal(pay(user, row.code)) == (404, "not_found")
    assert refusal(pay(row.client, "ZZZZZZZZZZ")) == (404, "not_found")
    assert not Payment.objects.exists()


@pytest.mark.requirement("SES-3")
def test_before_the_approval_it_is_not_paid() -> None:
    row = requested()
    answer = pay(row.client, row.code)
    assert refusal(answer) == (409, "not_approved")
    assert answer.json()["message"] == "Your therapist has not approved this session yet. You can pay after that."


def test_a_paid_one_is_not_paid_again(row: Booking) -> None:
    confirmed(row)
    answer = pay(row.client, row.code)
    assert refusal(answer) == (409, "already_paid")
    assert answer.json()["message"] == "This session is paid already. There is nothing to pay."
    assert Payment.objects.count() == 1


def test_what_is_over_is_not_paid(row: Booking) -> None:
    booking.cancel(code=row.code, actor_id=row.client_id, reason="", now=clock.now())
    answer = pay(row.client, row.code)
    assert refusal(answer) == (409, "session_over")
    assert "Cancelled" in answer.json()["message"]
    Booking.objects.filter(pk=row.pk).update(pay_by=clock.now())
    late = factories.approved(requested(starts_at=soon(11)), now=clock.now())
    Booking.objects.filter(pk=late.pk).update(pay_by=clock.now())
    assert refusal(pay(late.client, late.code)) == (409, "session_over")
    assert not Payment.objects.exists()


@pytest.mark.requirement("STK-2")
@pytest.mark.parametrize(
    ("amount", "code"),
    [(2499, "amount_differs"), (1, "amount_differs"), (0, "invalid_amount"), (250_001, "invalid_amount"),
     ("2500.50", "invalid_amount"), (True, "invalid_amount"), ([], "invalid_amount"), ("x", "invalid_amount")],
)  # fmt: skip
def test_the_price_is_the_price(row: Booking, amount: object, code: str) -> None:
    answer = pay(row.client, row.code, amount=amount)
    assert refusal(answer) == (400, code)
    assert list(answer.json()["errors"]) == ["amount"]
    assert not Payment.objects.exists()


@pytest.mark.requirement("STK-1", "TST-3")
@pytest.mark.parametrize("number", ["", None, True, "0812345678", [], {}, "0712345678\x00", "٠٧١٢٣٤٥٦٧٨"])
def test_no_kenyan_phone_number(row: Booking, number: object) -> None:
    answer = pay(row.client, row.code, phoneNumber=number)
    assert refusal(answer) == (400, "invalid_phone")
    assert "0712 345 678" in answer.json()["message"]


@pytest.mark.requirement("TST-3")
@pytest.mark.parametrize("code", [["x"], {"a": 1}, True, "x" * 13, "a\x00b", "\ud800"])
def test_codes_that_are_none(row: Booking, code: object) -> None:
    assert refusal(pay(row.client, code)) == (400, "invalid_request")


@pytest.mark.parametrize("named", [{}, {"sessionId": ""}, {"sessionId": None}, {"orderId": "A-1"}])
def test_what_is_paid_for_must_be_named(row: Booking, named: dict[str, object]) -> None:
    answer = post(row.client, INITIATE, phoneNumber="0712345678", **named)
    assert refusal(answer) == (400, "one_thing_needed")
    assert answer.json()["message"] == "Name one thing to pay for. Fields that name one: sessionId."


def test_two_things_are_one_too_many(row: Booking, settings: Any) -> None:
    settings.PAYABLES = {**settings.PAYABLES, "item": "tests.properties.things.OneForSale"}
    answer = post(row.client, INITIATE, phoneNumber="0712345678", sessionId=row.code, itemId=1)
    assert refusal(answer) == (400, "one_thing_needed")
    assert answer.json()["message"] == "Name one thing to pay for. Fields that name one: itemId, sessionId."
    dialect.cache_clear()
    assert refusal(post(row.client, INITIATE, phoneNumber="0712345678", itemId=1)) == (400, "unknown_purpose")


@pytest.mark.requirement("SEC-1")
def test_without_a_token_nothing_is_paid(row: Booking) -> None:
    assert refusal(pay(None, row.code)) == (401, "not_authenticated")


# --- How it stands ---------------------------------------------------------------------------------------------------

NOTHING = {
    "success": True,
    "paymentStatus": None,
    "paymentMethod": None,
    "mpesaTransactionID": None,
    "mpesaAmount": None,
    "mpesaResultCode": None,
    "mpesaResultDesc": None,
    "paymentInitiatedAt": None,
    "paymentVerifiedAt": None,
    "paymentFailureReason": None,
    "paymentAttempts": [],
}


def test_nothing_was_tried(row: Booking) -> None:
    assert status_of(row) == {**NOTHING, "sessionId": row.code}


@pytest.mark.requirement("SES-4", "CB-4")
def test_every_try_is_kept_and_the_one_that_paid_counts(row: Booking) -> None:
    now = clock.now()
    failed = factories.failure(factories.prompted(row, now=now), code="1", now=now)
    said = status_of(row)
    assert (said["paymentStatus"], said["mpesaResultCode"], said["mpesaAmount"]) == ("Failed", "1", None)
    assert said["paymentFailureReason"] == said["paymentAttempts"][0]["failureReason"] != ""
    paid = factories.money(factories.prompted(row, now=now), now=now, receipt="UKL7RT61SV")
    said = status_of(row)
    assert {name: said[name] for name in NOTHING if not name.endswith(("At", "Attempts"))} == {
        "success": True,
        "paymentStatus": "Paid",
        "paymentMethod": "M-Pesa",
        "mpesaTransactionID": "UKL7RT61SV",
        "mpesaAmount": 2500,
        "mpesaResultCode": paid.result_code or None,
        "mpesaResultDesc": "The service request is processed successfully",
        "paymentFailureReason": None,
    }
    assert said["paymentVerifiedAt"] == paid.completed_at.astimezone(clock.EAT).isoformat()
    tries = said["paymentAttempts"]
    assert [(one["paymentId"], one["status"]) for one in tries] == [
        (failed.transaction_id, "Failed"),
        (paid.transaction_id, "Paid"),
    ]
    assert program(row.client).get(f"/api/sessions/{row.code}").json()["session"]["status"] == "Confirmed"


@pytest.mark.requirement("REC-2", "P14")
def test_two_minutes_of_silence_are_timed_out(row: Booking) -> None:
    payment = factories.prompted(row, now=clock.now())
    Payment.objects.filter(pk=payment.pk).update(deadline_at=clock.now())
    lifecycle.pass_time(payment_ids=[payment.pk], now=clock.now())
    payment.refresh_from_db()
    said = status_of(row)
    assert (payment.status, said["paymentStatus"]) == (Status.PROMPTED, "Timed Out")
    assert said["paymentAttempts"][0]["status"] == "Timed Out"
    assert said["paymentAttempts"][0]["timedOutAt"] == payment.timed_out_at.astimezone(clock.EAT).isoformat()


def test_money_that_came_too_late_is_owed(row: Booking) -> None:
    payment = factories.prompted(row, now=clock.now())
    booking.cancel(code=row.code, actor_id=row.client_id, reason="", now=clock.now())
    factories.money(payment, now=clock.now(), receipt="UKL7RT61SV")
    said = status_of(row)
    assert (said["paymentStatus"], said["mpesaTransactionID"], said["mpesaAmount"]) == ("Owed", "UKL7RT61SV", 2500)
    assert [one["status"] for one in said["paymentAttempts"]] == ["Owed"]


@pytest.mark.requirement("SEC-4", "SEC-8")
def test_the_others_read_it_without_the_digits_of_the_phone(row: Booking) -> None:
    payment = factories.prompted(row, now=clock.now())
    mine = status_of(row)
    assert mine["paymentAttempts"][0]["checkoutRequestID"].startswith("ws_CO_")
    for reader in (row.therapist.user, UserFactory(role=Role.SUPPORT)):
        said = status_of(row, reader)
        assert said["paymentAttempts"][0]["checkoutRequestID"] is None
        assert payment.phone_tail not in str({**said, "sessionId": "", "paymentAttempts": []})
        assert said["paymentStatus"] == mine["paymentStatus"] == "Processing"


# --- M-Pesa calls back on the documented address ---------------------------------------------------------------------


def call_back(body: bytes, secret: str) -> HttpResponse:
    signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    return Client().post(
        "/api/mpesa/callback", body, content_type="application/json", headers={"x-mpesa-signature": signature}
    )


@pytest.mark.requirement("CB-1", "CB-3", "SES-4")
def test_a_signed_callback_on_the_documented_address_confirms_the_session(row: Booking, settings: Any) -> None:
    settings.MPESA = replace(settings.MPESA, callback_secret="shared")
    payment = factories.prompted(row, now=clock.now(), phone=PHONE)
    checkout = status_of(row)["paymentAttempts"][0]["checkoutRequestID"]
    body = bodies.success(checkout, receipt="UKL7RT61SV", shillings=2500, phone=PHONE, at=clock.now())
    assert call_back(body, "wrong").status_code == 403
    inbox.drain(now=clock.now())
    assert status_of(row)["paymentStatus"] == "Processing"
    answer = call_back(body, "shared")
    assert (answer.status_code, answer.json()) == (200, {"ResultCode": 0, "ResultDesc": "Success"})
    inbox.drain(now=clock.now())
    payment.refresh_from_db()
    row.refresh_from_db()
    assert (payment.status, row.state, row.payment_id) == (Status.COMPLETED, State.CONFIRMED, payment.pk)
    assert status_of(row)["mpesaTransactionID"] == "UKL7RT61SV"


# --- The connection --------------------------------------------------------------------------------------------------

TEST = "/api/mpesa/test-connection"


@pytest.mark.requirement("ADM-3", "P41", "SEC-8")
@pytest.mark.parametrize("role", Role)
def test_who_may_test_the_connection(m_pesa: Sim, role: Role) -> None:
    answer = post(UserFactory(role=role), TEST)
    if role not in (Role.FINANCE, Role.ADMIN):
        assert refusal(answer) == (403, "forbidden")
        return
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "message": "M-Pesa API connection successful",
        "environment": "sandbox",
        "shortcode": "174379",
    }
    assert m_pesa.pushes() == []


@pytest.mark.requirement("ADM-3", "P41", "SEC-6")
def test_a_connection_that_fails_says_why(m_pesa: Sim) -> None:
    finance = UserFactory(role=Role.FINANCE)
    m_pesa.refuse("oauth", "internal")
    answer = post(finance, TEST)
    assert refusal(answer) == (502, "mpesa_connection_failed")
    assert answer.json()["message"].startswith("M-Pesa API connection failed: ")
    entry = Entry.objects.get(action="merchant.checked")
    assert (entry.actor, entry.data) == (f"user:{finance.pk}", {"outcome": answer.json()["message"]})
    m_pesa.refuse("oauth", None)
    assert post(finance, TEST).status_code == 200
    assert Entry.objects.filter(action="merchant.checked").latest("id").data == {"outcome": "connected"}


@pytest.mark.requirement("ADM-3")
def test_nobody_there(settings: Any) -> None:
    settings.MPESA = replace(settings.MPESA, base_url="http://127.0.0.1:9")
    assert refusal(post(UserFactory(role=Role.ADMIN), TEST)) == (502, "mpesa_connection_failed")


@pytest.mark.requirement("ADM-3", "STK-7")
def test_a_limit_of_our_own_is_no_failure_of_mpesa(m_pesa: Sim) -> None:
    finance = UserFactory(role=Role.FINANCE)
    answers = [post(finance, TEST) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert refusal(answers[-1]) == (429, "too_many_requests")
    assert 0 < int(answers[-1]["Retry-After"]) <= 60
    assert "M-Pesa" not in answers[-1].json()["message"]
