"""Providers turn their own words into facts: the protocol, and the way to one by its name.

A provider does network calls and parsing only; it never touches a row of a payment. Its methods are called outside
of every transaction.
"""

import functools
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from payments.facts import Fact, Lot
from payments.models import Merchant


@dataclass(frozen=True, slots=True)
class Order:
    """A push to be made; `phone` is 2547XXXXXXXX and never logged."""

    payment_id: int
    transaction_id: str
    environment: str
    purpose: str
    target_id: int
    merchant: Merchant
    amount_cents: int
    phone: str
    account_reference: str
    description: str
    submission: int


@dataclass(frozen=True, slots=True)
class Question:
    """A payment to be asked about."""

    payment_id: int
    merchant: Merchant
    checkout_id: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """What came of a push; `passing`: it was certainly not sent, for a reason that passes."""

    facts: tuple[Fact, ...]
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question; `reached` False: M-Pesa did not answer, which says nothing."""

    facts: tuple[Fact, ...] = ()
    still_processing: bool = False
    reached: bool = True


@dataclass(frozen=True, slots=True)
class Told:
    """A callback, read. `phone_hash` is empty where M-Pesa masked the number."""

    checkout_id: str
    merchant_request_id: str
    facts: tuple[Fact, ...]
    lots: tuple[Lot, ...]
    phone_hash: str = ""
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """For the payer: what happened, what to do next (where the amount is a price: `at_a_price`), how long to wait."""

    happened: str
    next_step: str
    wait_s: int | None = None
    at_a_price: str = ""


class Unparsable(Exception):
    """A callback body that is not one."""


class Provider(Protocol):
    def push(self, order: Order, *, now: datetime) -> Pushed: ...

    def ask(self, question: Question, *, now: datetime) -> Answer: ...

    def read_callback(self, body: bytes) -> Told:
        """Raises Unparsable."""
        ...

    def explain(self, code: str) -> Words:
        """The words for a result code."""
        ...

    def explain_refusal(self, code: str) -> Words:
        """The words for a push that was not sent, or whose answer was lost; `code` as the fact has it."""
        ...

    def meaning(self, code: str) -> str:
        """The provider's own meaning of a result code, for staff."""
        ...

    def check(self, merchant: Merchant) -> None:
        """Verify the credentials by a call. Raises Refusal with the reason."""
        ...


@functools.cache
def provider(name: str) -> Provider:
    made: Provider = import_string(settings.PROVIDERS[name])()
    return made
