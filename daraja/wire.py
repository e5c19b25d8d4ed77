"""The shapes of M-Pesa Express on the wire (daraja.md 3 to 5): what is sent, what is answered. Nothing here sends.

Amounts are cents on our side and whole shillings on M-Pesa's. Texts are reduced to letters, digits, blank, `_` and
`-`: other characters are reported to make a prompt vanish silently (daraja.md 3.1).
"""

import base64
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from daraja import results
from daraja.callbacks import StkCallback, is_receipt, parse_stk_callback
from daraja.reading import Malformed, clean, load_object, result_code
from lib import clock, money

__all__ = [
    "Malformed", "QueryAnswer", "QueryKind", "StkAccepted", "StkCallback", "StkPush", "StkQuery", "account_reference",
    "description", "is_receipt", "parse_stk_callback", "password", "read_accepted", "read_result",
]  # fmt: skip

PAY_BILL, BUY_GOODS = "CustomerPayBillOnline", "CustomerBuyGoodsOnline"
REFERENCE_LENGTH, DESCRIPTION_LENGTH = 12, 13
_FALLBACK = "Payment"
_PHONE = re.compile(r"254[17][0-9]{8}", re.ASCII)
_DIGITS = re.compile(r"[0-9]{4,10}", re.ASCII)
_REFUSED_CHARACTERS = re.compile(r"[^A-Za-z0-9 _-]+")
_CHECKOUT_ID = re.compile(r"[\x21-\x7e]{1,128}")


def password(shortcode: str, passkey: str, at: datetime) -> str:
    """base64(shortcode + passkey + timestamp), the timestamp in East Africa Time (STK-5)."""
    return base64.b64encode(f"{shortcode}{passkey}{clock.mpesa_stamp(at)}".encode()).decode()


def account_reference(text: str) -> str:
    """At most 12 characters; never empty."""
    return _sanitised(text, REFERENCE_LENGTH)


def description(text: str) -> str:
    """At most 13 characters; never empty, because M-Pesa refuses a push without one ("Invalid Remarks")."""
    return _sanitised(text, DESCRIPTION_LENGTH)


def _sanitised(text: str, limit: int) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    plain = _REFUSED_CHARACTERS.sub("", re.sub(r"\s+", " ", plain))
    return re.sub(r" +", " ", plain).strip()[:limit].rstrip() or _FALLBACK


def _signed(shortcode: str, passkey: str, at: datetime) -> dict[str, Any]:
    """The fields that must agree with each other; the stamp is made once from one `at`."""
    if at.tzinfo is None:
        raise ValueError("a push needs an aware time")
    stamp = clock.mpesa_stamp(at)
    return {"BusinessShortCode": shortcode, "Password": password(shortcode, passkey, at), "Timestamp": stamp}


@dataclass(frozen=True, slots=True, kw_only=True)
class StkPush:
    """Ask `phone` (2547XXXXXXXX) for `amount_cents`. With a `till` it is buy goods and `shortcode` is the store number.

    Raises ValueError where a value can not be said to M-Pesa.
    """

    shortcode: str
    passkey: str = field(repr=False)
    phone: str = field(repr=False)
    amount_cents: int
    reference: str
    description: str
    callback_url: str = field(repr=False)
    till: str = ""

    def __post_init__(self) -> None:
        if not _DIGITS.fullmatch(self.shortcode) or (self.till and not _DIGITS.fullmatch(self.till)):
            raise ValueError("short code and till are digits")
        if not _PHONE.fullmatch(self.phone):
            raise ValueError("the phone is not in the form 2547XXXXXXXX or 2541XXXXXXXX")
        if money.whole_shillings(self.amount_cents) < 1:
            raise ValueError("the least amount is one shilling")

    def payload(self, at: datetime) -> dict[str, Any]:
        """The JSON body; `at` is the moment of sending (aware)."""
        return _signed(self.shortcode, self.passkey, at) | {
            "TransactionType": BUY_GOODS if self.till else PAY_BILL,
            "Amount": money.whole_shillings(self.amount_cents),
            "PartyA": self.phone,
            "PartyB": self.till or self.shortcode,
            "PhoneNumber": self.phone,
            "CallBackURL": self.callback_url,
            "AccountReference": account_reference(self.reference),
            "TransactionDesc": description(self.description),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StkQuery:
    """Ask what became of one push. `shortcode` and `passkey` are those it was sent with."""

    shortcode: str
    passkey: str = field(repr=False)
    checkout_request_id: str = field(repr=False)

    def payload(self, at: datetime) -> dict[str, Any]:
        """The JSON body; `at` is the moment of sending (aware)."""
        return _signed(self.shortcode, self.passkey, at) | {"CheckoutRequestID": self.checkout_request_id}


@dataclass(frozen=True, slots=True)
class StkAccepted:
    """M-Pesa took the push. That is no prompt on a phone yet, and no money (daraja.md 3.2)."""

    merchant_request_id: str
    checkout_request_id: str
    customer_message: str


class QueryKind(StrEnum):
    """What a query told: nothing yet, a result, or that M-Pesa does not know the id (perhaps not yet)."""

    PENDING = "PENDING"
    RESULT = "RESULT"
    UNKNOWN_ID = "UNKNOWN_ID"


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """`code` and `text` are M-Pesa's; `daraja.results.stk(code)` says what the code means. Never a receipt or amount."""

    kind: QueryKind
    code: str
    text: str
    http_status: int


def read_accepted(body: bytes) -> StkAccepted | None:
    """The answer to a push; None for anything but a clear acceptance."""
    try:
        answer = load_object(body)
    except Malformed:
        return None
    checkout_id = clean(answer.get("CheckoutRequestID"))
    if clean(answer.get("ResponseCode")) != "0" or not _CHECKOUT_ID.fullmatch(checkout_id):
        return None
    return StkAccepted(
        clean(answer.get("MerchantRequestID"), limit=128), checkout_id, clean(answer.get("CustomerMessage"))
    )


def read_result(body: bytes, *, checkout_request_id: str, http_status: int) -> QueryAnswer | None:
    """The answer to a query; None where it holds no result, or one for another push."""
    try:
        answer = load_object(body)
        if clean(answer.get("CheckoutRequestID")) not in ("", checkout_request_id) or "ResultCode" not in answer:
            return None
        code = result_code(answer["ResultCode"])
    except Malformed:
        return None
    kind = QueryKind.PENDING if results.stk(code).kind is results.ResultKind.PENDING else QueryKind.RESULT
    return QueryAnswer(kind, code, clean(answer.get("ResultDesc")), http_status)
