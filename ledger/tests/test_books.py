"""Posting, balances, history: examples a reader can follow."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from ledger import books, chart, checks
from ledger.models import LedgerAccount, Transfer
from ledger.pairing import pair
from ledger.tests.making import AT, UTILITY, deposit, held, post, posting, withdrawal
from lib.errors import Refusal

pytestmark = pytest.mark.django_db


@pytest.mark.requirement("LED-1")
def test_a_deposit_moves_money_from_mpesa_to_the_wallet() -> None:
    post(deposit(12, 100_000))
    assert (held(chart.wallet(12)), held(UTILITY)) == (100_000, 100_000)


def test_an_account_that_was_never_posted_to_holds_nothing() -> None:
    assert held(chart.wallet(12)) == 0
    assert list(books.history(environment="sandbox", code=chart.wallet(12))) == []


@pytest.mark.requirement("LED-2")
def test_history_is_newest_first_with_before_and_after() -> None:
    post(deposit(12, 100_000, subject="payment:1", kind="payment", description="WealthRise Deposit"))
    post(withdrawal(12, 30_000))
    post(posting({chart.wallet(12): 20_000, chart.payable(3): -20_000}, type="INVESTMENT"))
    post(posting({UTILITY: -1_000, chart.MPESA_CHARGES: 1_000}))
    rows = list(books.history(environment="sandbox", code=chart.wallet(12)))
    assert [(r["type"], r["amount"], r["before"], r["after"]) for r in rows] == [
        ("INVESTMENT", -20_000, 70_000, 50_000),
        ("WITHDRAWAL", -30_000, 100_000, 70_000),
        ("DEPOSIT", 100_000, 0, 100_000),
    ]
    oldest = rows[-1]
    assert (oldest["at"], oldest["kind"], oldest["subject"], oldest["description"]) == (
        AT, "payment", "payment:1", "WealthRise Deposit",
    )  # fmt: skip
    busy = list(books.history(environment="sandbox", code=UTILITY))
    assert [(r["amount"], r["before"], r["after"]) for r in busy] == [
        (-1_000, None, None), (-30_000, None, None), (100_000, None, None),
    ]  # fmt: skip


@pytest.mark.requirement("LED-1")
def test_a_wallet_never_goes_below_zero() -> None:
    post(deposit(12, 10_000))
    with pytest.raises(Refusal) as refusal:
        post(withdrawal(12, 4_000), withdrawal(12, 6_001))
    assert refusal.value.code == "insufficient_balance"
    assert refusal.value.message == "The balance is too low for this: KES 60 is there, KES 60.01 is needed."
    assert held(chart.wallet(12)) == 10_000
    assert Transfer.objects.count() == 1


def test_a_batch_is_posted_in_its_order() -> None:
    post(deposit(12, 10_000), withdrawal(12, 10_000), deposit(12, 500))
    assert held(chart.wallet(12)) == 500
    with pytest.raises(Refusal):
        post(withdrawal(12, 501), deposit(12, 501))


@pytest.mark.requirement("LED-4")
def test_environments_have_books_of_their_own() -> None:
    post(deposit(12, 700), deposit(12, 900, environment="production"))
    assert held(chart.wallet(12)) == 700
    assert held(chart.wallet(12), "production") == 900


def test_sums_tell_what_a_subject_did() -> None:
    post(posting({UTILITY: 500, chart.SUSPENSE: -500}, kind="payment", subject="payment:1", n=1))
    post(posting({chart.SUSPENSE: 500, chart.wallet(1): -500}, kind="payment", subject="payment:1", n=2))
    assert books.sums(kind="payment", subject="payment:1") == {UTILITY: 500, chart.wallet(1): -500}
    assert books.sums(kind="payment", subject="payment:2") == {}


def test_nothing_is_posted_for_no_change() -> None:
    assert post(posting({}), posting({UTILITY: 0, chart.SUSPENSE: 0})) == []
    assert LedgerAccount.objects.count() == 0


def test_the_same_journal_is_refused() -> None:
    once = deposit(12, 100)
    post(once)
    with pytest.raises(IntegrityError, match="journal_once"):
        post(once)
    assert held(chart.wallet(12)) == 100


def test_what_does_not_balance_or_exist_cannot_even_be_said() -> None:
    with pytest.raises(ValueError, match="does not sum to zero"):
        posting({UTILITY: 100, chart.wallet(12): -99})
    with pytest.raises(chart.UnknownAccount):
        posting({"walet:12": 100, UTILITY: -100})
    with pytest.raises(chart.UnknownAccount):
        chart.wallet("1 2")


def test_posting_needs_a_transaction_and_its_locks(transactional_db: None) -> None:
    with pytest.raises(RuntimeError, match="must run inside a transaction"):
        books.post([deposit(12, 100)])
    with transaction.atomic():
        locked = books.lock_accounts([("sandbox", chart.wallet(12))])
        books.post([deposit(12, 100)], locked=locked)  # the busy side is found late
        with pytest.raises(RuntimeError, match="wallet:13 must be locked"):
            books.post([deposit(13, 100)], locked=locked)
        books.post([withdrawal(12, 40)], locked=locked)
        assert locked.balance(environment="sandbox", code=chart.wallet(12)) == 60
    assert held(chart.wallet(12)) == 60


def test_a_handle_from_before_a_rollback_moves_nothing() -> None:
    post(deposit(12, 100))
    with transaction.atomic():
        locked = books.lock_accounts([("sandbox", chart.wallet(12))])
        savepoint = transaction.savepoint()
        books.post([deposit(12, 100)], locked=locked)
        transaction.savepoint_rollback(savepoint)
        with pytest.raises(RuntimeError, match="before a rollback"):
            books.post([deposit(12, 100)], locked=locked)


def test_pairing_is_deterministic_and_short() -> None:
    change = {"a": 70, "b": 30, "c": -60, "d": -40}
    assert list(pair(change)) == [("a", "c", 60), ("a", "d", 10), ("b", "d", 30)]
    assert list(pair(dict(reversed(change.items())))) == list(pair(change))


def test_five_hundred_postings_cost_the_queries_of_one() -> None:
    post(*[deposit(user, 100) for user in range(500)], posting({UTILITY: -10, chart.MPESA_CHARGES: 10}))
    counts = []
    for batch in (1, 500):
        postings = [
            posting({UTILITY: 90, chart.wallet(u): -100, chart.MPESA_CHARGES: 10}, type="DEPOSIT") for u in range(batch)
        ]
        with CaptureQueriesContext(connection) as queries:
            books.post(postings)
        counts.append(len(queries))
    assert counts == [5, 5]
    assert checks.prove() == []


@pytest.mark.requirement("OPS-6")
def test_history_takes_two_queries_for_one_row_or_thirty() -> None:
    for rows in (1, 30):
        post(*[deposit(rows, 100) for _ in range(rows)])
        with CaptureQueriesContext(connection) as queries:
            assert len(books.history(environment="sandbox", code=chart.wallet(rows))[:50]) == rows
        assert len(queries) == 2
