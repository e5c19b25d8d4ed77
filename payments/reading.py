"""Reading payments for showing them: without a lock, and with as little work as a page that asks every 3 s deserves.

What is known is read after the row, so it may be newer than the row, never older.
"""

from collections import defaultdict
from collections.abc import Sequence

from lib.rows import read_rows
from payments.facts import Fact, Known, Lot
from payments.holding import read_fact, read_lot
from payments.models import LotRow, Payment, PaymentFact


def own(*, transaction_id: str, payer_id: int) -> Payment | None:
    """A payment of this payer; None for everybody else's and for none."""
    found = read_rows(Payment, "WHERE transaction_id = %s AND payer_id = %s", [transaction_id, payer_id])
    return found[0] if found else None


def known_of(rows: Sequence[Payment]) -> dict[int, Known]:
    """What is known about each, by payment id: one query, and another one where money came."""
    told: dict[int, list[Fact]] = defaultdict(list)
    for fact in read_rows(PaymentFact, "WHERE payment_id = ANY(%s) ORDER BY id", [[row.pk for row in rows]]):
        told[fact.payment_id].append(read_fact(fact))
    money: dict[int, list[Lot]] = defaultdict(list)
    if paid := [row.pk for row in rows if row.received_cents]:  # a lot has an amount: where nothing came, there is none
        for lot in read_rows(LotRow, "WHERE payment_id = ANY(%s) ORDER BY id", [paid]):
            money[lot.payment_id or 0].append(read_lot(lot))
    return {row.pk: Known(row.amount_cents).having(facts=told[row.pk], lots=money[row.pk]) for row in rows}
