"""What the API says about payments: the payer's own words, for many as for one with the same number of queries."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from payments import reading, sealing
from payments.models import Payment
from payments.payable import Description, payable
from payments.project import CHECKOUT_CONTEXT
from payments.words import PayerWords, payer_words, told_by_provider


def words_of(rows: Sequence[Payment], *, now: datetime) -> dict[int, PayerWords]:
    """By payment id."""
    known, things = reading.known_of(rows), _things_of(rows)
    return {
        row.pk: payer_words(
            row=row,
            known=known[row.pk],
            told=told_by_provider(row=row, known=known[row.pk]),
            thing=things[row.purpose][row.target_id],
            now=now,
        )
        for row in rows
    }


def sentence(words: PayerWords) -> str:
    """What happened, and what to do next."""
    return f"{words.happened} {words.next_step}".strip()


def _things_of(rows: Sequence[Payment]) -> dict[str, dict[int, Description]]:
    targets: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        targets[row.purpose].add(row.target_id)
    return {purpose: payable(purpose).describe(sorted(ids)) for purpose, ids in targets.items()}


def checkout_id(row: Payment) -> str | None:
    """M-Pesa's own id, for the payer: it ends in digits of the phone. None while M-Pesa has not answered."""
    return sealing.unseal(bytes(row.checkout_sealed), context=CHECKOUT_CONTEXT).decode() or None
