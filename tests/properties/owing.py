"""What payers are owed, folded from the raw news, against every place that says it."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from ledger import chart
from payments import owed, reading, situation
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
    for payer, row in listed.items():
        _prove_parts(row, owing[payer])
        assert row.since <= row.latest <= now


def _prove_parts(row: owed.Owed, owing: dict[str, int]) -> None:
    """What staff read of it, and what the payer reads on the page of each payment."""
    parts = owed.parts(account=row)
    assert {part.subject: part.cents for part in parts} == owing
    assert set(row.payments) <= set(owing)
    for payment in (part.payment for part in parts if part.payment):
        known = reading.known_of([payment])[payment.pk]
        assert situation.owed_cents(row=payment, known=known) == owing[payment.transaction_id]
