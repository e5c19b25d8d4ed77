"""Handsets: their money, their SMS, the one prompt they can show, and M-Pesa's patience with them."""

import collections
import dataclasses
import itertools
from datetime import datetime

START_BALANCE = 100_000
RIGHT_PINS = frozenset({"0000", "1234"})  # nothing stores what was typed
_SMS_KEPT = 30
_versions = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Sms:
    text: str
    at: datetime
    sender: str = "MPESA"


@dataclasses.dataclass
class Phone:
    """`balance` in shillings. `open_prompt` is the CheckoutRequestID that waits for a tap, `notice` the last short
    message on the screen."""

    number: str
    balance: int = START_BALANCE
    open_prompt: str = ""
    notice: str = ""
    shown: bool = False
    last_push_at: float | None = None
    last_amounts: dict[int, float] = dataclasses.field(default_factory=dict)
    sms: collections.deque[Sms] = dataclasses.field(default_factory=lambda: collections.deque(maxlen=_SMS_KEPT))
    version: int = dataclasses.field(default_factory=lambda: next(_versions))

    def touch(self) -> None:
        """A page that shows an older version must read it again."""
        self.version = next(_versions)

    def within(self, moment: float | None, *, now: float, seconds: float) -> bool:
        return moment is not None and now - moment < seconds
