"""A payment's life on real rows with a clock in our hand: sending, news, ends."""

import pytest
from django.db import transaction

from ledger import books, chart, checks
from payments import lifecycle, suspense
from payments.facts import Fact, Kind, Source
from payments.lifecycle import News
from payments.models import LotRow, Payment
from payments.states import Status
from payments.tests.factories import (
    AT,
    later,
    lot,
    prompted,
    tell,
)  # fmt: skip

pytestmark = pytest.mark.django_db
UTILITY = chart.utility("174379")


def held(code: str) -> int:
    return books.balance(environment="sandbox", code=code)


def reversal(receipt: str, cents: int) -> Fact:
    return Fact(Kind.REVERSED, Source.STATEMENT, receipt=receipt, amount_cents=cents)


# --- Money ---


@pytest.mark.requirement("CB-3")
@pytest.mark.requirement("P56")
def test_money_completes_a_payment_with_all_that_is_kept_of_it() -> None:
    payment = prompted()
    money = lot(occurred_at=later(20))
    tell(payment, money, now=later(25))
    assert (payment.status, payment.receipt, payment.received_cents) == (Status.COMPLETED, money.receipt, 100_000)
    assert (payment.mpesa_transaction_at, payment.completed_at) == (later(20), later(25))
    assert (payment.answer, payment.reasons, payment.result_code) == ("GIVEN", [], "0")
    assert len(payment.phone_hash) == 64
    assert (held(UTILITY), held(chart.wallet(payment.payer_id))) == (100_000, 100_000)


@pytest.mark.requirement("CB-3")
def test_success_without_a_receipt_gets_it_later_with_the_customers_side_posted_once() -> None:
    payment = prompted()
    tell(payment, Fact(Kind.SUCCEEDED, Source.QUERY), now=later(30))
    assert (payment.status, payment.receipt) == (Status.COMPLETED, "")
    assert (held(chart.AWAITED), held(chart.wallet(payment.payer_id))) == (100_000, 100_000)
    money = lot()
    tell(payment, money, now=later(40))
    assert (payment.receipt, payment.completed_at) == (money.receipt, later(30))
    assert (held(chart.AWAITED), held(UTILITY)) == (0, 100_000)
    history = books.history(environment="sandbox", code=chart.wallet(payment.payer_id))
    assert [row["amount"] for row in history] == [100_000]


@pytest.mark.requirement("CB-7")
def test_money_taken_back_releases_what_was_owed() -> None:
    payment = prompted()
    money = lot(cents=50_000)
    tell(payment, money)
    assert held(chart.owed(payment.payer_id)) == 50_000
    tell(payment, reversal(money.receipt, 50_000))
    assert (held(chart.owed(payment.payer_id)), held(UTILITY)) == (0, 0)
    assert checks.prove() == []


@pytest.mark.requirement("CB-7")
def test_one_receipt_told_for_two_payments_in_one_batch_counts_once() -> None:
    first, second = prompted(), prompted()
    money = lot()
    lifecycle.apply(news=[News(second.pk, lots=(money,)), News(first.pk, lots=(money,))], now=AT)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == (Status.COMPLETED, Status.PROMPTED)
    assert second.reasons == [f"RECEIPT_CLASH:{money.receipt}"]
    assert held(UTILITY) == 100_000


@pytest.mark.requirement("CB-7")
def test_one_receipt_from_suspense_told_for_two_payments_in_one_batch_counts_once() -> None:
    first, second = prompted(), prompted()
    money = lot()
    with transaction.atomic():
        suspense.take_in(money, environment="sandbox", shortcode="174379", now=AT)
    lifecycle.apply(news=[News(second.pk, lots=(money,)), News(first.pk, lots=(money,))], now=AT)
    assert LotRow.objects.get().payment_id == first.pk
    assert (held(UTILITY), held(chart.SUSPENSE)) == (100_000, 0)
    assert Payment.objects.get(pk=second.pk).reasons == [f"RECEIPT_CLASH:{money.receipt}"]


@pytest.mark.requirement("CB-7")
def test_many_odd_amounts_by_hand_are_all_kept() -> None:
    payment = prompted()
    for _ in range(25):
        tell(payment, lot(cents=5_000, source=Source.C2B))
    assert (payment.received_cents, held(chart.owed(payment.payer_id))) == (125_000, 125_000)
    assert [key.split(":")[0] for key in payment.reasons] == ["ODD_AMOUNT", "SEVERAL_LOTS"]
    for key in payment.reasons:
        tell(payment, Fact(Kind.ANSWERED, Source.PERSON, code=key, actor="user:1"))
    assert payment.reasons == []
