"""What pages show of payments: read without locks, with a number of queries that does not depend on their number."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from payments import story
from payments.facts import Known
from payments.holding import read_fact, read_lot
from payments.models import LotRow, Payment, PaymentFact
from payments.payable import Description, payable
from payments.states import LIVE
from payments.words import Brief, PayerWords, brief, payer_words, told_by_provider


@dataclass(frozen=True, slots=True)
class Line:
    """A payment in a list."""

    row: Payment
    thing: Description
    brief: Brief


class Shown:
    """One payment with its facts, put into words as of `now`."""

    def __init__(self, *, row: Payment, now: datetime) -> None:
        self.row = row
        self._facts = list(PaymentFact.objects.filter(payment=row).order_by("id"))
        self._lots = list(LotRow.objects.filter(payment=row).order_by("id"))
        self.thing = things([row])[row.pk]
        self.words = self._words(now)
        self.brief = brief(row)

    def _words(self, now: datetime) -> PayerWords:
        known = Known(
            self.row.amount_cents,
            frozenset(read_fact(fact) for fact in self._facts),
            frozenset(read_lot(lot) for lot in self._lots),
        )
        told = told_by_provider(row=self.row, known=known)
        return payer_words(row=self.row, known=known, told=told, thing=self.thing, now=now)

    @cached_property
    def events(self) -> tuple[story.Event, ...]:
        return story.story(row=self.row, facts=self._facts, lots=self._lots, thing=self.thing)


def lines(rows: Iterable[Payment]) -> list[Line]:
    """For a list; one question per purpose."""
    rows = list(rows)
    described = things(rows)
    return [Line(row, described[row.pk], brief(row)) for row in rows]


def things(rows: Iterable[Payment]) -> dict[int, Description]:
    """What each payment is for, by payment id."""
    rows = list(rows)
    targets: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        targets[row.purpose].add(row.target_id)
    described = {purpose: payable(purpose).describe(sorted(ids)) for purpose, ids in targets.items()}
    return {row.pk: described[row.purpose][row.target_id] for row in rows}


def live_of(*, payer_id: int, environment: str) -> list[Payment]:
    """A payer's payments that are on their way, newest first."""
    rows = Payment.objects.filter(payer_id=payer_id, environment=environment, status__in=LIVE)
    return list(rows.order_by("-initiated_at"))
