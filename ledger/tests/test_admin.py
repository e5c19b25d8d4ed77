"""The books and the trail can be read in the admin, by one query count, and not changed."""

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit import trail
from ledger.models import Journal, LedgerAccount
from ledger.tests.making import deposit, post

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("LED-2")]
PAGES = ["ledger_ledgeraccount", "ledger_journal", "audit_entry", "audit_seal"]


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("admin@malipo.test", "x"))
    return client


def page(client: Client, name: str, *args: object, **query: str) -> str:
    answer = client.get(reverse(f"admin:{name}", args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_account_shows_its_balance_and_history(admin: Client) -> None:
    post(deposit(12, 100_000, kind="payment", subject="payment:7"))
    account = LedgerAccount.objects.get(code="wallet:12")
    shown = page(admin, "ledger_ledgeraccount_change", account.pk)
    assert "KES 1,000" in shown
    assert "payment payment:7" in shown
    assert "wallet:12" in page(admin, "ledger_ledgeraccount_changelist", q="wallet:12")


def test_a_journal_shows_its_transfers(admin: Client) -> None:
    post(deposit(12, 100_000, subject="payment:7"))
    assert "wallet:12 (sandbox)" in page(admin, "ledger_journal_change", Journal.objects.get().pk)


@pytest.mark.requirement("OPS-6")
@pytest.mark.parametrize("name", PAGES[:3])
def test_a_list_of_thirty_costs_the_queries_of_one(admin: Client, name: str) -> None:
    counts = []
    for rows in (1, 29):
        post(*[deposit(100 * rows + n, 100) for n in range(rows)])
        trail.record_many([trail.Row("a", "system")] * rows)
        with CaptureQueriesContext(connection) as queries:
            page(admin, f"{name}_changelist")
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_added(admin: Client, name: str) -> None:
    page(admin, f"{name}_changelist")
    assert admin.get(reverse(f"admin:{name}_add")).status_code == 403


@pytest.mark.requirement("SEC-6")
def test_the_trail_is_searched_by_actor_action_and_subject(admin: Client) -> None:
    trail.record(action="account.signed_in", actor="user:12", subject="user:99")
    for term, found in (("user:12", True), ("user:99", True), ("account.", True), ("user:1", False)):
        assert ("account.signed_in" in page(admin, "audit_entry_changelist", q=term)) is found
