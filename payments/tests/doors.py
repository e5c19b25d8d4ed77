"""The two doors for a callback: Django's view, and the application of the processes that take nothing else."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.test import Client

from config import hook_door
from config.wsgi import pages

DOORS = ["django", "short"]


def client(door: str) -> Client:
    """Posts go through this door, as a server would call it."""
    made = Client(enforce_csrf_checks=True)
    if door == "short":
        made.handler = _Short()
    return made


def by(body: bytes) -> str:
    """Half of all bodies go through each door, and the same one always through the same: an example fails again."""
    return DOORS[zlib.crc32(body) % 2]


class _Short:
    def __call__(self, environ: dict[str, Any]) -> HttpResponse:
        said: list[Any] = []
        with _connections_stay():
            parts = hook_door.before(pages)(environ, lambda status, headers, *rest: said.extend([status, headers]))
            body = b"".join(parts)
            if hasattr(parts, "close"):
                parts.close()
        response = HttpResponse(body, status=int(said[0][:3]), reason=said[0][4:])
        for name, text in said[1]:
            response.headers[name] = text
        response.wsgi_request = HttpRequest()  # the client looks for it
        return response


@contextmanager
def _connections_stay() -> Iterator[None]:
    """As Django's own test client does: the test's transaction is on them."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
