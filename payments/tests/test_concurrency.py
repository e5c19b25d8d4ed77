"""Real threads with real connections on one set of rows: no prompt twice, no money twice, no deadlock for anybody."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings

from ledger import books, chart, checks
from lib import clock
from lib.errors import Refusal
from payments import chase, inbox, lifecycle, starting
from payments.facts import Fact, Kind, Lot, Source
from payments.lifecycle import News
from payments.models import Callback, LotRow, Payment, PaymentFact
from payments.states import LIVE, Status
from payments.tests import bodies
from payments.tests.factories import (
    AT,
    UserFactory,
    callback,
    checkout_of,
    later,
    lot,
    new_phone,
    new_receipt,
    order,
    prompted,
    started,
)
from simulator.testing import Sim, running_simulator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("STK-9")]
T = TypeVar("T")


def at_once(work: Callable[[int], T], times: int) -> list[T]:
    """Run in so many threads that begin together, each with a connection of its own; the first error is raised."""
    line = threading.Barrier(times)

    def run(number: int) -> T:
        try:
            line.wait()
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=times) as threads:
        return list(threads.map(run, range(times)))


def wallet_of(payment: Payment) -> int:
    return books.balance(environment="sandbox", code=chart.wallet(payment.payer_id))


def started_or_refused(wanted: starting.Start) -> starting.Started | str:
    try:
        return starting.start(order=wanted, now=AT)
    except Refusal as refused:
        return refused.code


@pytest.fixture
def sim() -> Iterator[Sim]:
    """An M-Pesa over HTTP."""
    with (
        running_simulator() as sim,
        override_settings(MPESA=replace(settings.MPESA, base_url=sim.url), PUBLIC_URL="http://127.0.0.1:9"),
    ):
        yield sim


# --- One of each ---


@pytest.mark.requirement("CB-5")
def test_twenty_deliveries_of_one_callback_drained_by_four_workers() -> None:
    payment = prompted()
    body = bodies.success(checkout_of(payment.pk), receipt="UKL000000A")
    for _ in range(20):
        callback(payment, body)

    def work(_: int) -> None:
        while inbox.drain(now=AT, limit=3):
            pass

    at_once(work, 4)
    payment.refresh_from_db()
    assert (payment.status, wallet_of(payment), LotRow.objects.count()) == (Status.COMPLETED, 100_000, 1)
    assert Callback.objects.filter(state="DONE", attempts=0).count() == 20
    assert payment.journals == 1
    assert checks.prove() == []


@pytest.mark.requirement("STK-6")
def test_twenty_starts_with_one_key_are_one_payment() -> None:
    wanted = order(UserFactory(), idempotency_key="the same")
    answers = at_once(lambda _: starting.start(order=wanted, now=AT), 20)
    assert {answer.payment_id for answer in answers} == {Payment.objects.get().pk}
    assert [answer.created for answer in answers].count(True) == 1


@pytest.mark.requirement("STK-6")
def test_a_double_click_is_one_prompt(sim: Sim) -> None:
    wanted = order(UserFactory())

    def click(_: int) -> int:
        begun = starting.start(order=wanted, now=clock.now())
        lifecycle.submit(payment_id=begun.payment_id)
        return begun.payment_id

    assert len(set(at_once(click, 20))) == 1
    assert PaymentFact.objects.filter(kind="SENT").count() == 1
    assert Payment.objects.get().status == Status.PROMPTED
    assert len(sim.pushes()) == 1


@pytest.mark.requirement("STK-8")
def test_twenty_workers_push_one_payment_once(sim: Sim) -> None:
    payment = started(now=clock.now())
    pushed = at_once(lambda _: lifecycle.submit(payment_id=payment.pk), 20)
    assert pushed.count(True) == 1
    assert len(sim.pushes()) == 1
    assert Payment.objects.get().attempts == 1


@pytest.mark.requirement("STK-6")
def test_two_people_with_one_phone_get_one_prompt() -> None:
    phone = new_phone()
    wanted = [order(UserFactory(), phone=phone) for _ in range(10)]
    answers = at_once(lambda number: started_or_refused(wanted[number]), 10)
    assert answers.count("phone_busy") == 9
    assert Payment.objects.count() == 1


@pytest.mark.requirement("STK-6")
def test_different_wishes_for_one_wallet_are_one_payment() -> None:
    payer = UserFactory()
    wanted = [order(payer, amount=100 + number) for number in range(10)]
    answers = at_once(lambda number: started_or_refused(wanted[number]), 10)
    assert answers.count("payment_in_progress") == 9
    assert Payment.objects.count() == 1


# --- One against another ---


@pytest.mark.requirement("REC-2")
@pytest.mark.parametrize("round_", range(5))
def test_start_against_the_clock(round_: int) -> None:
    """Whoever comes first: the old one ends once, and at most one is live."""
    payer = UserFactory()
    old = started(payer)
    wanted = order(payer, amount=500)

    def work(number: int) -> object:
        if number % 2:
            return chase.close_overdue(now=later(121))
        return started_or_refused(wanted)

    at_once(work, 6)
    old.refresh_from_db()
    assert old.status == Status.EXPIRED
    assert Payment.objects.filter(status__in=LIVE).count() <= 1
    assert PaymentFact.objects.filter(payment=old, kind="CLOSED").count() == 1


@pytest.mark.requirement("REC-2")
@pytest.mark.requirement("CB-7")
@pytest.mark.parametrize("round_", range(5))
def test_replacing_against_a_late_callback(round_: int) -> None:
    payer = UserFactory()
    old = prompted(payer)
    chase.close_overdue(now=later(121))
    callback(old, bodies.success(checkout_of(old.pk), receipt=new_receipt()), now=later(122))
    again = order(payer, replace=True, instead_of=old.pk)

    def work(number: int) -> object:
        return started_or_refused(again) if number == 0 else inbox.drain(now=later(122))

    at_once(work, 3)
    old.refresh_from_db()
    assert (old.status, old.answer, wallet_of(old)) == (Status.COMPLETED, "GIVEN", 100_000)
    replaced = PaymentFact.objects.filter(payment=old, kind="CLOSED", code="REPLACED").count()
    assert Payment.objects.filter(status__in=LIVE).count() == replaced  # none where it was paid first


# --- Everything at once ---

ROUNDS = 12


@pytest.mark.requirement("LED-3")
def test_batches_in_opposite_orders_never_deadlock_for_anybody() -> None:
    """Overlapping payments of a few people, told in every order, together with the clock and the inbox."""
    payers = [UserFactory() for _ in range(3)]
    payments = []
    for round_ in range(3):
        for payer in payers:
            payments.append(prompted(payer, now=later(400 * round_)))
        lifecycle.pass_time(payment_ids=[payment.pk for payment in payments], now=later(400 * round_ + 399))
    receipts = {(payment.pk, n): new_receipt() for payment in payments for n in range(ROUNDS)}

    def work(number: int) -> None:
        dice = random.Random(number)
        for n in dice.sample(range(ROUNDS), k=ROUNDS):
            mixed = dice.sample(payments, k=len(payments))
            news = [
                News(
                    payment.pk,
                    facts=(Fact(Kind.UNRESOLVED, Source.CALLBACK, code=f"Z{n}"),),
                    lots=(Lot(receipts[payment.pk, n], 100_000 if n == 0 else 700, Source.C2B),),
                )
                for payment in mixed
            ]
            lifecycle.apply(news=news, now=later(2000))
            if number % 2:
                lifecycle.pass_time(payment_ids=[payment.pk for payment in reversed(mixed)], now=later(2000))

    at_once(work, 6)
    for payment in payments:
        payment.refresh_from_db()
        assert payment.received_cents == 100_000 + (ROUNDS - 1) * 700
    assert [wallet_of(payment) for payment in payments[:3]] == [300_000] * 3
    owed = sum(books.balance(environment="sandbox", code=chart.owed(payer.pk)) for payer in payers)
    assert owed == len(payments) * (ROUNDS - 1) * 700
    assert LotRow.objects.count() == len(receipts)
    assert checks.prove() == []


@pytest.mark.requirement("CB-7")
def test_one_receipt_told_for_many_payments_at_once_counts_once() -> None:
    payments = [prompted() for _ in range(6)]
    for payment in payments:
        callback(payment, bodies.success(checkout_of(payment.pk), receipt="UKL000000A"))

    def work(_: int) -> None:
        while inbox.drain(now=AT, limit=2):
            pass

    at_once(work, 4)
    assert Callback.objects.filter(state="DONE").count() == 6
    assert LotRow.objects.count() == 1
    assert books.balance(environment="sandbox", code=chart.utility("174379")) == 100_000
    reasons = sorted(reason for payment in Payment.objects.all() for reason in payment.reasons)
    assert reasons == ["RECEIPT_CLASH:UKL000000A"] * 5


@pytest.mark.requirement("CB-2")
def test_doubtful_callbacks_of_each_others_payments_never_deadlock() -> None:
    """Each batch has news of one payment and doubts about another: the doubts wait for nobody."""
    payments = [prompted() for _ in range(6)]
    for round_ in range(10):
        for payment in payments:
            callback(payment, bodies.failure(checkout_of(payment.pk), f"Z{round_}"))
            callback(payment, bodies.failure(checkout_of(payment.pk)), verdict="DOUBTFUL")

    def work(_: int) -> None:
        while inbox.drain(now=later(5), limit=3):
            pass

    at_once(work, 4)
    assert Callback.objects.filter(state="DONE", attempts=0).count() == 120
    assert PaymentFact.objects.filter(kind="UNRESOLVED").count() == 60
    assert not Payment.objects.exclude(status=Status.PROMPTED).exists()


@pytest.mark.requirement("LED-3")
def test_payments_and_other_movements_of_the_same_wallets() -> None:
    """Two people's deposits arrive while their wallets pay each other."""
    payers = [UserFactory(), UserFactory()]
    payments = [prompted(payer) for payer in payers]
    lifecycle.apply(news=[News(payment.pk, lots=(lot(),)) for payment in payments], now=AT)

    def work(number: int) -> None:
        if number % 2:
            for _ in range(10):
                giver, taker = payers if number % 4 == 1 else reversed(payers)
                pay(giver.pk, taker.pk)
        else:
            for _ in range(10):
                extra = [News(payment.pk, lots=(lot(cents=100),)) for payment in payments]
                lifecycle.apply(news=extra if number % 4 else extra[::-1], now=AT)

    at_once(work, 8)
    assert sum(wallet_of(payment) for payment in payments) == 200_000
    assert [payment.received_cents for payment in Payment.objects.all()] == [104_000, 104_000]
    assert checks.prove() == []


_posted = iter(range(10_000))


def pay(giver: int, taker: int) -> None:
    posting = books.Posting(
        environment="sandbox",
        kind="test",
        subject=f"test:{giver}:{next(_posted)}",
        n=1,
        change={chart.wallet(giver): 1, chart.wallet(taker): -1},
        description="",
        occurred_at=AT,
    )
    post(posting)


@lifecycle.entry_point
def post(posting: books.Posting) -> None:
    books.post([posting])
