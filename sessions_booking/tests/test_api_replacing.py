"""REC-2 by the API: a session's payment that has timed out is replaced by another, and its late success is not paid twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.http import HttpResponse

from ledger import books, chart, checks
from lib import clock
from payments.models import Payment
from payments.states import LIVE, Status
from payments.tests import factories as paying
from payments.tests.factories import UserFactory
from sessions_booking.models import Booking
from sessions_booking.tests import factories
from sessions_booking.tests.speaking import pay, refusal
from sessions_booking.tests.test_api_paying import requested
from simulator.testing import Sim

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("REC-2", "SES-7")]
PHONE = "254712345678"


@pytest.fixture
def row() -> Booking:
    """An approved session."""
    return factories.approved(requested(), now=clock.now())


@pytest.fixture
def silent(row: Booking) -> Payment:
    """A payment for it, two minutes without an answer."""
    return timed_out(factories.prompted(row, now=clock.now() - timedelta(seconds=130), phone=PHONE))


def timed_out(payment: Payment) -> Payment:
    Payment.objects.filter(pk=payment.pk).update(timed_out_at=clock.now() - timedelta(seconds=5))
    payment.refresh_from_db()
    return payment


def again(payment: Payment, row: Booking, *, key: str = "", **given: object) -> HttpResponse:
    return pay(row.client, row.code, key=key, replace=payment.transaction_id, **given)


def test_one_that_timed_out_is_replaced_in_one_step(row: Booking, silent: Payment, m_pesa: Sim) -> None:
    assert refusal(pay(row.client, row.code, phoneNumber="0722000111")) == (409, "payment_in_progress")
    answer = again(silent, row, phoneNumber="0722 000 111")
    silent.refresh_from_db()
    new = Payment.objects.latest("pk")
    assert (answer.status_code, answer.json()["paymentId"]) == (200, new.transaction_id)
    assert (silent.status, new.status) == (Status.EXPIRED, Status.PROMPTED)
    assert silent.known_facts.filter(kind="CLOSED", code="REPLACED").exists()
    assert len(m_pesa.pushes()) == 1


@pytest.mark.requirement("STK-6")
def test_the_same_request_again_is_the_same_payment(row: Booking, silent: Payment, m_pesa: Sim) -> None:
    first, second = again(silent, row), again(silent, row)
    assert first.json() == second.json()
    assert refusal(again(silent, row, phoneNumber="0722000111")) == (409, "idempotency_conflict")
    assert again(silent, row, key="k2").json() == first.json()
    assert len(m_pesa.pushes()) == 1


@pytest.mark.requirement("STK-6")
def test_the_key_of_the_old_one_is_of_the_old_one(row: Booking, m_pesa: Sim) -> None:
    pay(row.client, row.code, key="k1")
    old = timed_out(Payment.objects.get())
    assert refusal(again(old, row, key="k1")) == (409, "idempotency_conflict")
    assert Payment.objects.count() == 1


def test_one_that_has_not_timed_out_is_not_replaced(row: Booking, m_pesa: Sim) -> None:
    payment = factories.prompted(row, now=clock.now(), phone=PHONE)
    answer = again(payment, row)
    assert refusal(answer) == (409, "payment_in_progress")
    assert 0 < int(answer["Retry-After"]) <= 300
    assert Payment.objects.count() == 1


def test_one_that_m_pesa_is_still_working_on_is_not_replaced(row: Booking, silent: Payment, m_pesa: Sim) -> None:
    Payment.objects.filter(pk=silent.pk).update(still_processing_at=clock.now())
    assert refusal(again(silent, row)) == (409, "payment_in_progress")


def test_one_that_has_ended_is_followed_by_another(row: Booking, m_pesa: Sim) -> None:
    failed = factories.failure(factories.prompted(row, now=clock.now(), phone=PHONE), now=clock.now())
    answer = again(failed, row)
    assert answer.json()["paymentId"] != failed.transaction_id
    assert Payment.objects.filter(status__in=LIVE).count() == 1


@pytest.mark.requirement("CB-7")
def test_where_its_money_has_come_nothing_is_asked_for(row: Booking, silent: Payment, m_pesa: Sim) -> None:
    factories.money(silent, now=clock.now(), receipt="UKL7RT61SV")
    answer = again(silent, row)
    assert (answer.status_code, answer.json()["paymentId"]) == (200, silent.transaction_id)
    assert answer.json()["paymentStatus"] == "Paid"
    assert m_pesa.pushes() == []


def test_nobody_replaces_what_is_not_theirs_or_for_something_else(row: Booking, silent: Payment, m_pesa: Sim) -> None:
    other = factories.approved(requested(by=row.client), now=clock.now())
    assert refusal(again(silent, other)) == (404, "not_found")
    deposit = paying.prompted(row.client, now=clock.now() - timedelta(seconds=130))
    assert refusal(again(deposit, row)) == (404, "not_found")
    theirs = pay(UserFactory(), row.code, replace=silent.transaction_id)
    assert refusal(theirs) == (404, "not_found")
    nobodys = pay(row.client, row.code, replace="TXN_" + "A" * 24)
    assert refusal(nobodys) == (404, "not_found")
    assert list(nobodys.json()["errors"]) == ["replace"]
    assert Payment.objects.filter(purpose="session").count() == 1


@pytest.mark.requirement("TST-3")
@pytest.mark.parametrize("given", [True, 1, None, "", "TXN_", ["TXN_" + "A" * 24], "TXN_" + "a" * 24, "x" * 5000])
def test_what_is_no_payment(row: Booking, silent: Payment, m_pesa: Sim, given: object) -> None:
    answer = pay(row.client, row.code, replace=given)
    assert refusal(answer)[0] == 400
    assert list(answer.json()["errors"]) == ["replace"]


@pytest.mark.requirement("CB-7", "STK-9")
@pytest.mark.parametrize("round", range(6))
def test_its_late_success_meets_its_replacement(row: Booking, silent: Payment, m_pesa: Sim, round: int) -> None:
    """Whoever is first: the session is paid for once, and all money that came has a home."""

    def success() -> None:
        factories.money(silent, now=clock.now(), receipt="UKL7RT61SV")

    def replace() -> HttpResponse:
        return again(silent, row)

    def alone(do: object) -> object:
        try:
            return do()  # type: ignore[operator]
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(alone, [success, replace] if round % 2 else [replace, success]))
    answer = next(one for one in answers if one is not None)
    row.refresh_from_db()
    silent.refresh_from_db()
    assert (row.state, row.payment_id, silent.status) == ("CONFIRMED", silent.pk, Status.COMPLETED)
    assert isinstance(answer, HttpResponse)
    new = Payment.objects.exclude(pk=silent.pk).first()
    if new is None:
        assert (answer.json()["paymentId"], m_pesa.pushes()) == (silent.transaction_id, [])
    else:  # it was replaced first: if that one is paid too, its money is owed
        factories.money(new, now=clock.now())
        new.refresh_from_db()
        assert (new.answer, new.answer_reason) == ("REFUSED", "already_paid")
    assert books.balance(environment="sandbox", code=chart.revenue("session")) == row.price_cents
    assert checks.prove() == []
