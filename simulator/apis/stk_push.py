"""STK push (daraja.md 3): asks a payer for money."""

from typing import Any

from starlette.responses import JSONResponse, Response

from simulator import credentials, fields, pushes, refusals
from simulator.fields import Rule
from simulator.gateway import Api, Call, GatewayError
from simulator.merchants import BUY_GOODS, PAY_BILL
from simulator.numbers import script
from simulator.pushes import Locked, Order, Push
from simulator.switches import Switches

_LOCKED = "Unable to lock subscriber, a transaction is already in process for the current subscriber"
_CALLBACK_FIRST_S = 5.0


async def _handle(call: Call) -> Response:
    number = fields.text((call.body or {}).get("PhoneNumber"))
    fault = script(number, assigned=call.world.faults).fault
    if fault.refusal in ("spike", "html") and refusals.due_for_number(call.world, number):
        return refusals.response(fault.refusal, call.world)
    token = call.authenticate()
    if fault.refusal == "token" and call.world.refused_tokens.setdefault(number, token) == token:
        raise call.bad_token()  # until another token comes
    push = pushes.accept(call.world, _order(call))
    if push.script.fault.before_the_answer:
        await call.world.courier.settled(checkout_request_id=push.checkout_request_id, within_s=_CALLBACK_FIRST_S)
    return refusals.Severed() if push.script.fault.answer_lost else _accepted(push)


def _accepted(push: Push) -> Response:
    return JSONResponse(
        {
            "MerchantRequestID": push.merchant_request_id,
            "CheckoutRequestID": push.checkout_request_id,
            "ResponseCode": "0",
            "ResponseDescription": "Success. Request accepted for processing",
            "CustomerMessage": "Success. Request accepted for processing",
        }
    )


def _order(call: Call) -> Order:
    """Raises GatewayError where a field, the merchant, the password or the subscriber's lock says no."""
    fields.check(call.fields, _rules(call.world.switches))
    merchant = credentials.merchant_of(call)
    order = Order(
        merchant=merchant,
        transaction_type=call.fields["TransactionType"],
        amount=fields.amount(call.fields["Amount"]) or 0,
        party_b=fields.text(call.fields["PartyB"]),
        phone=fields.text(call.fields["PhoneNumber"]),
        callback_url=fields.text(call.fields["CallBackURL"]),
        reference=fields.text(call.fields["AccountReference"]),
        description=fields.text(call.fields.get("TransactionDesc")),
    )
    try:
        pushes.check_lock(call.world, order)
    except Locked:
        raise GatewayError(500, "500.001.1001", _LOCKED) from None
    return order


def _rules(switches: Switches) -> tuple[Rule, ...]:
    def reference(value: Any) -> bool:
        return fields.is_filled(value) and (switches.long_reference or len(fields.text(value)) <= 12)

    return (
        ("BusinessShortCode", "BusinessShortCode", fields.is_shortcode),
        ("Password", "Password", fields.is_filled),
        ("Timestamp", "Timestamp", fields.is_timestamp),
        ("TransactionType", "TransactionType", lambda value: value in (PAY_BILL, BUY_GOODS)),
        ("Amount", "Amount", lambda value: fields.amount(value) is not None),
        ("PartyA", "PartyA", fields.is_msisdn),
        ("PartyB", "PartyB", fields.is_shortcode),
        ("PhoneNumber", "PhoneNumber", fields.is_msisdn),
        ("CallBackURL", "CallBackURL", lambda value: fields.is_callback_url(value, switches)),
        ("AccountReference", "AccountReference", reference),
        ("TransactionDesc", "Remarks", lambda value: fields.is_filled(value) or not switches.description_required),
    )


API = Api("stk_push", "POST", "/mpesa/stkpush/v1/processrequest", _handle)
