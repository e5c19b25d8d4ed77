"""The two doors for a callback: Django's views, and the short way of the processes that take nothing else."""

import asyncio
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from asgiref.sync import async_to_sync, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.test.client import FakePayload

from config.hook_door import HookDoor, Store
from lib import wake
from payments import callbacks, storing

DOORS = ["django", "short"]


class Said(NamedTuple):
    """An answer over ASGI; its headers' names in small letters, as HTTP/2 spells them."""

    status: int
    headers: dict[str, str]
    body: bytes


def client(door: str) -> Client:
    """Posts go through this door, as a server would call it."""
    made = Client(enforce_csrf_checks=True)
    if door == "short":
        made.handler = _Short(made.handler)
    return made


def by(body: bytes) -> str:
    """Half of all bodies go through each door, and the same one always through the same: an example fails again."""
    return DOORS[zlib.crc32(body) % 2]


class _Short:
    """Rows go into the transaction of the test. What goes the long way is answered by the test client's own Django."""

    def __init__(self, django: Any) -> None:
        self._django = django

    def __call__(self, environ: dict[str, Any]) -> HttpResponse:
        body = environ["wsgi.input"].read()
        said = async_to_sync(by_the_short_way)(scope_of(environ), [body], store=sync_to_async(_store))
        if said is None:
            return self._django({**environ, "wsgi.input": FakePayload(body)})
        response = HttpResponse(said.body, status=said.status, headers=said.headers)
        response.wsgi_request = HttpRequest()  # the client looks for it
        return response


def _store(row: storing.Row) -> None:
    storing.store(row)
    wake.wake_often(callbacks.DRAIN)


async def by_the_short_way(
    scope: dict[str, Any], parts: Sequence[bytes], *, store: Store, end: str = "whole"
) -> Said | None:
    """None where it goes the long way. `end` of the body: "whole", "gone" or "silent"."""
    coming: list[dict[str, Any]] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    coming[-1]["more_body"] = end != "whole"
    heard: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not coming and end == "silent":
            await asyncio.get_running_loop().create_future()
        return coming.pop(0) if coming else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        heard.append(message)

    async def long_way(*_: Any) -> None:
        heard.clear()

    await HookDoor(long_way, store=store)(scope, receive, send)
    if not heard:
        return None
    start, *rest = heard
    headers = {name.decode().lower(): text.decode("latin1") for name, text in start["headers"]}
    return Said(start["status"], headers, b"".join(part["body"] for part in rest))


def scope_of(environ: dict[str, Any]) -> dict[str, Any]:
    """The same request as an ASGI server tells it."""
    named = {name.removeprefix("HTTP_"): text for name, text in environ.items() if name.startswith("HTTP_")}
    named |= {name: environ[name] for name in ("CONTENT_LENGTH", "CONTENT_TYPE") if environ.get(name)}
    return {
        "type": "http",
        "method": environ["REQUEST_METHOD"],
        "scheme": environ.get("wsgi.url_scheme", "http"),
        "path": environ["PATH_INFO"].encode("latin1").decode(errors="replace"),
        "query_string": environ.get("QUERY_STRING", "").encode("latin1", "replace"),
        "root_path": environ.get("SCRIPT_NAME", ""),
        "client": (environ["REMOTE_ADDR"], 1),
        "headers": [(_name(name), str(text).encode("latin1", "replace")) for name, text in named.items()],
    }


def _name(key: str) -> bytes:
    return key.lower().replace("_", "-").encode("latin1")
