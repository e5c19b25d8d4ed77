"""Money is integer cents of Kenyan shillings everywhere; shillings exist only at the borders."""

from decimal import Decimal, InvalidOperation

from lib.errors import Refusal

CURRENCY = "KES"
CENTS = 100


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
    if isinstance(text, bool):
        raise Refusal("invalid_amount", limits, errors={"amount": [limits]})
    cleaned = str(text).upper().replace(CURRENCY, "").replace(",", "").replace(" ", "")
    if not cleaned.isascii() or len(cleaned) > 20:
        raise Refusal("invalid_amount", limits, errors={"amount": [limits]})
    try:
        value = Decimal(cleaned)
    except InvalidOperation:
        raise Refusal("invalid_amount", limits, errors={"amount": [limits]}) from None
    if not value.is_finite() or not minimum <= value <= maximum:
        raise Refusal("invalid_amount", limits, errors={"amount": [limits]})
    if value != value.to_integral_value():
        whole = "Amount must be a whole number of shillings, without cents"
        raise Refusal("invalid_amount", whole, errors={"amount": [whole]})
    return cents(int(value))
