"""Money is integer cents of Kenyan shillings everywhere; shillings exist only at the borders."""

import re
from decimal import Decimal

from lib.errors import Refusal

CURRENCY = "KES"
CENTS = 100
# Thousands only in groups of three: "1,50" is somebody's one shilling fifty, not 150.
_FORM = re.compile(
    r"(?:KES|KSH\.?)? *((?:[0-9]{1,3}(?:[, ][0-9]{3})+|[0-9]{1,15})(?:\.[0-9]{1,15})?)(?:/[-=])?",
    re.ASCII | re.IGNORECASE,
)
# What comes along when an amount is copied: marks that are not seen, and spaces that do not break (as in "KES 1,000" of
# a bank's page). static/js/spellings.js reads amounts by the same rules.
_MARKS = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_SPACES = re.compile("[\u00a0\u2007\u2009\u202f]")


def cents(shillings: int) -> int:
    """1000 shillings -> 100000 cents."""
    return shillings * CENTS


def whole_shillings(amount_cents: int) -> int:
    """100000 cents -> 1000 shillings. Raises ValueError where cents would be lost."""
    shillings, rest = divmod(amount_cents, CENTS)
    if rest:
        raise ValueError(f"{amount_cents} cents are not whole shillings")
    return shillings


def words(amount_cents: int) -> str:
    """100000 -> "KES 1,000"; 100050 -> "KES 1,000.50"; negative amounts keep their sign before the number."""
    sign = "-" if amount_cents < 0 else ""
    shillings, rest = divmod(abs(amount_cents), CENTS)
    fraction = f".{rest:02d}" if rest else ""
    return f"{CURRENCY} {sign}{shillings:,}{fraction}"


def parse(text: object, *, minimum: int, maximum: int) -> int:
    """Read a whole number of shillings (1000, "1,000", "KES 1 000") as cents, within the limits (shillings).

    Raises Refusal `invalid_amount` with the limits in its sentence (STK-2).
    """
    limits = f"Amount must be between {CURRENCY} {minimum:,} and {CURRENCY} {maximum:,}"
    form = _FORM.fullmatch(_SPACES.sub(" ", _MARKS.sub("", str(text))).strip()) if not isinstance(text, bool) else None
    if form is None:
        raise _refused(limits)
    value = Decimal(re.sub("[, ]", "", form[1]))
    if not minimum <= value <= maximum:
        raise _refused(limits)
    if value != value.to_integral_value():
        raise _refused("Amount must be a whole number of shillings, without cents")
    return cents(int(value))


def _refused(message: str) -> Refusal:
    return Refusal("invalid_amount", message, errors={"amount": [message]})
