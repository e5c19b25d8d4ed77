"""Tells waiting pages and tests that a handset changed; what it looks like now they ask for themselves."""

import asyncio
from collections.abc import AsyncGenerator


class Hub:
    def __init__(self) -> None:
        self._listeners: set[_Listener] = set()
        self.closed = asyncio.Event()

    def changed(self, number: str) -> None:
        for listener in self._listeners:
            listener.numbers.add(number)
            listener.woken.set()

    def close(self) -> None:
        self.closed.set()
        for listener in self._listeners:
            listener.woken.set()

    async def changes(self, *, every_s: float) -> AsyncGenerator[set[str], None]:
        """Sets of numbers, as they change; an empty set at the start and after `every_s` without any."""
        listener = _Listener()
        self._listeners.add(listener)
        try:
            yield set()
            while not self.closed.is_set():
                numbers = await listener.next(every_s)
                if not self.closed.is_set():
                    yield numbers
        finally:
            self._listeners.discard(listener)


class _Listener:
    def __init__(self) -> None:
        self.numbers: set[str] = set()
        self.woken = asyncio.Event()

    async def next(self, every_s: float) -> set[str]:
        try:
            await asyncio.wait_for(self.woken.wait(), every_s)
        except TimeoutError:
            return set()
        self.woken.clear()
        numbers, self.numbers = self.numbers, set()
        return numbers
