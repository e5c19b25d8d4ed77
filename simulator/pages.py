"""The handsets in a browser: prompts appear live, are answered with a PIN, and the SMS follow.

The page works as plain forms; with JavaScript `/events` says which number changed and the page fetches that handset
again. A PIN travels in the body of one POST and is kept nowhere.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from lib.clock import EAT
from lib.errors import Refusal
from lib.phone import normalise, spaced
from simulator import numbers, pushes
from simulator.faults import FAULTS
from simulator.phones import Phone
from simulator.world import World

_MOST_SHOWN = 12
_HEARTBEAT_S = 15.0
_RICHEST = 1_000_000
_templates = Jinja2Templates(Path(__file__).parent / "templates")
_templates.env.filters["spaced"] = spaced
_templates.env.filters["time"] = lambda at: f"{at.astimezone(EAT):%H:%M}"
_templates.env.filters["date"] = lambda at: f"{at.astimezone(EAT):%A, %-d %B}"
Page = Callable[[World, Request], Awaitable[Response]]


def routes(world: World) -> list[Route]:
    def route(path: str, method: str, page: Page) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                return await page(world, request)
            except Refusal as refusal:
                return _page(world, request, _shown(world), wrong=str(refusal), status=400)

        return Route(path, endpoint, methods=[method])

    return [
        route("/", "GET", _all),
        route("/phone/{number}", "GET", _one),
        route("/phones", "POST", _add),
        route("/handset/{number}", "GET", _handset),
        route("/handset/{number}/answer", "POST", _answer),
        route("/handset/{number}/balance", "POST", _balance),
        route("/events", "GET", _events),
        route("/shown", "GET", _numbers),
    ]


def _shown(world: World) -> list[Phone]:
    """Those that ask for a PIN first, then the newest."""
    phones = [phone for phone in reversed(world.phones.values()) if phone.shown]
    return sorted(phones, key=lambda phone: not phone.open_prompt)[:_MOST_SHOWN]


async def _all(world: World, request: Request) -> Response:
    """`?phone=` (repeatable) shows only these."""
    asked = [normalise(text) for text in request.query_params.getlist("phone") if text.strip()]
    if not asked:
        return _page(world, request, _shown(world))
    return _page(world, request, [_open(world, number) for number in asked[:_MOST_SHOWN]], only=asked)


async def _one(world: World, request: Request) -> Response:
    phone = _open(world, request.path_params["number"])
    return _page(world, request, [phone], only=[phone.number])


async def _add(world: World, request: Request) -> Response:
    async with request.form() as form:
        phone = _open(world, str(form.get("phone", "")))
    return RedirectResponse(f"/#p{phone.number}", status_code=303)


def _open(world: World, text: str) -> Phone:
    """Raises Refusal where it is no Kenyan number."""
    phone = world.phone(normalise(text))
    phone.shown = True
    return phone


def _page(
    world: World,
    request: Request,
    phones: list[Phone],
    *,
    only: list[str] | None = None,
    wrong: str = "",
    status: int = 200,
) -> Response:
    context = {
        "handsets": [_context(world, phone) for phone in phones],
        "only": only or [],
        "wrong": wrong,
        "typed": request.query_params.get("phone", "") if wrong else "",
        "fixed": numbers.FIXED,
        "faults": FAULTS,
        "any_prompt": any(phone.open_prompt for phone in phones),
    }
    return _templates.TemplateResponse(request, "simulator/phones.html", context, status_code=status)


# --- One handset -----------------------------------------------------------------------------------------------------


def _context(world: World, phone: Phone) -> dict[str, object]:
    push = world.pushes.get(phone.open_prompt)
    push = None if push is None or push.ignored else push
    left = max(0.0, push.expires_at - world.agenda.now()) if push else 0.0
    life = world.agenda.scaled(world.switches.prompt_life_s)
    return {"phone": phone, "prompt": push, "left": round(left, 1), "life": max(life, left), "now": world.now()}


def _part(world: World, request: Request, phone: Phone) -> Response:
    return _templates.TemplateResponse(request, "simulator/_handset.html", {"handset": _context(world, phone)})


async def _handset(world: World, request: Request) -> Response:
    phone = world.phone(normalise(request.path_params["number"]))
    return _part(world, request, phone) if phone.shown else Response(status_code=204)


async def _numbers(world: World, request: Request) -> Response:
    return JSONResponse([phone.number for phone in _shown(world)])


async def _answer(world: World, request: Request) -> Response:
    phone = _open(world, request.path_params["number"])
    async with request.form() as form:
        push = world.pushes.get(str(form.get("prompt", "")))
        action = "cancel" if form.get("action") == "cancel" else "approve"
        with contextlib.suppress(pushes.Closed):  # too late: the handset shows what became of it
            if push is not None and push.order.phone == phone.number:
                pushes.answer(world, push, action=action, pin=str(form.get("pin", "")))
    return _after(world, request, phone)


async def _balance(world: World, request: Request) -> Response:
    phone = _open(world, request.path_params["number"])
    async with request.form() as form:
        text = str(form.get("balance", "")).replace(",", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        phone.balance = min(int(text), _RICHEST)
        world.changed(phone)
    return _after(world, request, phone)


def _after(world: World, request: Request, phone: Phone) -> Response:
    """A script gets the handset, a plain form the page it came from."""
    if "x-part" in request.headers:
        return _part(world, request, phone)
    return RedirectResponse(f"/phone/{phone.number}", status_code=303)


async def _events(world: World, request: Request) -> Response:
    async def stream() -> AsyncIterator[str]:
        async with contextlib.aclosing(world.hub.changes(every_s=_HEARTBEAT_S)) as changes:
            async for changed in changes:
                yield f"data: {json.dumps(sorted(changed))}\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream")
