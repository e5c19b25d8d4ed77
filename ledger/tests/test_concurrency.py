"""Real threads with real connections: no lost update, no deadlock, and busy accounts are never waited for."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from ledger import books, chart, checks
from ledger.models import Transfer
from ledger.tests.making import UTILITY, deposit, held, post, posting
from lib.errors import Refusal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("LED-3")]


def at_once(work: Callable[[int], None], times: int) -> None:
    """Run in so many threads, each with a connection of its own; the first error is raised."""

    def run(number: int) -> None:
        try:
            work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=times) as threads:
        list(threads.map(run, range(times)))


def test_twenty_postings_on_one_new_wallet() -> None:
    at_once(lambda number: post(deposit(12, 100 + number)) and None, 20)
    assert held(chart.wallet(12)) == sum(100 + number for number in range(20))
    assert Transfer.objects.count() == 20
    assert checks.prove() == []


def test_money_back_and_forth_never_deadlocks() -> None:
    post(deposit(1, 10_000), deposit(2, 10_000), deposit(3, 10_000))

    def pass_on(number: int) -> None:
        giver, taker = (number % 3) + 1, ((number + 1 + number // 3 % 2) % 3) + 1
        for _ in range(5):
            post(posting({chart.wallet(giver): 10, chart.wallet(taker): -10}))

    at_once(pass_on, 12)
    assert sum(held(chart.wallet(user)) for user in (1, 2, 3)) == 30_000
    assert Transfer.objects.count() == 3 + 60
    assert checks.prove() == []


def test_two_withdrawals_of_everything_succeed_once() -> None:
    post(deposit(12, 5_000))
    refused: list[int] = []

    def withdraw(number: int) -> None:
        try:
            post(posting({chart.wallet(12): 5_000, UTILITY: -5_000}))
        except Refusal:
            refused.append(number)

    at_once(withdraw, 8)
    assert (held(chart.wallet(12)), len(refused)) == (0, 7)


def test_busy_accounts_are_not_waited_for() -> None:
    post(deposit(1, 100), deposit(2, 100))
    with transaction.atomic():
        books.post([deposit(1, 100)])  # holds wallet:1 until this block ends, and touches the pay bill's account

        def meanwhile(_: int) -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '5s'")
                books.post([deposit(2, 100)])

        at_once(meanwhile, 1)
    assert held(UTILITY) == 400
