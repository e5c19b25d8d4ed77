"""What can be paid for: the protocol through which payments reach upwards without naming what is up there.

A room that sells something writes one class of this shape and one line in `config/wiring.py`. All methods are plural
(one query for a batch) and run inside the transaction of the payment: completion, the thing bought and the books are
one commit.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from lib.errors import Refusal
from payments.facts import Given


@dataclass(frozen=True, slots=True)
class Quote:
    """What a thing costs and who is concerned. `amount_cents` None: the payer chooses within the limits (shillings)."""

    target_id: int
    payer_id: int
    environment: str
    description: str
    amount_cents: int | None
    minimum: int = 1
    maximum: int = 250_000
    counterparty_id: int | None = None


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment as a Payable sees it."""

    payment_id: int
    transaction_id: str
    target_id: int
    payer_id: int
    environment: str
    amount_cents: int
    receipt: str = ""


@dataclass(frozen=True, slots=True)
class Description:
    """What is paid for, in words for a page: `given_words` when it was given ("KES 1,000 is in your wallet."),
    `returned_words` when it was given back since ("Your session was cancelled.").

    `url` shows the thing, `pay_url` is the page where it is paid for; that page reads `?again=TXN_…` as "fill in the
    number and the amount of this payment of mine". `has_price`: the payer does not choose the amount.
    `warning`: why a prompt that is on a phone should not be answered any more.
    """

    title: str
    given_words: str
    url: str = ""
    pay_url: str = ""
    returned_words: str = ""
    has_price: bool = False
    warning: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


class Payable(Protocol):
    """`request_field` is the field by which a request names such a thing ("" where the payer's own is meant)."""

    purpose: str
    request_field: str
    transfer_type: str

    def open(self, *, request: Mapping[str, Any], payer_id: int, environment: str) -> int:
        """Make or find the thing, and lock it as `lock` does; its id. Raises Refusal."""
        ...

    def lock(self, target_ids: Sequence[int]) -> None:
        """Lock the things, ordered by id, FOR NO KEY UPDATE."""
        ...

    def quote(self, target_ids: Sequence[int], *, now: datetime) -> dict[int, Quote]:
        """Raises Refusal where a thing cannot be paid for now."""
        ...

    def account(self, payment: Paid) -> str:
        """The ledger account that the money of a given payment belongs to."""
        ...

    def settle(self, payments: Sequence[Paid], *, now: datetime) -> dict[int, Given]:
        """Give each payment's thing, or say why not; by payment id."""
        ...

    def ended(self, payments: Sequence[Paid], *, now: datetime) -> None:
        """Called once when a payment leaves LIVE without money: what was held is free again."""
        ...

    def refunded(self, payments: Sequence[Paid], *, now: datetime) -> None:
        """Called when money of a payment has gone back."""
        ...

    def describe(self, target_ids: Sequence[int]) -> dict[int, Description]:
        """Words for pages."""
        ...

    def titles(self, target_ids: Sequence[int]) -> dict[int, str]:
        """The title of each description alone: for lists, and files of a million lines."""
        ...


@functools.cache
def payable(purpose: str) -> Payable:
    """The Payable of a purpose. Raises Refusal `unknown_purpose`."""
    path = settings.PAYABLES.get(purpose)
    if path is None:
        known = ", ".join(sorted(settings.PAYABLES))
        raise Refusal("unknown_purpose", f"There is nothing called {purpose!r} to pay for. Known: {known}.")
    made: Payable = import_string(path)()
    return made
