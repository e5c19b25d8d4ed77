"""While payments are on their way, their open sockets look at the rows now and then: news by way of Redis may be lost.

All sockets of a process look together, so a thousand open pages ask one question every ten seconds, not a hundred a
second: those would stand in the way of the news itself.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol
from weakref import WeakKeyDictionary, WeakSet

from channels.db import database_sync_to_async
from django.db import InterfaceError, OperationalError, connection

EVERY_S = 10.0


class Onlooker(Protocol):
    """A socket that wants to know how a payment stands."""

    transaction_id: str

    async def hear(self, status: str) -> None: ...


class Lookout:
    """Those of one event loop that want to know."""

    def __init__(self) -> None:
        self._onlookers: WeakSet[Onlooker] = WeakSet()
        self._work: asyncio.Task[None] | None = None

    def join(self, one: Onlooker) -> None:
        self._onlookers.add(one)
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._keep_looking())

    def leave(self, one: Onlooker) -> None:
        self._onlookers.discard(one)

    async def _keep_looking(self) -> None:
        """Until nobody is left; a database that is away is asked again."""
        while self._onlookers:
            await asyncio.sleep(EVERY_S)
            try:
                found = await _statuses(sorted({one.transaction_id for one in self._onlookers}))
            except (OperationalError, InterfaceError):
                continue
            told = [one.hear(found[one.transaction_id]) for one in self._onlookers if one.transaction_id in found]
            await asyncio.gather(*told, return_exceptions=True)  # who has just hung up keeps nobody else from hearing


_lookouts: WeakKeyDictionary[asyncio.AbstractEventLoop, Lookout] = WeakKeyDictionary()


def lookout() -> Lookout:
    """That of the running event loop: a server has one."""
    return _lookouts.setdefault(asyncio.get_running_loop(), Lookout())


@database_sync_to_async
def _statuses(transaction_ids: Sequence[str]) -> dict[str, str]:
    with connection.cursor() as cursor:
        sql = "SELECT transaction_id, status FROM payments_payment WHERE transaction_id = ANY(%s)"
        cursor.execute(sql, [list(transaction_ids)])
        return dict(cursor.fetchall())
