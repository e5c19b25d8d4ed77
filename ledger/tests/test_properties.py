"""Random postings against an oracle that only adds up: the books agree with it, whatever was posted or refused."""

from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ledger import books, chart, checks
from ledger.models import LedgerAccount
from ledger.tests.making import UTILITY, held, post, posting
from lib.errors import Refusal

CODES = [
    UTILITY, chart.SUSPENSE, chart.AWAITED, chart.revenue("deposit"),
    chart.wallet(1), chart.wallet(2), chart.owed(1), chart.in_flight(1),
]  # fmt: skip
GUARDED = set(CODES[4:])
MOST_QUERIES = 7


@st.composite
def changes(draw: st.DrawFn) -> dict[str, int]:
    codes = draw(st.lists(st.sampled_from(CODES), min_size=2, max_size=5, unique=True))
    cents = [draw(st.integers(-500, 500)) for _ in codes[1:]]
    return dict(zip(codes, [-sum(cents), *cents], strict=True))


environments = st.sampled_from(["sandbox", "production"])
batches = st.lists(st.lists(st.tuples(environments, changes()), max_size=6), max_size=6)


class Oracle:
    """Debits less credits of each account, and whether a batch may be posted."""

    def __init__(self) -> None:
        self.totals: Counter[tuple[str, str]] = Counter()
        self.touched: set[tuple[str, str]] = set()

    def takes(self, batch: list[tuple[str, dict[str, int]]]) -> bool:
        tried = Counter(self.totals)
        for environment, change in batch:
            self.touched |= {(environment, code) for code in change}
            for code, cents in change.items():
                tried[environment, code] += cents
                if code in GUARDED and cents > 0 and tried[environment, code] > 0:
                    return False
        self.totals = tried
        return True


class TestBooks(TestCase):
    @pytest.mark.requirement("LED-1")
    @pytest.mark.requirement("LED-3")
    @settings(max_examples=150, deadline=None)
    @given(batches)
    def test_books_are_what_was_posted(self, given: list[list[tuple[str, dict[str, int]]]]) -> None:
        oracle = Oracle()
        for batch in given:
            postings = [posting(change, environment=environment) for environment, change in batch]
            with CaptureQueriesContext(connection) as queries:
                if oracle.takes(batch):
                    post(*postings)
                else:
                    with pytest.raises(Refusal):
                        post(*postings)
            asked = [query for query in queries if "SAVEPOINT" not in query["sql"]]
            assert len(asked) <= MOST_QUERIES
        self._agree(oracle)

    def _agree(self, oracle: Oracle) -> None:
        assert checks.prove() == []
        for environment in ("sandbox", "production"):
            assert sum(total for (where, _), total in oracle.totals.items() if where == environment) == 0
            for code in sorted({code for place, code in oracle.touched if place == environment}):
                sign = 1 if code in (UTILITY, chart.AWAITED) else -1
                assert held(code, environment) == sign * oracle.totals[environment, code]
                rows = list(books.history(environment=environment, code=code))
                assert sum(row["amount"] for row in rows) == held(code, environment)
        opened = set(LedgerAccount.objects.values_list("environment", "code"))
        assert opened <= oracle.touched
        stored = LedgerAccount.objects.filter(balance_cents__isnull=False)
        assert {account.code for account in stored} <= GUARDED
