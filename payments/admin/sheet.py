"""The list of payments as staff save it: a line for each, phones masked, what is owed and what is odd beside it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import QuerySet, Sum

from lib.phone import hidden
from lib.sheets import Cell, Stamp, shillings
from payments.facts import Kind
from payments.models import Payment, PaymentFact
from payments.payable import payable
from payments.situation import unspent_cents
from payments.why import review

HEAD = (
    "Transaction", "Environment", "Purpose", "For", "Client", "Therapist", "Phone", "Amount KES", "Received KES",
    "Refunded KES", "Owed KES", "Status", "Receipt", "Result code", "Result", "Short code", "Reference", "Started",
    "Paid", "Failed", "Timed out", "M-Pesa's time", "To be looked at",
)  # fmt: skip


class Row(NamedTuple):
    """What is read of each payment: names of its columns, and of its times, which PostgreSQL writes."""

    pk: int
    transaction_id: str
    environment: str
    purpose: str
    target_id: int
    payer__name: str
    payer__email: str
    counterparty_name: str | None
    phone_tail: str
    amount_cents: int
    received_cents: int
    refunded_cents: int
    answer: str
    status: str
    receipt: str
    result_code: str
    result_description: str
    merchant__shortcode: str | None
    account_reference: str
    started: str
    paid: str
    failed: str
    timed_out: str
    told: str
    reasons: list[str]


def rows(found: "QuerySet[Payment]") -> "QuerySet[Payment, Any]":
    """Of the admin's list, in its order."""
    times = {
        "started": Stamp("initiated_at"),
        "paid": Stamp("completed_at"),
        "failed": Stamp("failed_at"),
        "timed_out": Stamp("timed_out_at"),
        "told": Stamp("mpesa_transaction_at"),
    }
    return found.annotate(**times).values_list(*Row._fields)


def lines(batch: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[Cell]]:
    payments = [Row._make(values) for values in batch]
    things, taken_back = _things(payments), _taken_back(payments)
    for row in payments:
        yield _line(row, things.get((row.purpose, row.target_id), ""), taken_back.get(row.pk, 0))


def _line(row: Row, thing: str, taken_back: int) -> Sequence[Cell]:
    return (
        row.transaction_id, row.environment, row.purpose, thing, row.payer__name or row.payer__email,
        row.counterparty_name, hidden(row.phone_tail) if row.phone_tail else "", shillings(row.amount_cents),
        shillings(row.received_cents), shillings(row.refunded_cents), shillings(unspent_cents(row, taken_back)), row.status,
        row.receipt, row.result_code, row.result_description, row.merchant__shortcode, row.account_reference,
        row.started, row.paid, row.failed, row.timed_out, row.told,
        " · ".join(sorted({review(key).title for key in row.reasons})),
    )  # fmt: skip


def _things(payments: Iterable[Row]) -> dict[tuple[str, int], str]:
    targets: dict[str, set[int]] = defaultdict(set)
    for row in payments:
        targets[row.purpose].add(row.target_id)
    return {
        (purpose, target): title
        for purpose, wanted in targets.items()
        for target, title in payable(purpose).titles(sorted(wanted)).items()
    }


def _taken_back(payments: Iterable[Row]) -> Mapping[int, int]:
    """Reversals; asked only about payments with money that seems to be owed."""
    odd = [row.pk for row in payments if unspent_cents(row, 0)]
    if not odd:
        return {}
    taken = PaymentFact.objects.filter(payment_id__in=odd, kind=Kind.REVERSED).values("payment_id")
    return {one["payment_id"]: one["cents"] for one in taken.annotate(cents=Sum("amount_cents"))}
