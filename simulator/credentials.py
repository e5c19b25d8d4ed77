"""Whose short code and password came with a call."""

from simulator import fields
from simulator.gateway import Call, GatewayError
from simulator.merchants import Merchant


def merchant_of(call: Call) -> Merchant:
    """Raises GatewayError."""
    merchant = call.world.merchants.get(fields.text(call.fields["BusinessShortCode"]))
    if merchant is None:
        raise GatewayError(500, "500.001.1001", "Merchant does not exist")
    if not merchant.accepts(fields.text(call.fields["Password"]), fields.text(call.fields["Timestamp"])):
        raise GatewayError(500, "500.001.1001", "[MerchantValidate] - Wrong credentials")
    return merchant
