"""Somebody goes around the rules with the triggers off: each proof says what is wrong."""

import logging

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audit.models import Entry
from ledger import checks, tasks
from ledger.tests.making import deposit, post, withdrawal

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("LED-1")]

OFF = "SET LOCAL session_replication_role = replica; "  # neither triggers nor foreign keys


@pytest.mark.parametrize(
    ("sql", "findings"),
    [
        (
            "UPDATE ledger_account SET balance_cents = 99999 WHERE code = 'wallet:12'",
            ["wallet:12 (sandbox) stores KES 999.99, but its transfers sum to KES 700."],
        ),
        (
            "UPDATE ledger_transfer SET amount_cents = 90000 WHERE type = 'DEPOSIT'",
            [
                "wallet:12 (sandbox) stores KES 700, but its transfers sum to KES 600.",
                "Transfer {deposit} does not continue the balance of wallet:12 (sandbox).",
            ],
        ),
        (
            "DELETE FROM ledger_transfer WHERE type = 'WITHDRAWAL'",
            [
                "Journal withdrawal payout:1 #1 has no transfers.",
                "wallet:12 (sandbox) stores KES 700, but its transfers sum to KES 1,000.",
            ],
        ),
        (
            "DELETE FROM ledger_journal WHERE kind = 'deposit' AND n = 1",
            [
                "Transfer {deposit} lacks a journal or account of its environment.",
                "deposit payment:1 has 1 journals, numbered up to 2: some are missing.",
            ],
        ),
        (
            "UPDATE ledger_account SET environment = 'production' WHERE code = 'wallet:12'",
            [
                "The production books do not sum to zero: KES 700 is left.",
                "The sandbox books do not sum to zero: KES -700 is left.",
            ],
        ),
    ],
)
def test_what_was_done_behind_the_books_is_found(sql: str, findings: list[str]) -> None:
    post(deposit(12, 100_000, kind="deposit", subject="payment:1", n=1))
    post(withdrawal(12, 30_000, kind="withdrawal", subject="payout:1"))
    post(deposit(13, 1, kind="deposit", subject="payment:1", n=2, type=""))
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM ledger_transfer WHERE type = 'DEPOSIT'")
        (deposit_id,) = cursor.fetchone()
        cursor.execute(OFF + sql)
    found = checks.prove()
    assert set(found) >= {finding.format(deposit=deposit_id) for finding in findings}
    with pytest.raises(CommandError):
        call_command("prove_books")


def test_the_nightly_task_audits_and_logs(caplog: pytest.LogCaptureFixture) -> None:
    post(deposit(12, 100))
    tasks.prove()
    assert [entry.data for entry in Entry.objects.all()] == [{"findings": 0}]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_account SET balance_cents = 5 WHERE code = 'wallet:12'")
    with caplog.at_level(logging.ERROR):
        tasks.prove()
    wrong = "wallet:12 (sandbox) stores KES 0.05, but its transfers sum to KES 1."
    assert [record.getMessage() for record in caplog.records] == [f"the books are wrong: {wrong}"]
    assert Entry.objects.get(action="ledger.finding").data == {"finding": wrong}
