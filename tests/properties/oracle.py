"""What must be true of payments, folded from the raw news alone: none of it asks the code under test.

The fold knows shillings and words, no facts: which receipts came, whether it was said that the money went, what was
denied, closed and taken back. From these it says status, books, flags and what was given, in sentences of its own.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

ORDER = ["SENDING", "PROMPTED", "EXPIRED", "FAILED", "CANCELLED", "COMPLETED"]


@dataclass(frozen=True)
class Said:
    """One piece of news about a payment.

    `what`: receipt, paid, failed, unsure (a failure that may change), cancelled, riddle (an unknown code), back.
    """

    what: str
    receipt: str = ""
    cents: int = 0
    checkout: str = ""


@dataclass
class Story:
    """One payment."""

    pk: int
    transaction_id: str
    payer: int
    purpose: str
    thing: int
    phone: str
    cents: int
    begun: datetime
    pushes: dict[int, str] = field(default_factory=dict)
    last_push: datetime | None = None
    checkout: str = ""
    receipts: dict[str, int] = field(default_factory=dict)
    checkouts: set[str] = field(default_factory=set)
    clashes: set[str] = field(default_factory=set)
    said: set[str] = field(default_factory=set)
    back: set[tuple[str, int]] = field(default_factory=set)
    given: int | None = None
    returned: bool = False
    timed_out: datetime | None = None
    still_processing: datetime | None = None

    @property
    def paid(self) -> bool:
        return bool(self.receipts) or "paid" in self.said

    @property
    def status(self) -> str:
        if self.paid:
            return "COMPLETED"
        if "cancelled" in self.said:
            return "CANCELLED"
        if self.said & {"failed", "unsure"}:
            return "FAILED"
        if "closed" in self.said:
            return "EXPIRED"
        return "PROMPTED" if self.checkout else "SENDING"

    @property
    def live(self) -> bool:
        return self.status in ("SENDING", "PROMPTED")

    @property
    def pushable(self) -> bool:
        return self.status == "SENDING" and all(end == "refused" for end in self.pushes.values())

    @property
    def replaceable(self) -> bool:
        if self.timed_out is None:
            return False
        return self.still_processing is None or self.still_processing < self.timed_out

    def books(self, shortcode: str) -> dict[str, int]:
        """What stands in each account because of this payment, debit positive."""
        at_mpesa = sum(self.receipts.values()) - sum(cents for _, cents in self.back)
        promised = self.cents if "paid" in self.said and not self.receipts else 0
        given = 0 if self.returned else self.given or 0
        over = at_mpesa + promised - given
        where = f"wallet:{self.payer}" if self.purpose == "deposit" else f"revenue:{self.purpose}"
        held = {
            f"mpesa:{shortcode}:utility": at_mpesa,
            "awaited": promised,
            where: -given,
            f"owed:{self.payer}": -over if over > 0 else 0,
            "receivable": -over if over < 0 else 0,
        }
        return {code: cents for code, cents in held.items() if cents}

    def flags(self) -> set[str]:
        """Why a person should look."""
        odd_checkout = self.checkout and self.checkouts - {self.checkout}
        found = {
            "ODD_AMOUNT": any(cents != self.cents for cents in self.receipts.values()),
            "SEVERAL_LOTS": len(self.receipts) > 1,
            "CONTRADICTION": self.paid and bool(self.said & {"failed", "cancelled"}),
            "UNKNOWN_RESULT": "riddle" in self.said and self.status == "EXPIRED",
            "UNHEARD_OF": self.status == "EXPIRED"
            and not self.checkout
            and bool({"unknown", "lost"} & {*self.pushes.values()}),
            "NOT_GIVEN": self.given == 0,
            "REVERSED": bool(self.back),
            "RETURNED": self.returned,
            "FOREIGN_CHECKOUT": bool(odd_checkout),
            "RECEIPT_CLASH": bool(self.clashes),
        }
        return {flag for flag, holds in found.items() if holds}


class World:
    """All payments, money that belongs to none, and who was told that a payment ended."""

    def __init__(self) -> None:
        self.stories: dict[int, Story] = {}
        self.suspense: dict[str, tuple[int, str]] = {}  # cents and CheckoutRequestID by receipt
        self.ended: Counter[int] = Counter()

    def owner(self, receipt: str) -> Story | None:
        return next((story for story in self.stories.values() if receipt in story.receipts), None)

    def hear(self, news: Iterable[tuple[int, Said]]) -> None:
        """One batch, that is one transaction: payments in the order of their ids, then things are given."""
        by_payment: defaultdict[int, list[Said]] = defaultdict(list)
        for pk, said in news:
            by_payment[pk].append(said)
        were_live = {pk: self.stories[pk].live for pk in by_payment}
        for pk in sorted(by_payment):
            for said in by_payment[pk]:
                self._hear(self.stories[pk], said)
        for pk in sorted(by_payment):
            self._give(self.stories[pk])
            self._end(self.stories[pk], were_live[pk])

    def _hear(self, story: Story, said: Said) -> None:
        if said.what == "back":
            story.back.add((said.receipt, said.cents))
        elif said.what == "receipt":
            self._take(story, said)
        else:
            story.said.add(said.what)

    def _take(self, story: Story, said: Said) -> None:
        if said.receipt in self.suspense:
            cents, checkout = self.suspense.pop(said.receipt)
            story.receipts[said.receipt] = cents
            story.checkouts |= {checkout} - {""}
            return
        owner = self.owner(said.receipt)
        if owner is None:
            story.receipts[said.receipt] = said.cents
            story.checkouts |= {said.checkout} - {""}
        elif owner is not story:
            story.clashes.add(said.receipt)

    def _give(self, story: Story) -> None:
        exact = story.cents in story.receipts.values() if story.receipts else story.paid
        if story.given is None and exact:
            sold = story.purpose == "item" and any(
                other.given and not other.returned and other.thing == story.thing and other.purpose == "item"
                for other in self.stories.values()
            )
            story.given = 0 if sold else story.cents

    def _end(self, story: Story, was_live: bool) -> None:
        if was_live and not story.live and not story.paid:
            self.ended[story.pk] += 1

    # What is no news: pushes and the clock

    def pushed(self, pk: int, submission: int, now: datetime) -> None:
        story = self.stories[pk]
        story.pushes[submission] = "unknown"
        story.last_push = now

    def push_ended(self, pk: int, submission: int, end: str, *, final: bool, checkout: str = "") -> None:
        story = self.stories[pk]
        story.pushes[submission] = end
        if end == "accepted":
            story.checkout = checkout
            waiting = [receipt for receipt, (_, of) in self.suspense.items() if of == checkout]
            self.hear([(pk, Said("receipt", receipt)) for receipt in waiting])
        if end == "refused" and (final or submission > 6):
            self.hear([(pk, Said("failed"))])

    def close(self, pk: int) -> bool:
        story = self.stories[pk]
        if not story.live:
            return False
        self.hear([(pk, Said("closed"))])
        return True

    def pass_time(self, now: datetime) -> None:
        for story in self.stories.values():
            if story.live and (left := self._silent_until(story)) is not None and left <= now:
                self.close(story.pk)
            elif story.status == "PROMPTED" and story.last_push and not story.timed_out:
                story.timed_out = now if story.last_push + timedelta(seconds=120) <= now else None

    def _silent_until(self, story: Story) -> datetime | None:
        if story.pushable:
            return story.begun + timedelta(seconds=120)
        if story.last_push is None:
            return None
        return story.last_push + timedelta(seconds=300 if story.checkout else 120)
