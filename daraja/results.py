"""What a result code means, per API: the same number is a wrong PIN in STK and bad credentials in B2C (daraja.md 4.3).

Each code says how a payment ends, whether that end may still change, and what a worried payer reads: one sentence
that answers "did my money go?", one that says what to do next. A code that nobody knows is unresolved, never failed.
"""

from dataclasses import dataclass, replace
from enum import StrEnum


class ResultKind(StrEnum):
    """How a payment stands after a code. PENDING and UNRESOLVED are no ends: M-Pesa is asked again."""

    SUCCESS = "SUCCESS"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"
    PENDING = "PENDING"
    UNRESOLVED = "UNRESOLVED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`text` is M-Pesa's meaning, for admins; `payer_text` and `next_step` hold no codes.

    `provisional`: an end that a later success may still change, so M-Pesa is asked again. `wait_s`: seconds before a
    new request can pass. `payers_own`: what the payer or their phone did, left out of our failure rates.
    `at_a_price`: the next step where the amount is a price, so that nobody is asked to choose another one.
    """

    code: str
    text: str
    kind: ResultKind
    payer_text: str
    next_step: str
    provisional: bool = False
    wait_s: int | None = None
    payers_own: bool = False
    at_a_price: str = ""


def stk(code: str) -> Result:
    """The meaning of a ResultCode of M-Pesa Express, from a callback or a query."""
    return _STK.get(code) or replace(_UNKNOWN, code=code)


def known_stk_codes() -> list[str]:
    """Every code that has a meaning of its own."""
    return list(_STK)


_AGAIN = "Please try again."
_CONTACT = "Please contact us and we will put it right."
_OURS = "This payment is not possible right now because of a problem on our side; nothing was taken."
_OVERLOADED = "M-Pesa was too busy to take this payment, so nothing was taken."
_NO_PROMPT = "M-Pesa could not put the request on your phone, so nothing was taken."
_CHECK_MESSAGES = "Please check your M-Pesa messages before you pay again; we are asking M-Pesa too."


def _failed(
    code: str, text: str, payer_text: str, next_step: str, *, provisional: bool = False, wait_s: int | None = None
) -> Result:
    return Result(
        code=code,
        text=text,
        kind=ResultKind.FAILED,
        payer_text=payer_text,
        next_step=next_step,
        provisional=provisional,
        wait_s=wait_s,
    )


def _payers(
    code: str, text: str, payer_text: str, next_step: str, *, provisional: bool = False, wait_s: int | None = None
) -> Result:
    """A failure that lies with the payer, their account or their phone; said so that it is nobody's fault."""
    return replace(_failed(code, text, payer_text, next_step, provisional=provisional, wait_s=wait_s), payers_own=True)


def _cancelled(code: str) -> Result:
    return Result(
        code=code,
        text="Request cancelled by user",
        kind=ResultKind.CANCELLED,
        payer_text="The request on your phone was cancelled or closed by itself; nothing was taken.",
        next_step="You can try again.",
        payers_own=True,
    )


def _pending(code: str, text: str) -> Result:
    return Result(
        code=code,
        text=text,
        kind=ResultKind.PENDING,
        payer_text="M-Pesa is still working on this payment.",
        next_step="Please check your phone, and do not pay again before this page tells you how it ended.",
    )


_UNKNOWN = Result(
    code="",
    text="Not a code that is known here",
    kind=ResultKind.UNRESOLVED,
    payer_text="M-Pesa has not told us clearly how this payment ended.",
    next_step=f"{_CHECK_MESSAGES} If money went and this page does not say so, contact us.",
)

_ANOTHER_NUMBER = "pay from another number"
_AT_A_PRICE = {
    "1": f"Please add money to your M-Pesa or {_ANOTHER_NUMBER}, then try again.",
    "2": "Please contact us: this price is too small to be paid by M-Pesa.",
    "3": "Please contact us: this price is too large for one payment by M-Pesa.",
    "4": f"Please {_ANOTHER_NUMBER}, or try again tomorrow.",
    "5": f"Please add money to your M-Pesa or {_ANOTHER_NUMBER}, then try again.",
}
_TABLE = (
    Result(
        code="0",
        text="The service request is processed successfully",
        kind=ResultKind.SUCCESS,
        payer_text="Your payment arrived.",
        next_step="There is nothing more to do.",
    ),
    _payers(
        "1",
        "The balance is insufficient for the transaction",
        "There was not enough money in your M-Pesa, so nothing was taken.",
        "Please add money to your M-Pesa or choose a smaller amount, then try again.",
    ),
    _failed(
        "2",
        "Declined due to limit rule: less than the minimum transaction amount",
        "This amount is below what M-Pesa allows, so nothing was taken.",
        "Please choose a larger amount.",
    ),
    _failed(
        "3",
        "Declined due to limit rule: greater than the maximum transaction amount",
        "This amount is above what M-Pesa allows in one payment, so nothing was taken.",
        "Please choose a smaller amount.",
    ),
    _payers(
        "4",
        "Declined due to limit rule: would exceed daily transfer limit",
        "This payment would pass your M-Pesa limit for today, so nothing was taken.",
        "Please choose a smaller amount, or try again tomorrow.",
    ),
    _payers(
        "5",
        "Declined due to limit rule: would fall below the minimum balance",
        "This payment would leave less in your M-Pesa than it must hold, so nothing was taken.",
        "Please add money to your M-Pesa or choose a smaller amount, then try again.",
    ),
    _failed(
        "6",
        "Unresolved primary party",
        "M-Pesa could not find the account for this payment, so nothing was taken.",
        "Please check that your number is registered for M-Pesa; if it is, contact us.",
    ),
    _failed(
        "8",
        "Declined due to limit rule: would exceed the maximum balance of the receiving account",
        "Our M-Pesa account could not take this amount, so nothing was taken.",
        _CONTACT,
    ),
    _payers(
        "17",
        "Rule limited: same amount from the same customer within 2 minutes",
        "M-Pesa takes the same amount from one phone only once in two minutes, so nothing was taken this time.",
        "Please wait two minutes, then try again.",
        wait_s=120,
    ),
    _failed(
        "26",
        "System busy. The service request is rejected",
        _OVERLOADED,
        "Please try again in a minute.",
        wait_s=60,
    ),
    _payers(
        "1001",
        "Unable to lock subscriber, a transaction is already in process for the current subscriber",
        "Your phone was busy with another M-Pesa request, so nothing was taken.",
        "Please finish or close it, wait a minute, then try again.",
        wait_s=60,
    ),
    _failed(
        "1019",
        "Transaction has expired",
        "The request ran out before it was finished, so nothing was taken.",
        _AGAIN,
    ),
    _failed("1025", "An error occurred while sending a push request", _NO_PROMPT, _AGAIN),
    # One code for several inner errors of M-Pesa: not known to be an end in each of them.
    _failed(
        "9999",
        "Error occurred while sending push request, or internal error",
        "M-Pesa had a problem with this payment, and as far as we know nothing was taken.",
        _CHECK_MESSAGES,
        provisional=True,
    ),
    _cancelled("1031"),
    _cancelled("1032"),
    _failed(
        "1036",
        "SMSC ACK timeout: the prompt was delivered, the handset's answer was lost",
        "M-Pesa did not hear back from your phone, and as far as we know nothing was taken.",
        _CHECK_MESSAGES,
        provisional=True,
    ),
    _payers(
        "1037",
        "DS timeout: user cannot be reached, or did not answer",
        "Your phone could not be reached or the request was not answered; as far as we know nothing was taken.",
        "Please check that your phone is on, has signal and shows no other request, then try again.",
        provisional=True,
    ),
    _failed("1101", "Prompt message too long", _OURS, _CONTACT),
    _failed("1102", "Authorisation message too long", _OURS, _CONTACT),
    _payers(
        "2001",
        "The initiator information is invalid: wrong PIN",
        "The M-Pesa PIN was not the right one, so nothing was taken.",
        "Please try again and enter your PIN with care: M-Pesa locks it after three wrong ones.",
    ),
    _payers(
        "2006",
        "Declined due to account rule: the account is not active",
        "Your M-Pesa account does not allow this payment, so nothing was taken.",
        "Please call Safaricom on 100 or 200, or pay from another number.",
    ),
    _failed("2008", "Authentication failed", "M-Pesa could not confirm this payment, so nothing was taken.", _AGAIN),
    _failed(
        "2026",
        "Channel session expired",
        "The request on your phone closed before it was finished, so nothing was taken.",
        _AGAIN,
    ),
    _failed("2028", "The request is not permitted according to product assignment", _OURS, _CONTACT),
    _pending("4999", "The transaction is still under processing"),
    _payers(
        "8006",
        "The security credential is locked",
        "Your M-Pesa PIN is locked, so nothing was taken.",
        "Please call Safaricom on 100 or 200 to unlock it, then try again.",
    ),
    _failed("SFC_IC0003", "The operator does not exist: till and store number are mixed up", _OURS, _CONTACT),
    _payers(
        "E3008",
        "The user has a bad debt contract",
        "M-Pesa does not allow this payment from your number, so nothing was taken.",
        "Please call Safaricom on 100 or 200, or pay from another number.",
    ),
    # Huawei's gateway (SAG). 0 is no refusal but "waiting for resending"; 4 says nothing about what happened behind it.
    _pending("100000000", "Request was cached, waiting for resending"),
    _failed("100000001", "The system is overloaded", _OVERLOADED, _AGAIN, wait_s=60),
    _failed("100000002", "Throttling error", _OVERLOADED, _AGAIN, wait_s=60),
    _failed("100000003", "Exceeds the limitation of the licence", _OVERLOADED, _AGAIN, wait_s=60),
    _failed(
        "100000004",
        "Internal server error",
        "M-Pesa had a problem with this payment, and as far as we know nothing was taken.",
        _CHECK_MESSAGES,
        provisional=True,
    ),
    _failed("100000005", "Invalid input value", _OURS, _CONTACT),
    _failed("100000006", "The provider's status is abnormal", _OURS, _CONTACT),
    _failed("100000007", "Authentication failed at the gateway", _OURS, _CONTACT),
    _failed("100000008", "The service's status is abnormal", _OVERLOADED, _AGAIN, wait_s=60),
    _failed("100000009", "The API's status is abnormal", _OVERLOADED, _AGAIN, wait_s=60),
    _failed("100000010", "Insufficient permissions", _OURS, _CONTACT),
    _failed("100000011", "Exceeds the limitation of the request rate", _OVERLOADED, _AGAIN, wait_s=60),
)
_STK = {result.code: replace(result, at_a_price=_AT_A_PRICE.get(result.code, "")) for result in _TABLE}
