"""Money that is owed to payers: what came and bought nothing, or what it bought was given back.

The books are the truth of it. A payment's reasons are a list of work: they are gone when a person has looked. What is
owed is an account (`owed:<payer>`) that only money empties, so no decision of a person and no sweep takes anybody off
this list. Everything here reads; nothing writes.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BigIntegerField, Case, Count, F, Max, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Cast, Coalesce, Substr

from ledger import books, chart
from ledger.models import Transfer
from payments.models import Owed, Payment

_ID = BigIntegerField()
NAMED = 4  # payments in one line of a list
_OF_PAYMENTS = "PAYMENT"  # the kind of journal that `record` posts


@dataclass(frozen=True, slots=True)
class Total:
    payers: int
    cents: int


@dataclass(frozen=True, slots=True)
class Part:
    """`payment` None: something else than a payment moved it; `subject` says what."""

    cents: int
    at: datetime
    subject: str
    payment: Payment | None


def waiting(*, environment: str) -> "QuerySet[Owed]":
    """Who is owed something now."""
    return Owed.objects.filter(environment=environment, balance_cents__gt=0)


def total(*, environment: str) -> Total:
    found = waiting(environment=environment).aggregate(payers=Count("pk"), cents=Coalesce(Sum("balance_cents"), 0))
    return Total(found["payers"], found["cents"])


def of_payers(payer_ids: Collection[int]) -> Q:
    return Q(code__in=[chart.owed(key) for key in payer_ids])


def in_words(rows: "QuerySet[Owed]") -> "QuerySet[Owed]":
    """Each row with `payer` (an id), `since` (from when on it was never nothing), `latest` (when money last came to it)
    and `payments`, the newest few transaction ids that it comes from."""
    came = Transfer.objects.filter(credit=OuterRef("pk"))
    nothing_left = Transfer.objects.filter(debit=OuterRef(OuterRef("pk")), debit_balance_after=0).order_by("-pk")
    after = Coalesce(Subquery(nothing_left.values("pk")[:1]), Value(0))
    at = "journal__occurred_at"
    return rows.annotate(
        payer=Case(
            When(code__regex=f"^{chart.OWED}[0-9]{{1,18}}$", then=Cast(Substr("code", len(chart.OWED) + 1), _ID)),
        ),
        since=Subquery(came.filter(pk__gt=after).order_by("pk").values(at)[:1]),
        latest=Subquery(came.order_by("-pk").values(at)[:1]),
        payments=ArraySubquery(_subjects()[:NAMED]),
    )


def _subjects() -> Any:
    """Of an outer account: the payments that more was put to it for than taken, newest first."""
    here = Q(credit=OuterRef("pk")) | Q(debit=OuterRef("pk"))
    put = Case(When(credit=OuterRef("pk"), then=F("amount_cents")), default=-F("amount_cents"))
    moved = Transfer.objects.filter(here, journal__kind=_OF_PAYMENTS).values("journal__subject")
    return moved.annotate(net=Sum(put), last=Max("pk")).filter(net__gt=0).order_by("-last").values("journal__subject")


def parts(*, account: Owed) -> list[Part]:
    """What the balance comes from, newest first: with the payments, in two queries. They sum to the balance."""
    rows = list(books.made_of(environment=account.environment, code=account.code))
    named = {row["subject"] for row in rows if row["kind"] == _OF_PAYMENTS}
    payments = {one.transaction_id: one for one in Payment.objects.filter(transaction_id__in=named)}
    return [
        Part(
            cents=row["cents"],
            at=row["at"],
            subject=row["subject"] if row["kind"] == _OF_PAYMENTS else f"{row['kind']} {row['subject']}",
            payment=payments.get(row["subject"]) if row["kind"] == _OF_PAYMENTS else None,
        )
        for row in rows
    ]
