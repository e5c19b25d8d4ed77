"""What is posted to an ASGI application, read once: no more of it than can be of use, and not for ever."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

Receive = Callable[[], Awaitable[dict[str, Any]]]
PATIENCE_S = 20.0


class Gone(Exception):
    """The caller closed the connection before the end of what it posts."""


class TooSlow(Exception):
    """It did not come to its end in time."""


class Posted:
    """A request's body. Whoever asks after `read` is given it as if it had just come.

    Of what is longer than `limit` bytes, only one byte more is read: that tells that it is too long.
    """

    def __init__(self, receive: Receive, *, limit: int, patience_s: float = PATIENCE_S) -> None:
        self._receive = receive
        self._limit = limit
        self._patience_s = patience_s
        self._outcome: bytes | Gone | TooSlow | None = None
        self._told = False

    async def read(self) -> bytes:
        """Raises Gone, TooSlow."""
        if self._outcome is None:
            self._outcome = await self._read()
        if not isinstance(self._outcome, bytes):
            raise self._outcome
        return self._outcome

    async def receive(self) -> dict[str, Any]:
        """The application's own `receive`: the body in one message, then only that the caller has gone."""
        if self._told:
            return await self._end()
        self._told = True
        try:
            return {"type": "http.request", "body": await self.read(), "more_body": False}
        except (Gone, TooSlow):
            return {"type": "http.disconnect"}

    async def _read(self) -> bytes | Gone | TooSlow:
        body = bytearray()
        try:
            async with asyncio.timeout(self._patience_s):
                while len(body) <= self._limit:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        return Gone()
                    body += message.get("body", b"")
                    if not message.get("more_body"):
                        break
        except TimeoutError:
            return TooSlow()
        return bytes(body[: self._limit + 1])

    async def _end(self) -> dict[str, Any]:
        """What still comes of a body that is too long is dropped."""
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return message
