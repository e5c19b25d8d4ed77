"""Many rows with one statement: the same as Django's own, for every kind of column a payment has."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from lib.rows import update_rows
from payments.models import Payment
from payments.tests.factories import started

pytestmark = pytest.mark.django_db
NAMES = [
    "reasons",
    "result_description",
    "deadline_at",
    "timed_out_at",
    "queries",
    "checkout_sealed",
    "metadata",
    "query_lease",
]


def changed(row: Payment, n: int) -> Payment:
    row.reasons = ["ODD_AMOUNT:A,B", "it's {odd}"][:n]
    row.result_description = ["", "%s 'quoted' \\ {}", "Nairobi – 😀"][n]
    row.deadline_at = None if n == 0 else datetime(2026, 1, n, tzinfo=UTC)
    row.timed_out_at = datetime(2026, 2, 2, tzinfo=UTC) if n == 0 else None
    row.queries = n
    row.checkout_sealed = bytes(range(n * 100))
    row.metadata = {"n": [n, None, "'"]}
    return row


def test_all_is_written_as_it_was_meant_with_one_statement() -> None:
    rows = [changed(started(), n) for n in range(3)]
    other = started()
    with CaptureQueriesContext(connection) as queries:
        assert update_rows(rows, NAMES) == 3
    assert len(queries) == 1
    for row in rows:
        kept = Payment.objects.get(pk=row.pk)
        for name in NAMES:
            value = getattr(kept, name)
            assert (bytes(value) if name == "checkout_sealed" else value) == getattr(row, name)
    assert Payment.objects.get(pk=other.pk).metadata == other.metadata


def test_nothing_to_write_asks_nothing() -> None:
    with CaptureQueriesContext(connection) as queries:
        assert update_rows([], NAMES) == 0
    assert len(queries) == 0
