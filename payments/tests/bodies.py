"""Callback bodies in M-Pesa's own words (daraja.md 4)."""

import json
from datetime import datetime
from typing import Any

from lib import clock


def success(
    checkout_id: str,
    *,
    receipt: str,
    shillings: object = 1000,
    phone: str | None = None,
    at: datetime | None = None,
) -> bytes:
    items: list[dict[str, Any]] = [
        {"Name": "Amount", "Value": shillings},
        {"Name": "MpesaReceiptNumber", "Value": receipt},
        {"Name": "Balance"},
    ]
    if at:
        items.append({"Name": "TransactionDate", "Value": int(clock.mpesa_stamp(at))})
    if phone:
        items.append({"Name": "PhoneNumber", "Value": int(phone)})
    return _body(checkout_id, 0, "The service request is processed successfully.", CallbackMetadata={"Item": items})


def failure(checkout_id: str, code: object = 1032, text: str = "Request cancelled by user") -> bytes:
    return _body(checkout_id, code, text)


def _body(checkout_id: str, code: object, text: str, **more: object) -> bytes:
    callback = {
        "MerchantRequestID": "29115-34620561-1",
        "CheckoutRequestID": checkout_id,
        "ResultCode": code,
        "ResultDesc": text,
        **more,
    }
    return json.dumps({"Body": {"stkCallback": callback}}).encode()
