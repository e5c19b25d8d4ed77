"""Postings for tests."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count

from django.db import transaction

from ledger import books, chart

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
UTILITY = chart.utility("174379")
_number = count(1)


def posting(change: Mapping[str, int], *, environment: str = "sandbox", **given: object) -> books.Posting:
    """A posting of a subject of its own unless it is given."""
    fields = {"kind": "test", "subject": f"test:{next(_number)}", "n": 1, "description": "", "occurred_at": AT}
    return books.Posting(environment=environment, change=change, **{**fields, **given})  # type: ignore[arg-type]


def deposit(user: int, cents: int, **given: object) -> books.Posting:
    return posting({UTILITY: cents, chart.wallet(user): -cents}, **{"type": "DEPOSIT", **given})


def withdrawal(user: int, cents: int, **given: object) -> books.Posting:
    return posting({UTILITY: -cents, chart.wallet(user): cents}, **{"type": "WITHDRAWAL", **given})


def post(*postings: books.Posting) -> list[int]:
    """In a transaction of its own."""
    with transaction.atomic():
        return books.post(postings)


def held(code: str, environment: str = "sandbox") -> int:
    return books.balance(environment=environment, code=code)
