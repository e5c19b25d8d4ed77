"""Reading an STK callback (daraja.md 4): tolerant where M-Pesa is known to vary, strict about everything else.

Items are found by name, because `Balance` comes without a value and the order changes. What can be read is told even
where something beside it can not: the rest stands in `problems`, in words for an admin. Amounts are exact to the cent.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar

from daraja.reading import Malformed, clean, load_object, result_code
from lib import clock, phone
from lib.errors import Refusal

SUCCESS = "0"
_IDENTIFIER = re.compile(r"[\x21-\x7e]{1,128}")
_RECEIPT = re.compile(r"[A-Z][A-Z0-9]{7,15}", re.ASCII)
_NO_RECEIPT = re.compile(r"[A-Z0-9]{3}0{7,}", re.ASCII)
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,12})?", re.ASCII)
_LARGEST = 10**12  # shillings; far above M-Pesa's limits, far below a bigint of cents
T = TypeVar("T", int, str, datetime)


@dataclass(frozen=True, slots=True)
class StkCallback:
    """`result_code` "0" is success. `phone` is 2547XXXXXXXX where M-Pesa told a whole number, else as it came (masked)."""

    merchant_request_id: str
    checkout_request_id: str
    result_code: str
    result_desc: str
    amount_cents: int | None
    receipt: str | None
    transaction_at: datetime | None
    phone: str | None
    problems: tuple[str, ...]


def is_receipt(text: str) -> bool:
    """True for NLJ7RT61SV; False for OAK0000000, which M-Pesa writes where no transaction was made (daraja.md 1.1)."""
    return bool(_RECEIPT.fullmatch(text)) and not _NO_RECEIPT.fullmatch(text)


def parse_stk_callback(body: bytes) -> StkCallback:
    """Raises Malformed where there is no CheckoutRequestID or ResultCode to act on, and nothing else."""
    callback = _envelope(body)
    notes: list[str] = []
    items = _items(callback.get("CallbackMetadata"), notes)
    code = result_code(callback.get("ResultCode"))
    paid = code == SUCCESS
    return StkCallback(
        merchant_request_id=clean(callback.get("MerchantRequestID"), limit=128),
        checkout_request_id=_checkout_id(callback),
        result_code=code,
        result_desc=clean(callback.get("ResultDesc")),
        amount_cents=_one("Amount", _cents, items, notes, needed=paid),
        receipt=_one("MpesaReceiptNumber", _receipt, items, notes, needed=paid),
        transaction_at=_one("TransactionDate", _time, items, notes),
        phone=_one("PhoneNumber", _phone, items, notes),
        problems=tuple(notes),
    )


def _envelope(body: bytes) -> dict[str, object]:
    outer = load_object(body).get("Body")
    callback = outer.get("stkCallback") if isinstance(outer, dict) else None
    if not isinstance(callback, dict):
        raise Malformed("no Body.stkCallback")
    return callback


def _checkout_id(callback: dict[str, object]) -> str:
    text = clean(callback.get("CheckoutRequestID"))
    if not _IDENTIFIER.fullmatch(text):
        raise Malformed("no readable CheckoutRequestID")
    return text


def _items(metadata: object, notes: list[str]) -> dict[str, list[object]]:
    """Values by name; an item without a value is no value. One item may stand where a list should (daraja.md 7)."""
    listed = metadata.get("Item") if isinstance(metadata, dict) else metadata
    found: dict[str, list[object]] = {}
    for item in listed if isinstance(listed, list) else [] if listed is None else [listed]:
        if not isinstance(item, dict) or not isinstance(item.get("Name"), str):
            notes.append("CallbackMetadata holds something that is no item")
        elif item.get("Value") is not None:
            found.setdefault(item["Name"].strip(), []).append(item["Value"])
    return found


def _one(
    name: str,
    read: Callable[[object], T | None],
    items: dict[str, list[object]],
    notes: list[str],
    needed: bool = False,
) -> T | None:
    """The one reading that all values of this name agree on."""
    readings = {read(value) for value in items.get(name, [])}
    if len(readings) == 1 and None not in readings:
        return readings.pop()
    if readings:
        notes.append(f"{name} is unreadable" if len(readings) == 1 else f"{name} is told twice, differently")
    elif needed:
        notes.append(f"{name} is missing")
    return None


def _cents(value: object) -> int | None:
    text = format(value, "f") if isinstance(value, Decimal) else clean(value, limit=60)
    if not _AMOUNT.fullmatch(text):
        return None
    cents = Fraction(text) * 100  # exact, where Decimal's context would round
    return int(cents) if cents.denominator == 1 and 0 < cents <= _LARGEST * 100 else None


def _receipt(value: object) -> str | None:
    text = clean(value).upper() if isinstance(value, str) else ""
    return text if is_receipt(text) else None


def _time(value: object) -> datetime | None:
    return clock.from_mpesa_stamp(_digits(value))


def _phone(value: object) -> str | None:
    text = _digits(value)
    try:
        return phone.normalise(text)
    except Refusal:
        return text if 0 < len(text) <= 64 else None


def _digits(value: object) -> str:
    """254708374149, 254708374149.0 and "254708374149" alike; masked and hashed numbers as they came."""
    text = clean(value, limit=65)
    return text.removesuffix(".0") if isinstance(value, Decimal) else text
