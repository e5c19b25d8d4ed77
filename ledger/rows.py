"""The statements behind `books`: each takes whole arrays, so 500 postings cost as many queries as one.

The ORM would make an object per row; at the rate of callbacks that is most of the time (libraries.md, measured).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db import connection

from ledger.chart import line_of
from ledger.posting import Name, Place, Posting

# environment, debit, credit, cents, type, balance after of the debit and of the credit side
Side = tuple[str, int, int, int, str, int | None, int | None]


def find_accounts(places: Collection[Place]) -> dict[Place, int]:
    """Ids of the accounts that exist."""
    sql = """
        SELECT account.environment, account.code, account.id FROM ledger_account account
        JOIN unnest(%s::text[], %s::text[]) AS wanted (environment, code)
          ON account.environment = wanted.environment AND account.code = wanted.code"""
    with connection.cursor() as cursor:
        cursor.execute(sql, _columns(places, 2))
        return {(environment, code): id for environment, code, id in cursor.fetchall()}


def find(environment: str, code: str) -> tuple[int, int | None] | None:
    """Id and stored balance of one account, if it exists."""
    sql = "SELECT id, balance_cents FROM ledger_account WHERE environment = %s AND code = %s"
    with connection.cursor() as cursor:
        cursor.execute(sql, [environment, code])
        found: tuple[int, int | None] | None = cursor.fetchone()
    return found


def open_accounts(places: Sequence[Place]) -> None:
    """Make accounts, in the given (sorted) order: two transactions that make the same ones wait, never in a ring."""
    lines = [line_of(code) for _, code in places]
    values = [(*place, line.kind.value, 0 if line.guarded else None) for place, line in zip(places, lines, strict=True)]
    sql = """
        INSERT INTO ledger_account (environment, code, kind, balance_cents)
        SELECT environment, code, kind, balance
        FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[])
             WITH ORDINALITY AS new (environment, code, kind, balance, place)
        ORDER BY place ON CONFLICT (environment, code) DO NOTHING"""
    _run(sql, values, 4)


def lock(ids: Sequence[int]) -> dict[int, int]:
    """Balances of these accounts, locked in the order of their ids until the transaction ends."""
    if not ids:
        return {}
    sql = "SELECT id, balance_cents FROM ledger_account WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(ids)])
        return dict(cursor.fetchall())


def insert_journals(postings: Sequence[Posting]) -> dict[Name, int]:
    """Ids by (kind, subject, n)."""
    values = [(p.environment, p.kind, p.subject, p.n, p.description, p.occurred_at) for p in postings]
    sql = """
        INSERT INTO ledger_journal (environment, kind, subject, n, description, occurred_at)
        SELECT environment, kind, subject, n, description, occurred_at
        FROM unnest(%s::text[], %s::text[], %s::text[], %s::int[], %s::text[], %s::timestamptz[])
             WITH ORDINALITY AS new (environment, kind, subject, n, description, occurred_at, place)
        ORDER BY place RETURNING kind, subject, n, id"""
    with connection.cursor() as cursor:
        cursor.execute(sql, _columns(values, 6))
        return {(kind, subject, n): id for kind, subject, n, id in cursor.fetchall()}


def insert_transfers(transfers: Sequence[tuple[Any, ...]]) -> None:
    """Rows of (journal, *Side), numbered in the given order: ids order an account's history."""
    sql = """
        INSERT INTO ledger_transfer (journal_id, environment, debit_id, credit_id, amount_cents, type,
                                     debit_balance_after, credit_balance_after)
        SELECT journal, environment, debit, credit, cents, type, debit_after, credit_after
        FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[],
                    %s::bigint[], %s::bigint[])
             WITH ORDINALITY AS new (journal, environment, debit, credit, cents, type,
                                     debit_after, credit_after, place)
        ORDER BY place"""
    _run(sql, transfers, 8)


def move_balances(moves: Mapping[int, tuple[int, int]]) -> None:
    """Write balances (id: before, after). A balance that is not what it was when it was locked stops everything."""
    if not moves:
        return
    sql = """
        UPDATE ledger_account account SET balance_cents = move.after
        FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS move (id, before, after)
        WHERE account.id = move.id AND account.balance_cents = move.before"""
    changed = _run(sql, [(id, before, after) for id, (before, after) in moves.items()], 3)
    if changed != len(moves):
        raise RuntimeError("a balance changed under its lock: the handle is from before a rollback")


def debits_less_credits(account_id: int) -> int:
    """The sum of all transfers of one account, in cents."""
    sql = """
        SELECT coalesce((SELECT sum(amount_cents) FROM ledger_transfer WHERE debit_id = %s), 0)
             - coalesce((SELECT sum(amount_cents) FROM ledger_transfer WHERE credit_id = %s), 0)"""
    with connection.cursor() as cursor:
        cursor.execute(sql, [account_id, account_id])
        return int(cursor.fetchone()[0])


def _columns(values: Iterable[Sequence[Any]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*values, strict=True)] or [[] for _ in range(width)]


def _run(sql: str, values: Iterable[Sequence[Any]], width: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, _columns(values, width))
        return int(cursor.rowcount)
