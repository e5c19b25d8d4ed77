"""Live pages: a socket says that something changed, the page then fetches the server's own words (RT-1).

Who may listen is decided when the socket opens. The current state is sent first, so nothing is missed between the
page's rendering and the socket's opening. News by way of Redis may be lost, so while a payment is on its way its
socket also looks at the row now and then (`looking`). What a client sends is ignored; who sends much is hung up on.
When somebody logs out, or their log-in becomes another, all their sockets are closed: pages come again and are judged anew.
"""

import asyncio
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.db import InterfaceError, OperationalError

from accounts import roles
from lib import clock
from payments import live
from payments.looking import lookout
from payments.models import Payment
from payments.states import LIVE, RANK

COME_AGAIN = 4000
NOT_SIGNED_IN, NOT_FOUND, FORBIDDEN = 4401, 4404, 4403
TOO_BIG, TRY_LATER = 1009, 1013
LONGEST = 1024  # bytes of a message from a client, which has nothing to say but "ping"
STAFF_PAUSE_S = 0.5


class Listener(AsyncJsonWebsocketConsumer):
    """Joins one group and forwards what is said there."""

    group = ""
    who = ""
    let_in = False
    work: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Listens before it lets in: a page reads anew when its socket opens, and what is said after that must reach it."""
        try:
            refused = await self._enter() if self.user.is_authenticated else NOT_SIGNED_IN
        except (OperationalError, InterfaceError):
            refused = TRY_LATER
        await self.accept()  # also before a refusal, so that its code reaches the browser
        if refused:
            await self.close(refused)
        else:
            self.let_in = True
            await self.entered()

    @property
    def user(self) -> Any:
        return self.scope["user"]

    async def _enter(self) -> int | None:
        self.who = live.who_group(self.user.pk)
        await self.channel_layer.group_add(self.who, self.channel_name)
        return await self.enter()

    async def enter(self) -> int | None:
        """Joins the group; the code of a refusal."""
        raise NotImplementedError

    async def entered(self) -> None:
        """What is said first."""

    async def join(self, group: str) -> None:
        self.group = group
        await self.channel_layer.group_add(group, self.channel_name)

    async def disconnect(self, code: int) -> None:
        if self.work:
            self.work.cancel()
        for group in filter(None, (self.group, self.who)):
            await self.channel_layer.group_discard(group, self.channel_name)

    async def who_changed(self, message: dict[str, Any]) -> None:
        if self.let_in:
            self.let_in = False
            await self.close(COME_AGAIN)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any) -> None:
        if len(text_data or bytes_data or "") > LONGEST:
            await self.close(TOO_BIG)

    async def transaction_update(self, message: dict[str, Any]) -> None:
        await self.send_json({**message, "type": "transaction_update"})


class PaymentConsumer(Listener):
    """One payment: for its payer, its counterparty and staff."""

    transaction_id = ""
    status: str | None = None  # when it came
    told = ""

    async def enter(self) -> int | None:
        """Joins before it reads, so nothing falls between the two; what is said meanwhile waits for this to end."""
        self.transaction_id = self.scope["url_route"]["kwargs"]["transaction_id"]
        await self.join(live.payment_group(self.transaction_id))
        self.status = await self._status()
        return NOT_FOUND if self.status is None else None

    async def entered(self) -> None:
        assert self.status  # noqa: S101
        await self._say(self.status)
        if self.status in LIVE:
            lookout().join(self)

    async def disconnect(self, code: int) -> None:
        lookout().leave(self)
        await super().disconnect(code)

    async def transaction_update(self, message: dict[str, Any]) -> None:
        if not self.told:  # not let in
            return
        self.told = message["status"]
        if self.told not in LIVE:
            lookout().leave(self)
        await super().transaction_update(message)

    async def hear(self, status: str) -> None:
        """What the row says; news may have overtaken the reading."""
        if RANK[status] > RANK[self.told]:
            await self._say(status)

    async def _say(self, status: str) -> None:
        self.told = status
        said = {"transactionId": self.transaction_id, "status": status, "timestamp": clock.now().isoformat()}
        await self.transaction_update(said)

    @database_sync_to_async
    def _status(self) -> str | None:
        """None where there is no such payment, or it is none of theirs."""
        rows = Payment.objects.filter(transaction_id=self.transaction_id)
        row = rows.only("status", "payer_id", "counterparty_id").first()
        if row is None:
            return None
        theirs = self.user.pk in (row.payer_id, row.counterparty_id)
        return str(row.status) if theirs or roles.may_see_all_payments(self.user) else None


class PersonConsumer(Listener):
    """Everything of the one who is signed in: for wallet and history pages."""

    async def enter(self) -> int | None:
        await self.join(live.person_group(self.user.pk))
        return None

    async def person_update(self, message: dict[str, Any]) -> None:
        """From `live.tell_people`: another room's news for this person."""
        await self.send_json(message["said"])


class StaffConsumer(Listener):
    """All payments, for staff's lists: many changes become one message, at most two a second."""

    changes = 0
    last: dict[str, Any]

    async def enter(self) -> int | None:
        if not roles.may_see_all_payments(self.user):
            return FORBIDDEN
        await self.join(live.STAFF_GROUP)
        return None

    async def transaction_update(self, message: dict[str, Any]) -> None:
        self.changes += message.get("changes", 1)
        self.last = message
        if self.work is None or self.work.done():
            self.work = asyncio.create_task(self._send_all())

    async def _send_all(self) -> None:
        """What comes while one message is being sent goes with the next."""
        while self.changes:
            await asyncio.sleep(STAFF_PAUSE_S)
            changes, self.changes = self.changes, 0
            await self.send_json({**self.last, "type": "transaction_update", "changes": changes})


class Nowhere(AsyncJsonWebsocketConsumer):
    """Every other address."""

    async def connect(self) -> None:
        await self.accept()
        await self.close(NOT_FOUND)
