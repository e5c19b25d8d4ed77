"""What words about a payment are made of, and what they are made from."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _

from lib import money
from payments import situation, timing
from payments.facts import Known
from payments.models import Payment
from payments.payable import Description
from payments.providers import Words
from payments.situation import Situation

Said = dict[str, Any]  # fields of PayerWords


class Action(StrEnum):
    """What a payer may do next; a page knows the address of each."""

    DONE = "DONE"  # go to what was bought
    AGAIN = "AGAIN"  # pay again with the same number and amount
    CHANGE = "CHANGE"  # pay again, with another number or amount
    MORE = "MORE"  # pay once more, after one that went well
    RETRY = "RETRY"  # have this same payment sent again
    REPLACE = "REPLACE"  # close this one and start a new one in one step
    HISTORY = "HISTORY"


@dataclass(frozen=True, slots=True)
class PayerWords:
    """`actions`: the first is the one to take. `owed`: kept for them.

    `seconds_left` counts towards `seconds_label`, and is a part of `seconds_whole` where that is known.
    """

    situation: Situation
    state: str
    tone: str
    icon: str
    headline: str
    happened: str
    next_step: str
    actions: tuple[Action, ...] = ()
    steps: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    seconds_left: int | None = None
    seconds_whole: int | None = None
    seconds_label: str = ""
    note: str = ""
    owed: str = ""
    receipt: str = ""
    live: bool = False
    support: bool = False

    @property
    def version(self) -> str:
        """Changes whenever an open page should be written anew; the seconds tick by themselves."""
        return "|".join(
            (self.situation, self.happened, self.next_step, self.receipt, self.note, self.owed, *self.actions)
        )


@dataclass(frozen=True, slots=True)
class Case:
    """One payment to be put into words. `told` are the provider's own words for what decides."""

    row: Payment
    known: Known
    told: Words | None
    thing: Description
    now: datetime

    @property
    def amount(self) -> str:
        return money.words(self.row.amount_cents)

    @property
    def received(self) -> str:
        return money.words(self.row.received_cents)

    @property
    def phone(self) -> str:
        return f"•••• {self.row.phone_tail}"

    @property
    def owed(self) -> str:
        cents = situation.owed_cents(row=self.row, known=self.known)
        kept = _("%(money)s is kept for you. Nothing is lost: we are looking into it and will contact you.")
        return kept % {"money": money.words(cents)} if cents else ""

    def until(self, moment: datetime | None) -> int | None:
        """Whole seconds; None where it is over."""
        return timing.seconds_until(moment, self.now) if moment and moment > self.now else None
