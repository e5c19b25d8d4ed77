"""STK query (daraja.md 5): what became of a push. Never a receipt, an amount or a phone."""

from starlette.responses import JSONResponse, Response

from simulator import credentials, fields, results
from simulator.fields import Rule
from simulator.gateway import Api, Call, GatewayError, invalid
from simulator.pushes import Push

_RULES: tuple[Rule, ...] = (
    ("BusinessShortCode", "BusinessShortCode", fields.is_shortcode),
    ("Password", "Password", fields.is_filled),
    ("Timestamp", "Timestamp", fields.is_timestamp),
    ("CheckoutRequestID", "CheckoutRequestID", fields.is_filled),
)


async def _handle(call: Call) -> Response:
    call.authenticate()
    fields.check(call.fields, _RULES)
    merchant = credentials.merchant_of(call)
    push = call.world.pushes.get(fields.text(call.fields["CheckoutRequestID"]))
    if push is None or push.order.merchant.shortcode != merchant.shortcode or _too_new(call, push):
        if call.world.switches.unknown_form == "400":
            raise invalid("CheckoutRequestID")
        raise GatewayError(500, "500.001.1001", "The transaction does not Exist")
    return _known(call, push)


def _too_new(call: Call, push: Push) -> bool:
    world = call.world
    return world.agenda.now() - push.accepted_at < world.agenda.scaled(world.switches.unknown_for_s)


def _known(call: Call, push: Push) -> Response:
    code = push.query_says
    if code == results.PENDING and call.world.switches.pending_form == "500":
        raise GatewayError(500, "500.001.1001", "The transaction is being processed")
    return JSONResponse(
        {
            "ResponseCode": "0",
            "ResponseDescription": "The service request has been accepted successsfully",  # M-Pesa's spelling
            "MerchantRequestID": push.merchant_request_id,
            "CheckoutRequestID": push.checkout_request_id,
            "ResultCode": code,
            "ResultDesc": results.text(code),
        }
    )


API = Api("stk_query", "POST", "/mpesa/stkpushquery/v1/query", _handle)
