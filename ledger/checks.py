"""Nightly proofs that the books are what their transfers say.

Each proof reads one statement's view of the database, so it may run while money moves, and returns what is wrong in
words; nothing when nothing is. The database's own rules should leave nothing to find: a finding means that somebody
went around them, and is an error for a person to look at.
"""

from collections.abc import Callable
from typing import Any

from django.db import connection

from lib.money import words

# Both sides of each transfer, seen from the account: what it moved there (credit-positive) and the balance after.
_WITH_SIDES = """
    WITH side AS (
        SELECT id, debit_id AS account_id, -amount_cents AS moved, debit_balance_after AS after FROM ledger_transfer
        UNION ALL
        SELECT id, credit_id, amount_cents, credit_balance_after FROM ledger_transfer
    )"""


def prove() -> list[str]:
    """All proofs, one after the other; each spells out its first hundred findings."""
    return [finding for proof in PROOFS for finding in proof()]


def environments_sum_to_zero() -> list[str]:
    """No money comes from nowhere, and none crosses from sandbox to production (LED-1, LED-4)."""
    sql = """
        SELECT account.environment, sum(side.moved) FROM side
        JOIN ledger_account account ON account.id = side.account_id
        GROUP BY account.environment HAVING sum(side.moved) <> 0"""
    return [
        f"The {environment} books do not sum to zero: {words(int(left))} is left." for environment, left in _rows(sql)
    ]


def transfers_have_their_rows() -> list[str]:
    """Every transfer has its journal and accounts of its own environment, and every journal has transfers."""
    stray = """
        SELECT transfer.id FROM ledger_transfer transfer
        LEFT JOIN ledger_journal journal ON (journal.id, journal.environment) = (journal_id, transfer.environment)
        LEFT JOIN ledger_account debit ON (debit.id, debit.environment) = (debit_id, transfer.environment)
        LEFT JOIN ledger_account credit ON (credit.id, credit.environment) = (credit_id, transfer.environment)
        WHERE journal.id IS NULL OR debit.id IS NULL OR credit.id IS NULL
        ORDER BY transfer.id LIMIT 100"""
    empty = """
        SELECT kind, subject, n FROM ledger_journal journal
        WHERE NOT EXISTS (SELECT FROM ledger_transfer WHERE journal_id = journal.id)
        ORDER BY id LIMIT 100"""
    return [f"Transfer {id} lacks a journal or account of its environment." for (id,) in _rows(stray)] + [
        f"Journal {kind} {subject} #{n} has no transfers." for kind, subject, n in _rows(empty)
    ]


def stored_balances_are_sums() -> list[str]:
    """What a guarded account stores is the sum of its transfers."""
    sql = """
        SELECT account.code, account.environment, account.balance_cents, coalesce(sum(side.moved), 0)
        FROM ledger_account account LEFT JOIN side ON side.account_id = account.id
        WHERE account.balance_cents IS NOT NULL
        GROUP BY account.id HAVING account.balance_cents <> coalesce(sum(side.moved), 0)
        ORDER BY account.id LIMIT 100"""
    return [
        f"{code} ({environment}) stores {words(stored)}, but its transfers sum to {words(int(summed))}."
        for code, environment, stored, summed in _rows(sql)
    ]


def balances_follow_each_other() -> list[str]:
    """Each balance after is the one before it and the transfer; guarded accounts have one, others none (LED-2)."""
    sql = """
        , chain AS (
            SELECT *, coalesce(lag(after) OVER (PARTITION BY account_id ORDER BY id), 0) AS before FROM side
        )
        SELECT chain.id, account.code, account.environment
        FROM chain JOIN ledger_account account ON account.id = chain.account_id
        WHERE CASE WHEN account.balance_cents IS NULL THEN chain.after IS NOT NULL
                   ELSE chain.after IS DISTINCT FROM chain.before + chain.moved END
        ORDER BY chain.id LIMIT 100"""
    return [
        f"Transfer {id} does not continue the balance of {code} ({environment})."
        for id, code, environment in _rows(sql)
    ]


def journals_have_no_gaps() -> list[str]:
    """The journals of a subject count 1, 2, 3…: none was taken out."""
    sql = """
        SELECT kind, subject, count(*), max(n) FROM ledger_journal
        GROUP BY kind, subject HAVING count(*) <> max(n) ORDER BY kind, subject LIMIT 100"""
    return [
        f"{kind} {subject} has {count} journals, numbered up to {last}: some are missing."
        for kind, subject, count, last in _rows(sql)
    ]


PROOFS: tuple[Callable[[], list[str]], ...] = (
    environments_sum_to_zero,
    transfers_have_their_rows,
    stored_balances_are_sums,
    balances_follow_each_other,
    journals_have_no_gaps,
)


def _rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_WITH_SIDES + sql)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
