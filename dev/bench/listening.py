"""From M-Pesa's callback to the changed text on the open page, with a thousand pages open.

Each client does what live.js does: it listens, and at a message fetches the page's status part. Measured from when the
callback is sent to when the part that says the receipt has come: web, worker, Redis, socket and fetch are all in it.

The legs are seen from outside: the row says when the callback came and when a worker took it, a subscriber of Redis
hears when its transaction has ended, and the client sees its message and its part come.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise

import redis.asyncio as redis
import websockets

from dev import processes
from dev.bench import load, stage
from dev.bench.figures import Figure, milliseconds
from dev.places import Unusable

OPEN = 1000
TOLD = 300  # of them get a callback
PER_SECOND = 30
_PATIENCE_S = 30.0
_GROUP = "malipo__group__payment."
MOMENTS = ("sent", "stored", "taken by a worker", "told to Redis", "on the socket", "part fetched")


def measure() -> list[Figure]:
    pages = stage.product("listening.prepare", OPEN)
    with (
        stage.hooks(workers=1) as hooks,
        stage.web(workers=1) as web,
        stage.sockets() as sockets,
        stage.worker(),
    ):
        time.sleep(6)  # the worker says nothing when it is ready
        seen = asyncio.run(_Watch(hooks, web, sockets).all(pages))
    if len(seen) < TOLD:
        raise Unusable(f"{len(seen)} of {TOLD} pages changed")
    for id, (stored, taken) in stage.product("listening.arrivals", OPEN).items():
        seen[id] |= {"stored": stored, "taken by a worker": taken}
    whole = [moments["part fetched"] - moments["sent"] for moments in seen.values()]
    return [
        *milliseconds("sockets", f"callback to changed page, {OPEN:,} open, {PER_SECOND}/s", whole, p99="≤ 250"),
        *(leg for before, after in pairwise(MOMENTS) for leg in _leg(before, after, list(seen.values()))),
    ]


def _leg(before: str, after: str, seen: Sequence[dict[str, float]]) -> list[Figure]:
    took = [moments[after] - moments[before] for moments in seen]
    return milliseconds("sockets", f"  {before} → {after}", took)


class _Watch:
    """Open pages, and what they have seen: the moments of each, by the clock on the wall."""

    def __init__(self, hooks: int, web: int, sockets: int) -> None:
        self._hooks, self._web, self._sockets = hooks, web, sockets
        self._seen: dict[str, dict[str, float]] = {}
        self._open = 0
        self._full = asyncio.Semaphore(50)

    async def all(self, pages: Sequence[dict[str, str]]) -> dict[str, dict[str, float]]:
        listeners = [
            asyncio.create_task(self._overhear()),
            *(asyncio.create_task(self._listen(page)) for page in pages),
        ]
        await self._until(lambda: self._open == len(pages))
        await asyncio.sleep(1)
        await asyncio.gather(*(self._tell(page, n / PER_SECOND) for n, page in enumerate(pages[:TOLD])))
        await self._until(lambda: len(self._done()) == TOLD)
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
        return self._done()

    def _done(self) -> dict[str, dict[str, float]]:
        return {id: moments for id, moments in self._seen.items() if MOMENTS[-1] in moments}

    async def _until(self, true: Callable[[], bool]) -> None:
        ends = time.monotonic() + _PATIENCE_S
        while not true() and time.monotonic() < ends:
            await asyncio.sleep(0.05)

    async def _overhear(self) -> None:
        """Who tells the pages publishes it once the transaction has ended."""
        async with redis.Redis.from_url(os.environ["REDIS_URL"]) as client, client.pubsub() as told:
            await told.psubscribe(f"{_GROUP}*")
            async for message in told.listen():
                with suppress(KeyError, AttributeError):  # the answer to our subscribing is none of these
                    self._saw(message["channel"].decode().removeprefix(_GROUP), "told to Redis")

    def _saw(self, id: str, moment: str) -> None:
        self._seen[id].setdefault(moment, time.time())

    async def _listen(self, page: dict[str, str]) -> None:
        address = f"ws://{processes.LOOPBACK}:{self._sockets}/ws/payments/{page['id']}/"
        headers = {"Cookie": f"sessionid={page['session']}"}
        origin = websockets.Origin(f"http://{processes.LOOPBACK}:{self._sockets}")
        async with self._full:
            socket = await websockets.connect(address, additional_headers=headers, origin=origin, ping_interval=None)
            await socket.recv()  # the state as it is now, after which the page fetches its part for the first time
            await self._fetch(page)
        self._open += 1
        async with socket:
            async for _ in socket:
                self._saw(page["id"], "on the socket")
                if page["receipt"].encode() in await self._fetch(page):
                    self._saw(page["id"], "part fetched")
                    return

    async def _fetch(self, page: dict[str, str]) -> bytes:
        headers = {"Cookie": f"sessionid={page['session']}", "Connection": "close"}
        request = load.request("GET", f"/payments/{page['id']}/status", port=self._web, headers=headers)
        return await self._send(self._web, request)

    async def _tell(self, page: dict[str, str], after: float) -> None:
        await asyncio.sleep(after)
        headers = {"Content-Type": "application/json", "Connection": "close"}
        request = load.request("POST", page["path"], port=self._hooks, body=page["body"].encode(), headers=headers)
        self._seen[page["id"]] = {"sent": time.time()}
        await self._send(self._hooks, request)

    async def _send(self, port: int, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(processes.LOOPBACK, port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        return answer
