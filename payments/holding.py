"""Payments under lock: the row, everything known about it, and what is being added.

The order of locks is the same everywhere: things by (purpose, id), payments by id, ledger accounts by id; all of them
before the first write. The number of queries does not depend on the size of a batch.
"""

import operator
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from ledger import chart
from lib.db import in_transaction
from lib.rows import read_rows
from payments import facts
from payments.facts import Accounts, Fact, Given, Kind, Known, Lot
from payments.models import LotRow, Merchant, Payment, PaymentFact
from payments.payable import Paid, payable
from payments.states import Status


@dataclass(slots=True)
class Held:
    """One payment under lock: its row, what is known, and what is added."""

    row: Payment
    known: Known
    given: Given | None
    old_status: Status
    old_given: Given | None
    new_facts: list[Fact] = field(default_factory=list)
    new_lots: list[Lot] = field(default_factory=list)
    _made_of: tuple[object, ...] = ()
    _after: Known = field(init=False)

    @property
    def after(self) -> Known:
        """Asked for many times in a batch, so kept. Lots are told apart by identity: equal ones may differ in amount."""
        parts = (self.known, *self.new_facts, *self.new_lots)
        if len(parts) != len(self._made_of) or any(map(operator.is_not, parts, self._made_of)):
            self._after = self.known.having(facts=self.new_facts, lots=self.new_lots)
            self._made_of = parts
        return self._after

    def add(self, *, facts: Iterable[Fact] = (), lots: Iterable[Lot] = ()) -> None:
        """Only what is not known yet is new."""
        for fact in facts:
            if fact not in self.known.facts and fact not in self.new_facts:
                self.new_facts.append(fact)
        for lot in lots:
            if lot not in self.known.lots and lot not in self.new_lots:
                self.new_lots.append(lot)

    @property
    def new_requests(self) -> list[Fact]:
        """What M-Pesa has just accepted, by its CheckoutRequestID."""
        return [fact for fact in self.new_facts if fact.kind is Kind.ACCEPTED and fact.checkout_hash]

    @property
    def paid(self) -> Paid:
        row = self.row
        return Paid(
            payment_id=row.pk,
            transaction_id=row.transaction_id,
            target_id=row.target_id,
            payer_id=row.payer_id,
            environment=row.environment,
            amount_cents=row.amount_cents,
            receipt=row.receipt or min((lot.receipt for lot in self.after.lots), default=""),
        )

    @property
    def accounts(self) -> Accounts:
        merchant = self.row.merchant
        collected = chart.utility(merchant.shortcode) if merchant else chart.STRIPE
        return Accounts(
            collected=collected,
            awaited=chart.AWAITED,
            thing=payable(self.row.purpose).account(self.paid),
            owed=chart.owed(self.row.payer_id),
            receivable=chart.RECEIVABLE,
        )


@in_transaction
def hold(payment_ids: Iterable[int]) -> dict[int, Held]:
    """Lock the things and then the payments; read what is known. Unknown ids are left out."""
    ids = sorted(set(payment_ids))
    _lock_things(ids)
    return _known_too(lock_rows("WHERE id = ANY(%s) ORDER BY id", [ids]))


@in_transaction
def lock_rows(which: str, params: Sequence[Any], *, skip_locked: bool = False) -> list[Payment]:
    """Payments under lock with their merchants, and nothing of what is known about them."""
    rows = read_rows(Payment, f"{which} FOR NO KEY UPDATE{' SKIP LOCKED' if skip_locked else ''}", params)
    _join_merchants(rows, _merchants_of(rows))
    return rows


@in_transaction
def hold_one(*, payment_id: int, purpose: str, target_id: int, merchant: Merchant) -> Held:
    """`hold` for who has in hand what never changes: what it is paid for, and who is paid."""
    payable(purpose).lock([target_id])
    rows = read_rows(Payment, "WHERE id = %s FOR NO KEY UPDATE", [payment_id])
    _join_merchants(rows, {merchant.pk: merchant})
    return _known_too(rows)[payment_id]


def _known_too(rows: Sequence[Payment]) -> dict[int, Held]:
    """Read after the locks are there: by a statement of its own, which sees what those before us have committed."""
    ids = [row.pk for row in rows]
    told: dict[int, list[Fact]] = defaultdict(list)
    for fact_row in read_rows(PaymentFact, "WHERE payment_id = ANY(%s) ORDER BY id", [ids]):
        told[fact_row.payment_id].append(read_fact(fact_row))
    money: dict[int, list[Lot]] = defaultdict(list)
    for lot_row in read_rows(LotRow, "WHERE payment_id = ANY(%s) ORDER BY id", [ids]):
        money[lot_row.payment_id or 0].append(read_lot(lot_row))
    return {row.pk: _held(row, told[row.pk], money[row.pk]) for row in rows}


def _merchants_of(rows: Sequence[Payment]) -> dict[int, Merchant]:
    """A few merchants take all payments: they are read once, not once for each."""
    ids = sorted({row.merchant_id for row in rows if row.merchant_id})
    return {row.pk: row for row in read_rows(Merchant, "WHERE id = ANY(%s)", [ids])} if ids else {}


def _join_merchants(rows: Sequence[Payment], merchants: Mapping[int, Merchant]) -> None:
    for row in rows:
        row.merchant = merchants[row.merchant_id] if row.merchant_id else None


def _lock_things(payment_ids: Sequence[int]) -> None:
    targets: dict[str, set[int]] = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute("SELECT purpose, target_id FROM payments_payment WHERE id = ANY(%s)", [list(payment_ids)])
        for purpose, target in cursor.fetchall():
            targets[purpose].add(target)
    for purpose in sorted(targets):
        payable(purpose).lock(sorted(targets[purpose]))


def _held(row: Payment, told: Sequence[Fact], money: Sequence[Lot]) -> Held:
    answered = {
        Payment.Answer.GIVEN: Given(row.amount_cents),
        Payment.Answer.RETURNED: Given(row.amount_cents),
        Payment.Answer.REFUSED: Given(0, row.answer_reason),
    }
    given = answered.get(Payment.Answer(row.answer))
    known = Known(row.amount_cents).having(facts=told, lots=money)
    return Held(row, known, given, Status(row.status), given)


def read_fact(row: PaymentFact) -> Fact:
    return Fact(
        kind=Kind(row.kind),
        source=facts.Source(row.source),
        submission=row.submission,
        code=row.code,
        provisional=row.provisional,
        receipt=row.receipt,
        amount_cents=row.amount_cents,
        checkout_hash=row.checkout_hash,
        text=row.text,
        at=row.at,
        merchant_request_id=row.merchant_request_id,
        actor=row.actor,
    )


def read_lot(row: LotRow) -> Lot:
    return Lot(
        receipt=row.receipt,
        amount_cents=row.amount_cents,
        source=facts.Source(row.source),
        checkout_hash=row.checkout_hash,
        phone_hash=row.phone_hash,
        occurred_at=row.occurred_at,
    )
