"""The tests' door, `/_sim/`: tap on phones, choose faults, move the clock, read the books. JSON in, JSON out."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lib.errors import Refusal
from lib.phone import normalise
from simulator import disturbances, pushes
from simulator.merchants import Merchant
from simulator.pushes import Push
from simulator.switches import WrongSwitch, described
from simulator.world import World

_LONGEST_WAIT_S = 30.0
_SETTLE_S = 10.0
Handler = Callable[[World, Request], Awaitable[object]]


class Wrong(Exception):
    """A request that cannot be done; `status` 400, 404 or 409."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message, self.status = message, status


def routes(world: World) -> list[Route]:
    def route(path: str, method: str, handler: Handler) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                return JSONResponse(await handler(world, request))
            except Wrong as error:
                return JSONResponse({"error": error.message}, status_code=error.status)
            except (Refusal, WrongSwitch) as error:
                return JSONResponse({"error": str(error)}, status_code=400)

        return Route(f"/_sim/{path}", endpoint, methods=[method])

    return [route(path, method, handler) for path, method, handler in _TABLE]


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError):
        raise Wrong("the body must be JSON") from None
    if not isinstance(body, dict):
        raise Wrong("the body must be a JSON object")
    return body


def _number(body: dict[str, Any], name: str) -> float:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 10**9:
        raise Wrong(f"{name} must be a number, not negative")
    return value


# --- Prompts and phones ----------------------------------------------------------------------------------------------


def prompt_json(world: World, push: Push) -> dict[str, object]:
    order = push.order
    return {
        "checkout_request_id": push.checkout_request_id,
        "merchant_request_id": push.merchant_request_id,
        "phone": order.phone,
        "amount": order.amount,
        "shortcode": order.merchant.shortcode,
        "party_b": order.party_b,
        "merchant": order.merchant.name,
        "account_reference": order.reference,
        "description": order.description,
        "at": push.at.isoformat(),
        "text": push.text,
        "ignored": push.ignored,
        "expires_in_s": round(max(0.0, push.expires_at - world.agenda.now()), 3),
    }


async def _prompts(world: World, request: Request) -> object:
    """`?phone=` of one phone; `?wait_s=` waits until there is one that can be tapped."""
    asked = request.query_params.get("phone")
    number = normalise(asked) if asked else ""
    wait_s = _seconds(request.query_params.get("wait_s", "0"))
    end = world.agenda.now() + wait_s
    async with contextlib.aclosing(world.hub.changes(every_s=0.5)) as changes:
        async for _ in changes:
            found = [push for push in _open(world) if number in ("", push.order.phone)]
            if any(not push.ignored for push in found) or world.agenda.now() >= end:
                break
    return [prompt_json(world, push) for push in found]


def _seconds(text: str) -> float:
    try:
        return min(max(float(text), 0.0), _LONGEST_WAIT_S)
    except ValueError:
        raise Wrong("wait_s must be a number") from None


def _open(world: World) -> list[Push]:
    return [world.pushes[phone.open_prompt] for phone in world.phones.values() if phone.open_prompt]


async def _tap(world: World, request: Request) -> object:
    """`{"action": "approve"|"cancel"|"ignore", "pin": "1234"}`; without a PIN the right one is typed."""
    body = await _body(request)
    push = world.pushes.get(request.path_params["id"])
    if push is None:
        raise Wrong("there is no prompt with this CheckoutRequestID", 404)
    action = body.get("action")
    if action not in ("approve", "cancel", "ignore"):
        raise Wrong('action must be "approve", "cancel" or "ignore"')
    try:
        code = pushes.answer(world, push, action=action, pin=str(body.get("pin", "1234")))
    except pushes.Closed:
        raise Wrong("this prompt is closed", 409) from None
    return {"checkout_request_id": push.checkout_request_id, "result_code": code or None}


async def _phone(world: World, request: Request) -> object:
    """Reads a phone; `{"balance": shillings}` sets its money."""
    phone = world.phone(normalise(request.path_params["number"]))
    if request.method == "POST":
        phone.balance = int(_number(await _body(request), "balance"))
        world.changed(phone)
    return {
        "phone": phone.number,
        "balance": phone.balance,
        "open_prompt": phone.open_prompt or None,
        "sms": [{"text": sms.text, "at": sms.at.isoformat(), "sender": sms.sender} for sms in phone.sms],
    }


async def _sms(world: World, request: Request) -> object:
    """`{"phone": …, "text": …, "sender": …}`: an SMS of somebody else's, shown on the handset."""
    body = await _body(request)
    text, sender = body.get("text"), body.get("sender", "SMS")
    if not isinstance(text, str) or not text.strip() or not isinstance(sender, str):
        raise Wrong("text must be a string, not empty")
    phone = world.phone(normalise(body.get("phone")))
    phone.shown = True
    world.send_sms(phone, text[:1000], sender=sender[:20])
    return {"phone": phone.number}


# --- Disturbances and the clock --------------------------------------------------------------------------------------


async def _faults(world: World, request: Request) -> object:
    if request.method == "POST":
        try:
            disturbances.change(world, await _body(request))
        except disturbances.Unknown as error:
            raise Wrong(str(error)) from None
    return {
        "phones": world.faults,
        "outages": {api: dataclasses.asdict(outage) for api, outage in world.outages.items()},
        "switches": described(world.switches),
    }


async def _clock(world: World, request: Request) -> object:
    """`{"advance_s": n}` does what falls due in between and answers when its callbacks are delivered;
    `{"time_scale": x}` scales waiting times that begin from now on."""
    body = await _body(request) if request.method == "POST" else {}
    if "time_scale" in body:
        scale = _number(body, "time_scale")
        if not scale:
            raise Wrong("time_scale must be more than 0")
        world.agenda.time_scale = scale
    if "advance_s" in body:
        world.agenda.advance(_number(body, "advance_s"))
        await world.courier.settled(within_s=_SETTLE_S)
    return {"time_scale": world.agenda.time_scale, "now_s": world.agenda.now()}


async def _reset(world: World, request: Request) -> object:
    """As at the start; `{"tokens": true}` forgets the access tokens too."""
    world.reset(tokens=bool((await _body(request)).get("tokens")))
    return {"reset": True}


async def _add_merchant(world: World, request: Request) -> object:
    """`{"shortcode": …, "name": …, "till": …, "passkey": …}`; without a passkey any is right."""
    body = await _body(request)
    given = {name: str(body.get(name, "")).strip() for name in ("shortcode", "name", "till", "passkey")}
    if not given["shortcode"].isdigit() or not given["name"]:
        raise Wrong("shortcode (digits) and name are required")
    world.merchants[given["shortcode"]] = Merchant(**given)
    return {"shortcode": given["shortcode"]}


# --- What happened ---------------------------------------------------------------------------------------------------


async def _transactions(world: World, request: Request) -> object:
    return [transaction.as_json() for transaction in world.books.all()]


async def _callbacks(world: World, request: Request) -> object:
    return [dataclasses.asdict(delivery) | {"at": delivery.at.isoformat()} for delivery in world.courier.log]


async def _pushes(world: World, request: Request) -> object:
    return [
        prompt_json(world, push) | {"prompting": push.prompting, "ended": push.ended, "query_says": push.query_says}
        for push in world.pushes.values()
    ]


_TABLE: tuple[tuple[str, str, Handler], ...] = (
    ("prompts", "GET", _prompts),
    ("prompts/{id}", "POST", _tap),
    ("phones/{number}", "GET", _phone),
    ("phones/{number}", "POST", _phone),
    ("sms", "POST", _sms),
    ("faults", "GET", _faults),
    ("faults", "POST", _faults),
    ("clock", "GET", _clock),
    ("clock", "POST", _clock),
    ("reset", "POST", _reset),
    ("merchants", "POST", _add_merchant),
    ("transactions", "GET", _transactions),
    ("callbacks", "GET", _callbacks),
    ("pushes", "GET", _pushes),
)
