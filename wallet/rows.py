"""Rows of the wallet's tables: queries do not grow with the rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from payments.models import Payment
from payments.payable import payable
from payments.words import Brief, brief

TYPES = {  # of ledger.Transfer
    "DEPOSIT": "Deposit",
    "WITHDRAWAL": "Withdrawal",
    "INVESTMENT": "Investment",
    "REFUND": "Refund",
}


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """A payment in a list."""

    payment: Payment
    title: str
    brief: Brief


def payment_rows(payments: Iterable[Payment]) -> list[PaymentRow]:
    found = list(payments)
    titles: dict[tuple[str, int], str] = {}
    for purpose in {row.purpose for row in found}:
        targets = sorted({row.target_id for row in found if row.purpose == purpose})
        for target, title in payable(purpose).titles(targets).items():
            titles[purpose, target] = title
    return [PaymentRow(row, titles[row.purpose, row.target_id], brief(row)) for row in found]


def named_rows(moves: Iterable[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """The moves of a wallet (`ledger.books.history`), each with its payment's receipt and a word for its type."""
    found = list(moves)
    subjects = [move["subject"] for move in found if move["kind"] == "PAYMENT"]
    receipts = dict(Payment.objects.filter(transaction_id__in=subjects).values_list("transaction_id", "receipt"))
    return [
        {
            **move,
            "word": _(TYPES.get(move["type"], "Correction")),
            "transaction_id": move["subject"] if move["subject"] in receipts else "",
            "receipt": receipts.get(move["subject"], ""),
        }
        for move in found
    ]
