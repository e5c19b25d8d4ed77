"""A payment's life on real rows with a clock in our hand: sending, news, ends."""

import pytest
from django.db import transaction

from accounts.models import User
from ledger import books, chart, checks
from lib.crypto import Unreadable
from payments import chase, lifecycle, suspense
from payments.facts import Fact, Kind, Source
from payments.lifecycle import News
from payments.models import LotRow, Payment
from payments.states import Status
from payments.tests.factories import (
    AT,
    UserFactory,
    acceptance,
    answered,
    later,
    loss,
    lot,
    prompted,
    refusal,
    sent,
    started,
    tell,
)
from tests.properties import things
from wallet.models import Wallet

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


# --- Sending ---


@pytest.mark.requirement("CB-7")
def test_a_payment_whose_answer_was_lost_is_found_by_its_callback() -> None:
    begun = sent()
    payment = answered(begun, loss(begun))
    lifecycle.pass_time(payment_ids=[payment.pk], now=later(121))
    tell(payment, lot(), now=later(130))
    assert (payment.status, payment.answer, payment.reasons) == (Status.COMPLETED, "GIVEN", [])


@pytest.mark.requirement("STK-8")
def test_an_answer_that_comes_after_the_end_is_kept_and_opens_nothing() -> None:
    payment = started()
    begun = sent(payment)
    lifecycle.pass_time(payment_ids=[payment.pk], now=later(121))
    payment = answered(begun, acceptance(begun), now=later(122))
    assert (payment.status, payment.deadline_at) == (Status.EXPIRED, None)
    assert payment.next_query_at is not None  # M-Pesa is asked: it may have been paid


@pytest.mark.requirement("STK-8")
def test_a_passing_refusal_after_the_end_is_not_sent_again() -> None:
    payment = started()
    begun = sent(payment)
    lifecycle.close(payment_id=payment.pk, source=Source.PERSON, code="PERSON", now=later(1))
    payment = answered(begun, refusal(begun, passing=True), now=later(2))
    assert (payment.status, payment.next_attempt_at) == (Status.EXPIRED, None)
    assert lifecycle.begin(payment_id=payment.pk, now=later(4)) is None


@pytest.mark.requirement("SEC-5")
def test_who_was_erased_is_not_asked_for_money() -> None:
    payment = started()
    User.objects.filter(pk=payment.payer_id).update(data_key=None)
    assert chase.send_queued(now=AT) == 0
    with pytest.raises(Unreadable):
        lifecycle.begin(payment_id=payment.pk, now=later(3))
    lifecycle.pass_time(payment_ids=[payment.pk], now=later(121))
    payment.refresh_from_db()
    assert (payment.status, payment.attempts) == (Status.EXPIRED, 0)


def test_unknown_payments_are_nothing() -> None:
    assert lifecycle.begin(payment_id=0, now=AT) is None
    assert lifecycle.apply(news=[News(0, lots=(lot(),))], now=AT) == []
    assert lifecycle.pass_time(payment_ids=[0], now=AT) == []
    assert not lifecycle.close(payment_id=0, source=Source.PERSON, code="X", now=AT)


# --- Ends ---


def test_an_end_is_told_once_to_the_thing_and_never_after_money() -> None:
    with things.on_offer():
        unpaid, paid = prompted(), prompted()
        tell(paid, lot())
        for payment in (unpaid, paid):
            lifecycle.close(payment_id=payment.pk, source=Source.PERSON, code="PERSON", now=later(1))
            tell(payment, Fact(Kind.CANCELLED, Source.CALLBACK, code="1032"), now=later(2))
            tell(payment, lot(), now=later(3))
        assert things.ended == {unpaid.pk: 1}
        assert things.settled == {unpaid.pk: 1, paid.pk: 1}


@pytest.mark.requirement("CB-7")
def test_of_two_payments_for_one_thing_the_second_is_owed_in_whatever_order() -> None:
    with things.on_offer():
        thing = Wallet.objects.create(user=UserFactory(), environment="sandbox")
        pair = []
        for second in (0, 400):
            pair.append(prompted(purpose="item", fields={"itemId": thing.pk}, now=later(second)))
            lifecycle.pass_time(payment_ids=[pair[-1].pk], now=later(second + 301))
        lifecycle.apply(news=[News(payment.pk, lots=(lot(),)) for payment in reversed(pair)], now=later(900))
    answers = sorted(Payment.objects.values_list("answer", "reasons", "received_cents"))
    assert answers == [("GIVEN", [], 100_000), ("REFUSED", ["NOT_GIVEN"], 100_000)]
    loser = Payment.objects.get(answer="REFUSED")
    assert (held(chart.revenue("item")), held(chart.owed(loser.payer_id))) == (100_000, 100_000)
    assert checks.prove() == []


@pytest.mark.requirement("LED-4")
def test_one_receipt_in_two_environments_is_two_lots() -> None:
    money = lot("UKL000000A")
    with transaction.atomic():
        suspense.take_in(money, environment="production", shortcode="600000", now=AT)
    payment = tell(prompted(), money)
    assert (payment.status, held(UTILITY)) == (Status.COMPLETED, 100_000)
    assert books.balance(environment="production", code=chart.SUSPENSE) == 100_000
    assert LotRow.objects.count() == 2
    assert checks.prove() == []
