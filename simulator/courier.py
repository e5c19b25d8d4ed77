"""Delivers callbacks over HTTP, from M-Pesa's side: many at once, those of one push in order, never a redirect.

By default a callback is delivered once, as Safaricom says of itself; `callback_retries` makes it try again where
the answer was not 200. Hosts other than this machine are called only when `deliver_outside` is on.
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import logging
import time
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from simulator.postbox import Postbox, Undelivered
from simulator.settings import is_loopback

if TYPE_CHECKING:
    from simulator.pushes import Push
    from simulator.world import World

log = logging.getLogger("simulator")
_AT_ONCE = 64
_TIMEOUT_S = 10.0
_KEPT = 5000


@dataclasses.dataclass
class Delivery:
    """`status` is the HTTP answer; None while on its way, or with an `error`."""

    checkout_request_id: str
    url: str
    body: str
    attempt: int
    at: datetime
    status: int | None = None
    error: str = ""
    duration_ms: int = 0


class Courier:
    def __init__(self, world: World) -> None:
        self._world = world
        self._postbox = Postbox()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._last: dict[str, asyncio.Task[None]] = {}  # the youngest delivery of each push that has one under way
        self._tasks: set[asyncio.Task[None]] = set()
        self.log: collections.deque[Delivery] = collections.deque(maxlen=_KEPT)

    def send(self, push: Push, body: bytes, *, attempt: int = 1) -> None:
        delivery = Delivery(
            push.checkout_request_id, push.order.callback_url, body.decode(), attempt, self._world.now()
        )
        self.log.append(delivery)
        before = self._last.get(push.checkout_request_id)
        task = asyncio.get_running_loop().create_task(self._deliver(push, delivery, before))
        self._tasks.add(task)
        self._last[push.checkout_request_id] = task
        task.add_done_callback(lambda done: self._forget(push.checkout_request_id, done))

    async def settled(self, *, checkout_request_id: str | None = None, within_s: float) -> None:
        """Wait until nothing (of this push) is on its way."""
        last = self._last.get(checkout_request_id) if checkout_request_id else None
        waited = set(self._tasks) if checkout_request_id is None else {last} if last else set()
        if waited:
            await asyncio.wait(waited, timeout=within_s)

    def clear(self) -> None:
        for task in self._tasks:
            task.cancel()
        self.log.clear()
        self._postbox.close()

    def _forget(self, checkout_request_id: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._last.get(checkout_request_id) is task:
            del self._last[checkout_request_id]

    async def _deliver(self, push: Push, delivery: Delivery, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})
        async with self._slots:
            await self._attempt(delivery)
        switches = self._world.switches
        if delivery.status != 200 and delivery.attempt <= switches.callback_retries:
            body, attempt = delivery.body.encode(), delivery.attempt + 1
            self._world.agenda.after(switches.callback_retry_s, lambda: self.send(push, body, attempt=attempt))

    async def _attempt(self, delivery: Delivery) -> None:
        outside = not is_loopback(urlsplit(delivery.url).hostname or "")
        if outside and not self._world.switches.deliver_outside:
            delivery.error = "not sent: only this machine is called (switch deliver_outside)"
            return
        begun = time.monotonic()
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                delivery.status = await self._postbox.post(delivery.url, delivery.body.encode())
        except TimeoutError:
            delivery.error = f"no answer within {_TIMEOUT_S:.0f} s"
        except (OSError, ValueError, Undelivered) as error:  # ValueError: a host name that cannot be one
            delivery.error = str(error) or type(error).__name__
        delivery.duration_ms = round((time.monotonic() - begun) * 1000)
        if delivery.error:
            log.info("callback %s not delivered: %s", delivery.checkout_request_id[:20], delivery.error)
