"""The chart of accounts: which account codes exist, what they are, and which keep a balance under lock.

Accounts belong to an environment (sandbox or production) and are made when they are first posted to; a code that
stands in no line of `CHART` is refused, so a typing error never opens an account. *Guarded* accounts must not go
below zero: they store their balance and are locked while they are posted to. All others are busy (every deposit
passes through them), store nothing and are never locked (design.md, section 3).
"""

import functools
import re
from dataclasses import dataclass

from django.db.models import TextChoices


class Kind(TextChoices):
    """What a balance means: assets and expenses grow by debits, liabilities and income by credits."""

    ASSET = "ASSET", "Asset: what we have"
    LIABILITY = "LIABILITY", "Liability: what we owe"
    INCOME = "INCOME", "Income: what we earned"
    EXPENSE = "EXPENSE", "Expense: what it cost us"


GROWS_BY_DEBIT = {Kind.ASSET, Kind.EXPENSE}


class UnknownAccount(ValueError):
    """The code stands in no line of the chart."""


@dataclass(frozen=True)
class Line:
    """One line of the chart. `pattern` matches the whole code."""

    pattern: str
    kind: Kind
    guarded: bool
    meaning: str


_ID = "[A-Za-z0-9_-]{1,40}"
_NAME = "[a-z][a-z_]{0,39}"
CHART = (
    Line("mpesa:[0-9]{5,7}:(utility|working|charges)", Kind.ASSET, False, "Money in an M-Pesa account of a short code"),
    Line("awaited", Kind.ASSET, False, "Success was told, the receipt not seen yet"),
    Line("stripe", Kind.ASSET, False, "Money at Stripe"),
    Line("bank", Kind.ASSET, False, "Money at the bank"),
    Line("receivable", Kind.ASSET, False, "What others owe us"),
    Line(f"wallet:{_ID}", Kind.LIABILITY, True, "A user's wallet"),
    Line(f"in_flight:{_ID}", Kind.LIABILITY, True, "Held for a payout that is on its way"),
    Line(f"owed:{_ID}", Kind.LIABILITY, True, "Received from a payer and not given anything for"),
    Line("suspense", Kind.LIABILITY, False, "Received, and it is not known for what"),
    Line(f"payable:{_ID}", Kind.LIABILITY, False, "What a merchant or organiser is to get"),
    Line(f"revenue:{_NAME}", Kind.INCOME, False, "Earned with one purpose"),
    Line("platform_fees", Kind.INCOME, False, "Our share of what others sell"),
    Line("mpesa_charges", Kind.EXPENSE, False, "Safaricom's charges"),
    Line("stripe_charges", Kind.EXPENSE, False, "Stripe's charges"),
    Line("write_off", Kind.EXPENSE, False, "Given up"),
)
# The same rule for PostgreSQL, where a CHECK holds guardedness and balance together.
GUARDED_CODES = "^(in_flight|owed|wallet):"

OWED = "owed:"  # what the codes of `owed` begin with
AWAITED = "awaited"
STRIPE = "stripe"
BANK = "bank"
RECEIVABLE = "receivable"
SUSPENSE = "suspense"
PLATFORM_FEES = "platform_fees"
MPESA_CHARGES = "mpesa_charges"
STRIPE_CHARGES = "stripe_charges"
WRITE_OFF = "write_off"


@functools.lru_cache(maxsize=65536)
def line_of(code: str) -> Line:
    """The line of the chart that a code belongs to. Raises UnknownAccount."""
    for line in CHART:
        if re.fullmatch(line.pattern, code):
            return line
    raise UnknownAccount(f"no account has the code {code!r}")


def wallet(user_id: int | str) -> str:
    """`wallet:12`: what we owe a user."""
    return _checked(f"wallet:{user_id}")


def in_flight(payout_id: int | str) -> str:
    """`in_flight:7`: what a payout on its way holds."""
    return _checked(f"in_flight:{payout_id}")


def owed(payer_id: int | str) -> str:
    """`owed:12`: what a payer paid and got nothing for."""
    return _checked(f"{OWED}{payer_id}")


def payable(merchant_id: int | str) -> str:
    """`payable:3`: what a merchant or organiser is to get."""
    return _checked(f"payable:{merchant_id}")


def revenue(purpose: str) -> str:
    """`revenue:session`: what one purpose earned."""
    return _checked(f"revenue:{purpose}")


def utility(shortcode: str | int) -> str:
    """`mpesa:174379:utility`: where payers' money arrives."""
    return _checked(f"mpesa:{shortcode}:utility")


def working(shortcode: str | int) -> str:
    """`mpesa:174379:working`: what can be moved to the bank."""
    return _checked(f"mpesa:{shortcode}:working")


def charges(shortcode: str | int) -> str:
    """`mpesa:174379:charges`: what Safaricom takes its charges from."""
    return _checked(f"mpesa:{shortcode}:charges")


def _checked(code: str) -> str:
    line_of(code)
    return code
