"""The simulator's clock and what is due on it.

The clock runs with real time and can be moved forward; moving it does at once, in order, everything that was due in
between. It never shows in what M-Pesa says: stamps and receipts carry real time, so a callback does not come from
the future because a test was impatient.
"""

import asyncio
import heapq
import itertools
import logging
import time
from collections.abc import Callable

log = logging.getLogger("simulator")


class Timer:
    """Something due; `cancel` takes it off."""

    def __init__(self, due: float, action: Callable[[], None]) -> None:
        self.due = due
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None


class Agenda:
    """Needs a running event loop from the first `after` on."""

    def __init__(self, *, time_scale: float) -> None:
        self.time_scale = time_scale
        self._offset = 0.0
        self._order = itertools.count()
        self._heap: list[tuple[float, int, Timer]] = []
        self._alarm: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """Seconds; only differences mean something."""
        return time.monotonic() + self._offset

    def scaled(self, seconds: float) -> float:
        return seconds * self.time_scale

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Do `action` after `seconds` (scaled)."""
        timer = Timer(self.now() + self.scaled(seconds), action)
        heapq.heappush(self._heap, (timer.due, next(self._order), timer))
        self._set_alarm()
        return timer

    def advance(self, seconds: float) -> None:
        """Move the clock (not scaled), doing what falls due on the way at its own time."""
        target = self.now() + seconds
        while self._heap and self._heap[0][0] <= target:
            due, _, timer = heapq.heappop(self._heap)
            self._offset += max(0.0, due - self.now())
            _do(timer)
        self._offset += max(0.0, target - self.now())
        self._set_alarm()

    def clear(self) -> None:
        self._heap.clear()
        self._set_alarm()

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._heap:
            wait = max(0.0, self._heap[0][0] - self.now())
            self._alarm = asyncio.get_running_loop().call_later(wait, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self.advance(0.0)


def _do(timer: Timer) -> None:
    action, timer.action = timer.action, None
    if action is None:
        return
    try:
        action()
    except Exception:
        log.exception("something due on the simulator's clock failed; the rest goes on")
