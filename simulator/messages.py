"""The words M-Pesa sends: callback bodies, the prompt on the handset, the SMS that follows."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lib.clock import EAT, mpesa_stamp
from simulator import results

if TYPE_CHECKING:
    from simulator.books import Transaction
    from simulator.faults import Ending
    from simulator.merchants import Merchant
    from simulator.pushes import Push
    from simulator.switches import Switches

_AMOUNT = "<amount>"


def stk_callback(push: Push, ending: Ending, switches: Switches) -> bytes:
    """The body of an STK callback (daraja.md 4): a failure has no CallbackMetadata."""
    prefix = "" if ending.code == results.SUCCESS else switches.result_desc_prefix
    callback: dict[str, Any] = {
        "MerchantRequestID": push.merchant_request_id,
        "CheckoutRequestID": push.checkout_request_id,
        "ResultCode": result_code(ending.code, switches),
        "ResultDesc": prefix + results.text(ending.code),
    }
    if ending.transaction is None:
        return json.dumps({"Body": {"stkCallback": callback}}).encode()
    callback["CallbackMetadata"] = {"Item": _items(ending.transaction, switches)}
    text = json.dumps({"Body": {"stkCallback": callback}})
    # M-Pesa writes 1.00; a float would be written 1.0.
    return text.replace(f'"{_AMOUNT}"', f"{ending.transaction.amount}.00").encode()


def result_code(code: str, switches: Switches) -> int | str:
    """A number where it can be one, except by switch."""
    return int(code) if code.isdigit() and switches.result_code_type == "number" else code


def _items(transaction: Transaction, switches: Switches) -> list[dict[str, object]]:
    phone = transaction.phone
    items: list[dict[str, object]] = [
        {"Name": "Amount", "Value": _AMOUNT},
        {"Name": "MpesaReceiptNumber", "Value": transaction.receipt},
        {"Name": "Balance"},
        {"Name": "TransactionDate", "Value": int(mpesa_stamp(transaction.at))},
        {"Name": "PhoneNumber", "Value": f"{phone[:4]}****{phone[-3:]}" if switches.masked_phone else int(phone)},
    ]
    return [item for item in items if item["Name"] != "Balance" or switches.balance_item == "valueless"]


def ksh(shillings: int) -> str:
    return f"Ksh{shillings:,}.00"


def prompt(*, merchant: Merchant, amount: int, reference: str) -> str:
    """What the handset asks. Over 182 characters M-Pesa cannot send it (code 1025)."""
    account = "" if merchant.till else f" account {reference}"
    return f"Do you want to pay {ksh(amount)} to {merchant.name}{account}? Enter M-PESA PIN"


def paid_sms(transaction: Transaction, merchant: Merchant, *, balance: int) -> str:
    account = "" if merchant.till else f" for account {transaction.account_reference}"
    return (
        f"{transaction.receipt} Confirmed. {ksh(transaction.amount)} paid to {merchant.name}{account} "
        f"on {_when(transaction.at)}. New M-PESA balance is {ksh(balance)}. Transaction cost, {ksh(0)}."
    )


def failed_sms(code: str, *, amount: int, merchant: Merchant, balance: int) -> str:
    """Empty where M-Pesa sends none."""
    return {
        results.INSUFFICIENT: f"Failed. You do not have enough money in your M-PESA account to pay {ksh(amount)} "
        f"to {merchant.name}. Your M-PESA balance is {ksh(balance)}.",
        results.WRONG_PIN: f"Failed. You entered a wrong PIN. {ksh(amount)} was not paid to {merchant.name}.",
        results.SAME_AMOUNT: f"Failed. A similar transaction of {ksh(amount)} to {merchant.name} "
        "was made a short while ago. Try again after 2 minutes.",
    }.get(code, "")


def _when(at: datetime) -> str:
    local = at.astimezone(EAT)
    return f"{local.day}/{local.month}/{local:%y} at {local.hour % 12 or 12}:{local:%M %p}"
