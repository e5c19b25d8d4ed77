"""Ways M-Pesa says no, or nothing, before it looks at a request; by name.

`POST /_sim/faults {"api": "stk_push", "refuse": "maintenance", "times": 3}` makes an API answer so; faults 08 to 10
use three of them for single numbers.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from simulator import ids

if TYPE_CHECKING:
    from simulator.world import World

_INCAPSULA = (
    '<html style="height:100%"><head><META NAME="ROBOTS" CONTENT="NOINDEX, NOFOLLOW"></head><body>'
    "Request unsuccessful. Incapsula incident ID: 1234000560078900123-456789012345678901</body></html>"
)


@dataclasses.dataclass
class Outage:
    """The next `times` requests to an API are refused by `name`; 0 = until a reset."""

    name: str
    times: int
    left: int


class Severed(Response):
    """No answer at all: the connection is closed under the client."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["transport"].abort()
        await _left(receive)


async def _left(receive: Receive) -> None:
    """Until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


class Silence(Response):
    """The connection stays open and nothing comes, until the client gives up."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(_left(receive))
        closing = asyncio.ensure_future(self._world.hub.closed.wait())
        await asyncio.wait({gone, closing}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        closing.cancel()
        await Severed()(scope, receive, send)


def _envelope(status: int, code: str, message: str) -> Callable[[World], Response]:
    def made(world: World) -> Response:
        body = {"requestId": ids.request_id(), "errorCode": code, "errorMessage": message}
        return JSONResponse(body, status_code=status)

    return made


def _spike(world: World) -> Response:
    switches = world.switches
    if switches.spike_envelope == "gateway":
        text = "Error Occurred: Spike Arrest Violation"
        return _envelope(switches.spike_status, "500.003.02", text)(world)
    detail = {"errorcode": "policies.ratelimit.SpikeArrestViolation"}
    fault = {"faultstring": "Spike arrest violation. Allowed rate : 5ps", "detail": detail}
    return JSONResponse({"fault": fault}, status_code=switches.spike_status)


REFUSALS: dict[str, Callable[[World], Response]] = {
    "spike": _spike,
    "busy": _envelope(500, "500.003.02", "System is busy. Please try again in few minutes."),
    "quota": _envelope(500, "500.003.03", "Quota Violation"),
    "maintenance": _envelope(500, "500.002.1001", "Service is currently under maintenance. Please try again later"),
    "internal": _envelope(500, "500.001.1001", "Internal Server Error"),
    "product": _envelope(
        401,
        "401.003.01",
        "Error Occurred - Invalid Access Token - Invalid API call as no apiproduct match found",
    ),
    "token": lambda world: _envelope(world.switches.token_error_status, "404.001.03", "Invalid Access Token")(world),
    "html": lambda world: HTMLResponse(_INCAPSULA, status_code=403),
    "empty": lambda world: Response(status_code=500),
    "bad_gateway": lambda world: HTMLResponse("<html><body><h1>502 Bad Gateway</h1></body></html>", status_code=502),
    "closed": lambda world: Severed(),
    "silent": Silence,
}


def response(name: str, world: World) -> Response:
    return REFUSALS[name](world)


def due(world: World, api: str) -> str:
    """The refusal that this request to an API must get, or ""."""
    outage = world.outages.get(api)
    if outage is None:
        return ""
    if outage.times:
        outage.left -= 1
        if outage.left == 0:
            del world.outages[api]
    return outage.name


def due_for_number(world: World, number: str) -> bool:
    """Faults 08 and 10: the first `refusals` pushes to a number."""
    so_far = world.refused.get(number, 0)
    if so_far >= world.switches.refusals:
        return False
    world.refused[number] = so_far + 1
    return True
