"""What payers are owed, folded from the raw news, against every place that says it."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from ledger import chart
from payments import owed, reading, situation
from payments.models import Payment
from tests.properties.oracle import Story


def owing_to(stories: Collection[Story], *, shortcode: str) -> dict[int, dict[str, int]]:
    """Cents by payer and transaction."""
    owing: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for story in stories:
        if cents := -story.books(shortcode).get(chart.owed(story.payer), 0):
            owing[story.payer][story.transaction_id] = cents
    return owing


def prove_listed(stories: Collection[Story], *, shortcode: str, now: datetime) -> None:
    """Shilling by shilling, payer by payer and payment by payment, whatever was taken off the review list."""
    owing = owing_to(stories, shortcode=shortcode)
    sums = {payer: sum(each.values()) for payer, each in owing.items()}
    listed = {row.payer_id: row for row in owed.in_words(owed.waiting(environment="sandbox"))}
    assert {payer: row.balance_cents for payer, row in listed.items()} == sums
    assert owed.total(environment="sandbox") == owed.Total(len(sums), sum(sums.values()))
    found = [part for payer, row in listed.items() for part in _proven_parts(row, owing[payer], now)]
    _prove_pages([part.payment for part in found if part.payment], owing)


def _proven_parts(row: owed.Owed, owing: dict[str, int], now: datetime) -> list[owed.Part]:
    """What staff read of it."""
    parts = owed.parts(account=row)
    assert {part.subject: part.cents for part in parts} == owing
    assert set(row.payments) <= set(owing)
    assert row.since <= row.latest <= now
    return parts


def _prove_pages(payments: list[Payment], owing: dict[int, dict[str, int]]) -> None:
    """What the payer reads on the page of each payment."""
    known = reading.known_of(payments) if payments else {}
    for payment in payments:
        said = situation.owed_cents(row=payment, known=known[payment.pk])
        assert said == owing[payment.payer_id][payment.transaction_id]
