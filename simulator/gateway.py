"""The front of every API, as Safaricom's gateway: methods, content type, tokens, and its way of saying no.

One API is one file in `apis/` that ends in an `Api`; `mounted` makes a route of it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator import ids, refusals
from simulator.world import World

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


class GatewayError(Exception):
    """An error envelope: HTTP status, errorCode and errorMessage (daraja.md 3.3)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def response(self) -> Response:
        body = {"requestId": ids.request_id(), "errorCode": self.code, "errorMessage": self.message}
        return JSONResponse(body, status_code=self.status)


def invalid(name: str) -> GatewayError:
    return GatewayError(400, "400.002.02", f"Bad Request - Invalid {name}")


@dataclasses.dataclass(frozen=True)
class Call:
    """`body` is the JSON object, None where it is malformed."""

    world: World
    request: Request
    body: dict[str, Any] | None

    @property
    def fields(self) -> dict[str, Any]:
        """Raises GatewayError where the body is malformed."""
        if self.body is None:
            raise GatewayError(400, "400.002.05", "Invalid Request Payload")
        return self.body

    def authenticate(self) -> str:
        """The bearer token. Raises GatewayError where it is missing, unknown or too old."""
        scheme, _, token = self.request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise GatewayError(404, "404.001.04", "Invalid Authentication Header")
        if not self.world.tokens.valid(token.strip(), now=self.world.agenda.now()):
            raise self.bad_token()
        return token.strip()

    def bad_token(self) -> GatewayError:
        return GatewayError(self.world.switches.token_error_status, "404.001.03", "Invalid Access Token")


@dataclasses.dataclass(frozen=True)
class Api:
    """`name` is what `POST /_sim/faults` calls it."""

    name: str
    method: str
    path: str
    handle: Callable[[Call], Awaitable[Response]]


def mounted(api: Api, world: World) -> Route:
    async def endpoint(request: Request) -> Response:
        if request.method != api.method:
            return GatewayError(405, "405.001", "Method Not Allowed").response()
        if world.switches.latency_s:
            await asyncio.sleep(world.switches.latency_s)
        outage = refusals.due(world, api.name)
        if outage:
            return refusals.response(outage, world)
        try:
            return await api.handle(Call(world, request, await _body(request)))
        except GatewayError as error:
            return error.response()

    return Route(api.path, endpoint, methods=METHODS, name=api.name)


async def _body(request: Request) -> dict[str, Any] | None:
    """Nothing where it is not sent as JSON, so that the first field is what is wrong; None where it is malformed."""
    if request.method == "GET" or "json" not in request.headers.get("content-type", ""):
        return {}
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


async def not_found(request: Request, error: Exception) -> Response:
    return GatewayError(404, "404.001.01", "Resource not found").response()
