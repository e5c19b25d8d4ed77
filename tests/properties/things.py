"""Rooms above payments, for tests: what is paid for, with a memory of how payments spoke to it.

They are wired by `settings.PAYABLES`, as a real room is. Their state is rows, so that a rollback takes it back too.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.conf import settings
from django.test import override_settings

from ledger import chart
from payments.facts import Given
from payments.models import Payment
from payments.payable import Paid, Quote, payable
from wallet.deposits import Deposits
from wallet.models import Wallet

settled: Counter[int] = Counter()
ended: Counter[int] = Counter()
broken: set[int] = set()  # payments whose end the room above cannot bear, by a defect of its own
PRICE_CENTS = 100_000


class RecordedDeposits(Deposits):
    """The real deposits; it is counted how often a payment was settled and ended."""

    def settle(self, payments: Sequence[Paid], *, now: datetime) -> dict[int, Given]:
        settled.update(paid.payment_id for paid in payments)
        return super().settle(payments, now=now)

    def ended(self, payments: Sequence[Paid], *, now: datetime) -> None:
        ended.update(paid.payment_id for paid in payments)
        if any(paid.payment_id in broken for paid in payments):
            raise ValueError("a defect of the room above")
        super().ended(payments, now=now)


class OneForSale(RecordedDeposits):
    """A thing of KES 1,000 that is sold once, whoever pays. Some wallet's row stands for it and is its lock."""

    purpose = "item"
    request_field = "itemId"
    transfer_type = ""

    def open(self, *, request: Mapping[str, Any], payer_id: int, environment: str) -> int:
        self.lock([int(request["itemId"])])
        return int(request["itemId"])

    def quote(self, target_ids: Sequence[int], *, now: datetime) -> dict[int, Quote]:
        return {
            row.pk: Quote(row.pk, 0, row.environment, "An item", PRICE_CENTS)
            for row in Wallet.objects.filter(pk__in=target_ids)
        }

    def account(self, payment: Paid) -> str:
        return chart.revenue("item")

    def settle(self, payments: Sequence[Paid], *, now: datetime) -> dict[int, Given]:
        settled.update(paid.payment_id for paid in payments)
        sold = set(Payment.objects.filter(purpose=self.purpose, answer="GIVEN").values_list("target_id", flat=True))
        answers = {}
        for paid in payments:
            answers[paid.payment_id] = Given(0, "sold") if paid.target_id in sold else Given(paid.amount_cents)
            sold.add(paid.target_id)
        return answers


@contextmanager
def undone_with_its_transaction() -> Iterator[None]:
    """What raises was rolled back, and so is what is remembered of it: a payment may be closed for one that is refused then."""
    kept = ended.copy(), settled.copy()
    try:
        yield
    except BaseException:
        for memory, before in zip((ended, settled), kept, strict=True):
            memory.clear()
            memory.update(before)
        raise


@contextmanager
def on_offer() -> Iterator[None]:
    """Deposits and the one item can be paid for; nothing is remembered of before."""
    settled.clear()
    ended.clear()
    broken.clear()
    wired = {
        **settings.PAYABLES,
        "deposit": "tests.properties.things.RecordedDeposits",
        "item": "tests.properties.things.OneForSale",
    }
    with override_settings(PAYABLES=wired):
        payable.cache_clear()
        try:
            yield
        finally:
            payable.cache_clear()
