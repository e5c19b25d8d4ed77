"""A payment is a function of the facts known about it.

News only add facts, in any order and any number of times; nothing is skipped because something weightier is known.
Three pure functions follow from them: `status`, `reasons` (why a person should look) and `position` (what every
ledger account should hold for this payment). A late success, a duplicate, a callback before the push's own answer or
a second receipt are therefore no special cases: each is one more fact, and the books move by the difference of two
positions.

Money that M-Pesa moved is a `Lot`: one receipt, one amount, on whatever channel it was told. Everything else is a
`Fact`. Times and texts are told with a fact but are not part of what it is: the same news twice is the same fact.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from payments.states import LIVE, Status, highest


class Kind(StrEnum):
    """What a fact says; `submission` numbers the pushes of one payment from 1."""

    SENT = "SENT"  # we are about to call M-Pesa with submission n: from here on it is perhaps sent
    REFUSED = "REFUSED"  # submission n certainly did not reach a phone
    LOST = "LOST"  # the answer to submission n was lost: perhaps sent, never sent again
    ACCEPTED = "ACCEPTED"  # M-Pesa took submission n, with a CheckoutRequestID
    SUCCEEDED = "SUCCEEDED"  # told that it was paid, without a receipt (by query or a person)
    FAILED = "FAILED"  # told that it was not paid; `provisional` by the nature of the code
    CANCELLED = "CANCELLED"  # told that the payer cancelled
    UNRESOLVED = "UNRESOLVED"  # told a code that nobody knows
    REVERSED = "REVERSED"  # M-Pesa took money of this payment back, outside of our own payouts
    RETURNED = "RETURNED"  # the thing that was given for it was given back: its worth is owed to the payer
    CLOSED = "CLOSED"  # no longer waited for: by the clock, the payer or a person
    DOUBTED = "DOUBTED"  # something about the news is odd; `code` names it
    ANSWERED = "ANSWERED"  # a person looked at a reason; `code` is the reason's key


class Source(StrEnum):
    """Who told it."""

    PUSH = "PUSH"
    CALLBACK = "CALLBACK"
    QUERY = "QUERY"
    STATEMENT = "STATEMENT"
    C2B = "C2B"
    CLOCK = "CLOCK"
    PAYER = "PAYER"
    PERSON = "PERSON"


class Why(StrEnum):
    """Why a person should look at a payment."""

    ODD_AMOUNT = "ODD_AMOUNT"
    SEVERAL_LOTS = "SEVERAL_LOTS"
    CONTRADICTION = "CONTRADICTION"
    UNKNOWN_RESULT = "UNKNOWN_RESULT"
    UNHEARD_OF = "UNHEARD_OF"
    NOT_GIVEN = "NOT_GIVEN"
    REVERSED = "REVERSED"
    RETURNED = "RETURNED"
    FOREIGN_CHECKOUT = "FOREIGN_CHECKOUT"
    ODD_DATE = "ODD_DATE"
    RECEIPT_CLASH = "RECEIPT_CLASH"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing told about a payment. `amount_cents` and `receipt` only where the kind has them (REVERSED)."""

    kind: Kind
    source: Source
    submission: int = 0
    code: str = ""
    provisional: bool = False
    receipt: str = ""
    amount_cents: int = 0
    checkout_hash: str = ""
    text: str = field(default="", compare=False)
    at: datetime | None = field(default=None, compare=False)
    checkout_id: str = field(default="", compare=False)
    merchant_request_id: str = field(default="", compare=False)
    actor: str = field(default="system", compare=False)

    @property
    def place(self) -> tuple[object, ...]:
        """Facts that are not the same have different places: their order never depends on how they came."""
        what = (self.submission, self.kind, self.provisional, self.source)
        return (*what, self.code, self.receipt, self.amount_cents, self.checkout_hash)


@dataclass(frozen=True, slots=True)
class Lot:
    """Money that M-Pesa moved: one receipt is one lot, on all channels (so equality is the receipt alone)."""

    receipt: str
    amount_cents: int = field(compare=False)
    source: Source = field(compare=False)
    checkout_hash: str = field(default="", compare=False)
    phone_hash: str = field(default="", compare=False)
    occurred_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Given:
    """The recorded answer of the thing paid for: `amount_cents` given, or nothing, with the reason why not."""

    amount_cents: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Accounts:
    """The ledger accounts that a payment's money may stand in."""

    collected: str
    awaited: str
    thing: str
    owed: str
    receivable: str


@dataclass(frozen=True, slots=True)
class Reason:
    """`evidence` makes an answer specific: what was answered for two lots is asked again for three."""

    why: Why
    evidence: str = ""

    @property
    def key(self) -> str:
        return f"{self.why}:{self.evidence}" if self.evidence else str(self.why)


@dataclass(frozen=True, slots=True)
class Known:
    """Everything known about one payment of `amount_cents`."""

    amount_cents: int
    facts: frozenset[Fact] = frozenset()
    lots: frozenset[Lot] = frozenset()

    def having(self, *, facts: Iterable[Fact] = (), lots: Iterable[Lot] = ()) -> "Known":
        """The same with more. What is known already stays as it was told first."""
        return replace(self, facts=self.facts | frozenset(facts), lots=self.lots | frozenset(lots))

    def of(self, *kinds: Kind) -> list[Fact]:
        """The facts of these kinds, in an order that does not depend on how they came."""
        found = (fact for fact in self.facts if fact.kind in kinds)
        return sorted(found, key=lambda fact: fact.place)

    @property
    def paid(self) -> bool:
        return bool(self.lots) or any(fact.kind is Kind.SUCCEEDED for fact in self.facts)


# --- Function one ----------------------------------------------------------------------------------------------------

_SUPPORTS = {
    Kind.ACCEPTED: Status.PROMPTED,
    Kind.CLOSED: Status.EXPIRED,
    Kind.FAILED: Status.FAILED,
    Kind.CANCELLED: Status.CANCELLED,
    Kind.SUCCEEDED: Status.COMPLETED,
}


def status(known: Known) -> Status:
    """The highest status that any fact supports."""
    supported = [_SUPPORTS[fact.kind] for fact in known.facts if fact.kind in _SUPPORTS]
    if known.lots:
        supported.append(Status.COMPLETED)
    return highest([Status.SENDING, *supported])


# --- Function two ----------------------------------------------------------------------------------------------------

_NAMED = 5  # receipts in one reason, whose key has 200 characters


def reasons(known: Known, given: Given | None) -> frozenset[Reason]:
    """Why a person should look, less what a person already answered."""
    answered = {fact.code for fact in known.of(Kind.ANSWERED)}
    found = {*_odd_money(known), *_odd_news(known)}
    if given is not None and not given.amount_cents:
        found.add(Reason(Why.NOT_GIVEN))
    elif known.of(Kind.RETURNED):
        found.add(Reason(Why.RETURNED))
    return frozenset(reason for reason in found if reason.key not in answered)


def _odd_money(known: Known) -> Iterable[Reason]:
    odd = sorted(lot.receipt for lot in known.lots if lot.amount_cents != known.amount_cents)
    if odd:
        more = [f"+{len(odd) - _NAMED}"] if len(odd) > _NAMED else []  # lots only grow: the number tells the sets apart
        yield Reason(Why.ODD_AMOUNT, ",".join([*odd[:_NAMED], *more]))
    if len(known.lots) > 1:
        yield Reason(Why.SEVERAL_LOTS, str(len(known.lots)))
    for fact in known.of(Kind.REVERSED):
        yield Reason(Why.REVERSED, fact.receipt)


def _odd_news(known: Known) -> Iterable[Reason]:
    denials = [fact for fact in known.of(Kind.FAILED, Kind.CANCELLED) if not fact.provisional]
    if known.paid and denials:
        yield Reason(Why.CONTRADICTION)
    if known.of(Kind.UNRESOLVED) and status(known) is Status.EXPIRED:
        yield Reason(Why.UNKNOWN_RESULT)
    if _perhaps_sent(known) and not known.of(Kind.ACCEPTED) and status(known) is Status.EXPIRED:
        yield Reason(Why.UNHEARD_OF)
    accepted = {fact.checkout_hash for fact in known.of(Kind.ACCEPTED)}
    if accepted and any(lot.checkout_hash and lot.checkout_hash not in accepted for lot in known.lots):
        yield Reason(Why.FOREIGN_CHECKOUT)
    for fact in known.of(Kind.DOUBTED):
        yield Reason(Why(fact.code), fact.receipt)


# --- Function three --------------------------------------------------------------------------------------------------


def to_be_given(known: Known) -> bool:
    """Whether the thing paid for should be asked to give: exact money is there, or its success was told.

    An odd amount buys nothing by itself; it is owed to the payer and a person looks.
    """
    if known.lots:
        return any(lot.amount_cents == known.amount_cents for lot in known.lots)
    return known.paid


def received_cents(known: Known) -> int:
    """What M-Pesa moved to us, as far as told; a success without a receipt counts as what was asked."""
    if known.lots:
        return sum(lot.amount_cents for lot in known.lots)
    return known.amount_cents if known.paid else 0


def handed_cents(known: Known, given: Given | None) -> int:
    """What the payer has for their money: what the thing gave, unless it was given back since."""
    return given.amount_cents if given and not known.of(Kind.RETURNED) else 0


def position(known: Known, given: Given | None, accounts: Accounts) -> dict[str, int]:
    """What every account should hold for this payment: code -> signed cents, debit positive; it sums to zero.

    Debit side: lots stand in `collected`, a success without a receipt in `awaited`. Credit side: what the thing gave
    its worth for, the rest is owed to the payer; more given than received is ours to collect (`receivable`).
    """
    taken_back = sum(fact.amount_cents for fact in known.of(Kind.REVERSED))
    received = received_cents(known)
    handed = handed_cents(known, given)
    rest = received - taken_back - handed
    held = {
        accounts.collected: (received if known.lots else 0) - taken_back,
        accounts.awaited: 0 if known.lots else received,
        accounts.thing: -handed,
        accounts.owed: -max(rest, 0),
        accounts.receivable: max(-rest, 0),
    }
    return {code: amount for code, amount in held.items() if amount}


def difference(new: dict[str, int], old: dict[str, int]) -> dict[str, int]:
    """What one journal must post to lead from the old position to the new one."""
    moves = {code: new.get(code, 0) - old.get(code, 0) for code in sorted({*new, *old})}
    return {code: cents for code, cents in moves.items() if cents}


# --- What the chase asks ---------------------------------------------------------------------------------------------


def may_be_sent(known: Known) -> bool:
    """Every submission so far was certainly not sent, and nothing ended the payment: a push cannot double one."""
    return status(known) is Status.SENDING and not _perhaps_sent(known)


def _perhaps_sent(known: Known) -> bool:
    """A submission is not known to have been refused: it may be on a phone."""
    refused = {fact.submission for fact in known.of(Kind.REFUSED)}
    return any(fact.submission not in refused for fact in known.of(Kind.SENT))


def may_be_asked(known: Known) -> bool:
    """M-Pesa knows it by a CheckoutRequestID, and neither success nor a final failure is known first-hand.

    What a query told is asked about again even where its code is final: queries have been wrong (daraja.md 5).
    """
    final = [f for f in known.of(Kind.FAILED, Kind.CANCELLED) if not f.provisional and f.source is not Source.QUERY]
    return bool(known.of(Kind.ACCEPTED)) and not known.paid and not final


def is_live(known: Known) -> bool:
    return status(known) in LIVE
