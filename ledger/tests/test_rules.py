"""Raw SQL that breaks a rule of the books is refused by the rule's name."""

import pytest
from django.db import connection

from ledger import chart
from ledger.models import Journal, LedgerAccount, Transfer
from ledger.tests.making import UTILITY, deposit, post
from tests.refusals import refused_by

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("LED-1")]

ACCOUNT = "INSERT INTO ledger_account (environment, code, kind, balance_cents) VALUES (%s, %s, %s, %s)"
JOURNAL = "INSERT INTO ledger_journal (environment, kind, subject, n, description, occurred_at) VALUES (%s, %s, %s, %s, '', now())"
TRANSFER = "INSERT INTO ledger_transfer (environment, journal_id, debit_id, credit_id, amount_cents, type, credit_balance_after) VALUES (%s, %s, %s, %s, %s, %s, %s)"


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        (("sandbox", "wallet:12", "LIABILITY", 0), "ledger_account_once"),
        (("sandbox", "wallet:13", "LIABILITY", -1), "ledger_balance_never_negative"),
        (("sandbox", "wallet:13", "LIABILITY", None), "ledger_guarded_codes_store_a_balance"),
        (("sandbox", "wallet:13", "ASSET", 0), "ledger_guarded_codes_store_a_balance"),
        (("sandbox", "suspense", "LIABILITY", 0), "ledger_guarded_codes_store_a_balance"),
        (("sandbox", "bank", "MONEY", None), "ledger_account_kind_known"),
        (("moon", "bank", "ASSET", None), "ledger_account_environment_known"),
    ],
)
def test_accounts(values: tuple[object, ...], rule: str) -> None:
    post(deposit(12, 100))
    assert refused_by(ACCOUNT, values) == rule


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        (("sandbox", "deposit", "payment:1", 1), "journal_once"),
        (("production", "deposit", "payment:1", 1), "journal_once"),
        (("sandbox", "deposit", "payment:1", 0), "journal_counts_from_one"),
        (("moon", "deposit", "payment:2", 1), "journal_environment_known"),
        (("sandbox", "", "payment:2", 1), "journal_says_of_what"),
    ],
)
def test_journals(values: tuple[object, ...], rule: str) -> None:
    post(deposit(12, 100, kind="deposit", subject="payment:1"))
    assert refused_by(JOURNAL, values) == rule


@pytest.mark.requirement("LED-4")
@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"cents": 0}, "transfer_amount_positive"),
        ({"cents": -5}, "transfer_amount_positive"),
        ({"debit": "wallet:12"}, "transfer_between_two_accounts"),
        ({"type": "GIFT"}, "transfer_type_known"),
        ({"after": -1}, "transfer_balance_after_never_negative"),
        ({"journal": "production"}, "transfer_journal_same_environment"),
        ({"debit_environment": "production"}, "transfer_debit_same_environment"),
        ({"credit_environment": "production"}, "transfer_credit_same_environment"),
    ],
)
def test_transfers(changed: dict[str, object], rule: str) -> None:
    for environment in ("sandbox", "production"):
        post(deposit(12, 100, environment=environment))
    v = {
        "cents": 5, "debit": UTILITY, "type": "", "after": 105, "journal": "sandbox",
        "debit_environment": "sandbox", "credit_environment": "sandbox", **changed,
    }  # fmt: skip
    journal = Journal.objects.get(environment=v["journal"]).pk
    debit = LedgerAccount.objects.get(environment=v["debit_environment"], code=v["debit"]).pk
    credit = LedgerAccount.objects.get(environment=v["credit_environment"], code="wallet:12").pk
    values = ("sandbox", journal, debit, credit, v["cents"], v["type"], v["after"])
    assert refused_by(TRANSFER, values) == rule


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("UPDATE ledger_journal SET description = 'x'", "ledger_journal_frozen"),
        ("DELETE FROM ledger_journal", "ledger_journal_frozen"),
        ("UPDATE ledger_transfer SET amount_cents = 1", "ledger_transfer_frozen"),
        ("DELETE FROM ledger_transfer", "ledger_transfer_frozen"),
        ("UPDATE ledger_account SET code = 'bank' WHERE code = 'wallet:12'", "ledger_account_frozen"),
        ("UPDATE ledger_account SET environment = 'production'", "ledger_account_frozen"),
        ("UPDATE ledger_account SET kind = 'INCOME'", "ledger_account_frozen"),
        ("DELETE FROM ledger_account", "ledger_account_frozen"),
        ("UPDATE ledger_account SET balance_cents = -1 WHERE code = 'wallet:12'", "ledger_balance_never_negative"),
        ("SET LOCAL malipo.allow_truncate = off; TRUNCATE ledger_transfer", "ledger_transfer_frozen"),
    ],
)
def test_the_past_does_not_change(sql: str, rule: str) -> None:
    post(deposit(12, 100))
    assert refused_by(sql) == rule


def test_every_line_of_the_chart_agrees_with_the_database() -> None:
    codes = [
        chart.utility("174379"), chart.working("174379"), chart.charges("600984"), chart.AWAITED, chart.STRIPE, chart.BANK,
        chart.RECEIVABLE, chart.wallet(1), chart.in_flight(1), chart.owed(1), chart.SUSPENSE, chart.payable(1),
        chart.revenue("session"), chart.PLATFORM_FEES, chart.MPESA_CHARGES, chart.STRIPE_CHARGES, chart.WRITE_OFF,
    ]  # fmt: skip
    lines = [chart.line_of(code) for code in codes]
    assert set(lines) == set(chart.CHART)
    with connection.cursor() as cursor:
        for code, line in zip(codes, lines, strict=True):
            cursor.execute(ACCOUNT, ("sandbox", code, line.kind.value, 0 if line.guarded else None))
    assert LedgerAccount.objects.count() == len(codes)
    assert Transfer.objects.count() == 0
