"""Live pages: a socket says that something changed, the page then fetches the server's own words (RT-1).

Who may listen is decided when the socket opens. The current state is sent first, so nothing is missed between the page's
rendering and the socket's opening. What a client sends is ignored.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from accounts import roles
from payments import live
from payments.models import Payment

NOT_SIGNED_IN, NOT_FOUND, FORBIDDEN = 4401, 4404, 4403
STAFF_PAUSE_S = 0.5


class Listener(AsyncJsonWebsocketConsumer):
    """Joins one group and forwards what is said there."""

    group = ""

    async def connect(self) -> None:
        await self.accept()  # before a refusal, so that its code reaches the browser
        if not self.user.is_authenticated:
            await self.close(NOT_SIGNED_IN)
            return
        await self.enter()

    @property
    def user(self) -> Any:
        return self.scope["user"]

    async def enter(self) -> None:
        raise NotImplementedError

    async def join(self, group: str) -> None:
        self.group = group
        await self.channel_layer.group_add(group, self.channel_name)

    async def disconnect(self, code: int) -> None:
        if self.group:
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any) -> None:
        """Clients have nothing to say."""

    async def transaction_update(self, message: dict[str, Any]) -> None:
        await self.send_json({**message, "type": "transaction_update"})


class PaymentConsumer(Listener):
    """One payment: for its payer, its counterparty and staff."""

    async def enter(self) -> None:
        transaction_id = self.scope["url_route"]["kwargs"]["transaction_id"]
        if await self._state(transaction_id) is None:
            await self.close(NOT_FOUND)
            return
        await self.join(live.payment_group(transaction_id))
        status = await self._state(transaction_id)  # read after joining: nothing falls between the two
        now = datetime.now(UTC).isoformat()
        await self.send_json(
            {"type": "transaction_update", "transactionId": transaction_id, "status": status, "timestamp": now}
        )

    @database_sync_to_async
    def _state(self, transaction_id: str) -> str | None:
        rows = Payment.objects.filter(transaction_id=transaction_id)
        row = rows.only("status", "payer_id", "counterparty_id").first()
        if row is None:
            return None
        mine = self.user.pk in (row.payer_id, row.counterparty_id)
        return str(row.status) if mine or roles.may_see_all_payments(self.user) else None


class PersonConsumer(Listener):
    """Everything of the one who is signed in: for wallet and history pages."""

    async def enter(self) -> None:
        await self.join(live.person_group(self.user.pk))


class StaffConsumer(Listener):
    """All payments, for staff's lists: many changes become one message, at most two a second."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._changes = 0
        self._last: dict[str, Any] = {}
        self._sender: asyncio.Task[None] | None = None

    async def enter(self) -> None:
        if not await database_sync_to_async(roles.may_see_all_payments)(self.user):
            await self.close(FORBIDDEN)
            return
        await self.join(live.STAFF_GROUP)

    async def disconnect(self, code: int) -> None:
        if self._sender:
            self._sender.cancel()
        await super().disconnect(code)

    async def transaction_update(self, message: dict[str, Any]) -> None:
        self._changes += 1
        self._last = message
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send_soon())

    async def _send_soon(self) -> None:
        await asyncio.sleep(STAFF_PAUSE_S)
        changes, self._changes = self._changes, 0
        await self.send_json({**self._last, "type": "transaction_update", "changes": changes})
