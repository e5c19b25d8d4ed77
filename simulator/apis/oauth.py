"""OAuth (daraja.md 2): any consumer key and secret get a token."""

import base64
import binascii

from starlette.responses import JSONResponse, Response

from simulator.gateway import Api, Call, GatewayError


async def _handle(call: Call) -> Response:
    if not _is_basic(call.request.headers.get("authorization", "")):
        raise GatewayError(400, "400.008.01", "Invalid Authentication passed")
    if call.request.query_params.get("grant_type") != "client_credentials":
        raise GatewayError(400, "400.008.02", "Invalid grant type passed")
    switches = call.world.switches
    token = call.world.tokens.issue(
        now=call.world.agenda.now(), life_s=switches.token_life_s, alone=switches.new_token_ends_old
    )
    life = str(switches.token_life_s) if switches.expires_in_type == "string" else switches.token_life_s
    return JSONResponse({"access_token": token, "expires_in": life})


def _is_basic(header: str) -> bool:
    """Basic base64(key:secret), both not empty."""
    scheme, _, encoded = header.partition(" ")
    try:
        key, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return False
    return scheme.lower() == "basic" and bool(key and secret)


API = Api("oauth", "GET", "/oauth/v1/generate", _handle)
