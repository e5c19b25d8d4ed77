"""REC-2 by the API: a deposit that has timed out is replaced by another; where its money has come, it is not asked for twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from accounts.models import User
from ledger import checks
from lib import clock
from payments.models import Payment
from payments.states import Status
from payments.tests import factories
from simulator.testing import Sim
from wallet.deposits import balance
from wallet.tests.test_api import initiate, program, refusal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("REC-2", "DEP-3")]


@pytest.fixture
def api(amina: User) -> Client:
    return program(amina)


@pytest.fixture
def silent(amina: User) -> Payment:
    """KES 1,000 asked of Amina's phone, two minutes without an answer."""
    payment = factories.prompted(amina, now=clock.now() - timedelta(seconds=130), phone="254712345678")
    Payment.objects.filter(pk=payment.pk).update(timed_out_at=clock.now() - timedelta(seconds=5))
    payment.refresh_from_db()
    return payment


def test_one_that_timed_out_is_replaced_also_by_another_amount(api: Client, silent: Payment, m_pesa: Sim) -> None:
    assert refusal(initiate(api, amount=500)) == (409, "payment_in_progress")
    answer = initiate(api, amount=500, replace=silent.transaction_id)
    again = initiate(api, amount=500, replace=silent.transaction_id)
    silent.refresh_from_db()
    new = Payment.objects.latest("pk")
    assert answer.json() == again.json()
    assert (answer.status_code, answer.json()["transactionId"]) == (200, new.transaction_id)
    assert (silent.status, new.status, new.amount_cents) == (Status.EXPIRED, Status.PROMPTED, 50_000)
    assert [push["amount"] for push in m_pesa.pushes()] == [500]


@pytest.mark.requirement("CB-7")
def test_where_its_money_has_come_nothing_is_asked_for(api: Client, silent: Payment, m_pesa: Sim) -> None:
    """Nothing is in progress any more: without the name of the old one, the payer would be asked a second time."""
    factories.tell(silent, factories.lot(cents=silent.amount_cents), now=clock.now())
    answer = initiate(api, replace=silent.transaction_id)
    assert (answer.status_code, answer.json()["transactionId"]) == (200, silent.transaction_id)
    assert answer.json()["status"] == "COMPLETED"
    assert m_pesa.pushes() == []


def test_nobody_replaces_somebody_elses(api: Client, m_pesa: Sim) -> None:
    theirs = factories.prompted(now=clock.now() - timedelta(seconds=130))
    assert refusal(initiate(api, replace=theirs.transaction_id)) == (404, "not_found")
    assert refusal(initiate(api, replace="TXN_1")) == (400, "invalid_request")
    assert Payment.objects.count() == 1


@pytest.mark.requirement("STK-9")
@pytest.mark.parametrize("round", range(6))
def test_its_late_success_meets_its_replacement(
    api: Client, amina: User, silent: Payment, m_pesa: Sim, round: int
) -> None:
    def success() -> str:
        factories.tell(silent, factories.lot(cents=silent.amount_cents), now=clock.now())
        return ""

    def replace() -> str:
        return str(initiate(api, replace=silent.transaction_id).json()["transactionId"])

    def alone(number: int) -> str:
        try:
            return (success, replace)[(number + round) % 2]()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        started = "".join(pool.map(alone, range(2)))
    silent.refresh_from_db()
    assert (silent.status, balance(amina.pk, silent.environment)) == (Status.COMPLETED, silent.amount_cents)
    prompted = [one.transaction_id for one in Payment.objects.exclude(pk=silent.pk)]
    assert started == (prompted or [silent.transaction_id])[0]
    assert len(prompted) == len(m_pesa.pushes()) <= 1
    assert checks.prove() == []
