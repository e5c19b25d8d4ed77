"""What is posted to an ASGI application: no more of it than can be of use, and not for ever."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

Receive = Callable[[], Awaitable[dict[str, Any]]]
PATIENCE_S = 20.0


class Gone(Exception):
    """The caller closed the connection before the end of what it posts."""


class TooSlow(Exception):
    """It did not come to its end in time."""


async def read(receive: Receive, *, limit: int, patience_s: float) -> bytes:
    """A request's body; of one that is longer than `limit` bytes one byte more, which tells so. Raises Gone, TooSlow."""
    body = bytearray()
    try:
        async with asyncio.timeout(patience_s):
            while len(body) <= limit:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                body += message.get("body", b"")
                if not message.get("more_body"):
                    break
    except TimeoutError:
        raise TooSlow from None
    return bytes(body[: limit + 1])


def again(body: bytes, receive: Receive) -> Receive:
    """For an application that has not read it yet: first the whole body, then only that the caller has gone."""
    first = True

    async def given() -> dict[str, Any]:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": body, "more_body": False}
        while (message := await receive())["type"] != "http.disconnect":
            pass  # the rest of what is too long
        return message

    return given
