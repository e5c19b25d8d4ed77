"""Money that is not known to belong to a payment: booked, visible, and matched when its payment turns up."""

from collections.abc import Sequence
from datetime import datetime

from audit import trail
from ledger import books, chart
from lib.db import in_transaction
from lib.money import words
from lib.rows import update_rows
from payments.facts import Lot
from payments.models import LotRow


@in_transaction
def take_in(lot: Lot, *, environment: str, shortcode: str, reference: str = "", now: datetime) -> LotRow | None:
    """Book a lot without a payment; None where its receipt is known already."""
    if LotRow.objects.filter(environment=environment, receipt=lot.receipt).exists():
        return None
    row = LotRow.objects.create(
        environment=environment,
        receipt=lot.receipt,
        amount_cents=lot.amount_cents,
        source=lot.source,
        shortcode=shortcode,
        reference=reference,
        checkout_hash=lot.checkout_hash,
        phone_hash=lot.phone_hash,
        occurred_at=lot.occurred_at,
        recorded_at=now,
        journals=1,
    )
    books.post([_posting(row, 1, now)])
    trail.record(
        action="lot.in_suspense",
        actor="system",
        subject=f"lot:{row.receipt}",
        environment=environment,
        data={"amount": words(row.amount_cents)},
        at=now,
    )
    return row


def releases(adopted: Sequence[LotRow], *, now: datetime) -> list[books.Posting]:
    """The journals that take adopted lots out of suspense; their payments' own journals book them anew."""
    for row in adopted:
        row.journals += 1
    update_rows(adopted, ["payment", "journals"])
    return [_posting(row, -1, now) for row in adopted]


def _posting(row: LotRow, sign: int, now: datetime) -> books.Posting:
    return books.Posting(
        environment=row.environment,
        kind="LOT",
        subject=f"{row.environment}:{row.receipt}",
        n=row.journals,
        change={chart.utility(row.shortcode): sign * row.amount_cents, chart.SUSPENSE: -sign * row.amount_cents},
        description=f"Unmatched receipt {row.receipt}" if sign > 0 else f"Receipt {row.receipt} was matched",
        occurred_at=now,
    )
