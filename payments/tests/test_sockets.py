"""RT-1: who may listen, what is said first, what is said when something changes."""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import unquote

import pytest
import requests
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.db import OperationalError, connection, connections
from django.test import Client
from websockets.sync.client import connect

from accounts.models import User
from accounts.roles import Role
from config.asgi import application
from dev import processes, procfile
from payments import consumers, live, looking
from payments.models import Payment
from payments.payable import Quote
from payments.states import Status
from payments.tests import factories
from tests.stack import until
from wallet.deposits import Deposits

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("RT-1")]
PATIENCE_S = 60
ORIGIN = b"http://testserver"


@pytest.fixture
def payer(db: None) -> User:
    return User.objects.create_user("payer@malipo.test")


@pytest.fixture
def payment(payer: User) -> Payment:
    return factories.prompted(payer)


@pytest.fixture(autouse=True)
async def _leave_no_connections() -> AsyncIterator[None]:
    """The thread that the consumers' queries ran in keeps its connection, and the layer its own to Redis."""
    yield
    await database_sync_to_async(connections.close_all)()
    await get_channel_layer().flush()


def session_of(user: User | None) -> str:
    client = Client()
    if user:
        client.force_login(user)
    return client.cookies["sessionid"].value if user else ""


class Page(ApplicationCommunicator):
    """A browser's side of a socket."""

    async def connect(self) -> bool:
        """Whether it was let in."""
        await self.send_input({"type": "websocket.connect"})
        return (await self.receive_output(PATIENCE_S))["type"] == "websocket.accept"

    async def says(self, text: str | None = None, data: bytes | None = None) -> None:
        await self.send_input({"type": "websocket.receive", "text": text, "bytes": data})

    async def hears(self) -> dict[str, Any]:
        """The next message, or the code that it was closed with."""
        output = await self.receive_output(PATIENCE_S)
        return {"closed": output["code"]} if output["type"] == "websocket.close" else json.loads(output["text"])

    async def opens(self) -> dict[str, Any]:
        """What is said on connecting."""
        assert await self.connect()
        return await self.hears()


@asynccontextmanager
async def socket(path: str, user: User | None, origin: bytes = ORIGIN) -> AsyncIterator[Page]:
    session = await database_sync_to_async(session_of)(user)
    headers = [(b"origin", origin), (b"host", b"testserver"), (b"cookie", f"sessionid={session}".encode())]
    scope = {"type": "websocket", "path": unquote(path), "query_string": b"", "headers": headers, "subprotocols": []}
    page = Page(application, scope)
    try:
        yield page
    finally:
        await page.send_input({"type": "websocket.disconnect", "code": 1000})
        await page.wait(PATIENCE_S)


async def tell(payment: Payment, *news: Any) -> None:
    await database_sync_to_async(factories.tell)(payment, *news)


def path_of(payment: Payment) -> str:
    return f"/ws/payments/{payment.transaction_id}/"


async def test_the_current_state_is_sent_first_and_then_every_change(payer: User, payment: Payment) -> None:
    async with socket(path_of(payment), payer) as page:
        message = await page.opens()
        assert sorted(message) == ["status", "timestamp", "transactionId", "type"]
        assert (message["type"], message["transactionId"]) == ("transaction_update", payment.transaction_id)
        assert message["status"] == Status.PROMPTED
        assert datetime.fromisoformat(message["timestamp"]).tzinfo is not None
        await tell(payment, factories.lot())
        message = await page.hears()
        assert sorted(message) == ["status", "timestamp", "transactionId", "type"]
        assert message["status"] == Status.COMPLETED


async def test_nobody_hears_nothing(payment: Payment) -> None:
    async with socket(path_of(payment), None) as page:
        assert await page.opens() == {"closed": 4401}


async def test_other_peoples_payments_are_not_there(payment: Payment) -> None:
    other = await database_sync_to_async(User.objects.create_user)("other@malipo.test")
    async with socket(path_of(payment), other) as page:
        assert await page.opens() == {"closed": 4404}


async def closing(page: Page) -> int:
    """The code that it is closed with, whatever is said before."""
    while "closed" not in (message := await page.hears()):
        pass
    return int(message["closed"])


@pytest.mark.requirement("SEC-1")
async def test_who_logs_out_is_told_nothing_more(payer: User, payment: Payment) -> None:
    admin = await database_sync_to_async(User.objects.create_user)("admin@malipo.test", role=Role.ADMIN)
    browser = Client()
    await database_sync_to_async(browser.force_login)(admin)
    async with (
        socket("/ws/me/", admin) as own,
        socket("/ws/staff/payments/", admin) as staff,
        socket(path_of(payment), admin) as one,
        socket("/ws/me/", payer) as others,
    ):
        pages = (own, staff, one, others)
        assert [await page.connect() for page in pages] == [True] * 4
        await database_sync_to_async(browser.post)("/log-out/")
        assert [await closing(page) for page in (own, staff, one)] == [consumers.COME_AGAIN] * 3
        await tell(payment, factories.lot())
        assert (await others.hears())["status"] == Status.COMPLETED


@pytest.mark.requirement("SEC-1")
async def test_who_was_not_let_in_or_is_closed_already_is_not_closed_again(payment: Payment) -> None:
    other = await database_sync_to_async(User.objects.create_user)("other@malipo.test")
    async with socket(path_of(payment), other) as refused, socket("/ws/me/", other) as own:
        assert await refused.opens() == {"closed": consumers.NOT_FOUND}
        assert await own.connect()
        for _ in range(2):
            await database_sync_to_async(live.who_changed)(user_id=other.pk)
        assert await closing(own) == consumers.COME_AGAIN
        assert await own.receive_nothing()
        assert await refused.receive_nothing()


class Lessons(Deposits):
    """A thing that somebody else gives."""

    def quote(self, target_ids: Sequence[int], *, now: datetime) -> dict[int, Quote]:
        teacher = User.objects.get(role=Role.THERAPIST)
        return {
            pk: replace(quote, counterparty_id=teacher.pk) for pk, quote in super().quote(target_ids, now=now).items()
        }


async def test_the_counterparty_may_listen(payer: User, settings: Any) -> None:
    settings.PAYABLES = {"lesson": f"{__name__}.Lessons"}
    therapist = await database_sync_to_async(User.objects.create_user)("t@malipo.test", role=Role.THERAPIST)
    payment = await database_sync_to_async(factories.prompted)(payer, purpose="lesson")
    async with socket(path_of(payment), therapist) as page:
        assert (await page.opens())["status"] == Status.PROMPTED
    async with socket("/ws/me/", therapist) as page:
        assert await page.connect()
        await tell(payment, factories.lot())
        assert (await page.hears())["status"] == Status.COMPLETED


@pytest.mark.requirement("SEC-8")
@pytest.mark.parametrize("role", ["SUPPORT", "FINANCE", "ADMIN"])
async def test_staff_may_listen(payment: Payment, role: str) -> None:
    staff = await database_sync_to_async(User.objects.create_user)("s@malipo.test", role=role)
    async with socket(path_of(payment), staff) as page:
        assert (await page.opens())["status"] == Status.PROMPTED


@pytest.mark.parametrize("path", ["/ws/payments/TXN_0/", "/ws/payments/%00/", "/ws/payments/a'b/", "/ws/nowhere/", "/"])
async def test_an_unknown_address_is_said(payer: User, path: str) -> None:
    async with socket(path, payer) as page:
        assert await page.opens() == {"closed": 4404}


async def test_a_page_of_another_site_cannot_listen(payer: User, payment: Payment) -> None:
    async with socket(path_of(payment), payer, origin=b"https://evil.example") as page:
        assert not await page.connect()


async def test_what_is_lost_on_the_way_is_seen_all_the_same(
    payer: User, payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "EVERY_S", 0.05)
    async with socket(path_of(payment), payer) as page:
        await page.opens()
        await Payment.objects.filter(pk=payment.pk).aupdate(status=Status.EXPIRED)  # nobody tells
        assert (await page.hears())["status"] == Status.EXPIRED


async def test_all_sockets_look_with_one_question(
    payer: User, payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them has hung up in the middle of it."""
    monkeypatch.setattr(looking, "EVERY_S", 0.05)
    asked: list[str] = []
    found_after: list[int] = []

    def count(execute: Any, sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return execute(sql, *rest)

    class Broken(consumers.PaymentConsumer):
        transaction_id = payment.transaction_id

        async def hear(self, status: str) -> None:
            if status == Status.EXPIRED:
                found_after.append(len([sql for sql in asked if sql.startswith("SELECT")]))
            raise RuntimeError("it has hung up")

    broken = Broken()
    async with socket(path_of(payment), payer) as first, socket(path_of(payment), payer) as second:
        await first.opens()
        await second.opens()
        looking.lookout().join(broken)
        await database_sync_to_async(lambda: connection.execute_wrappers.append(count))()
        try:
            await Payment.objects.filter(pk=payment.pk).aupdate(status=Status.EXPIRED)  # nobody tells
            assert [(await page.hears())["status"] for page in (first, second)] == [Status.EXPIRED] * 2
        finally:
            await database_sync_to_async(lambda: connection.execute_wrappers.remove(count))()
    assert found_after[0] <= 2  # one, or one that came before the change


async def test_who_is_not_let_in_hears_nothing(payment: Payment) -> None:
    """Also where something is said while the door is being shut."""
    other = await database_sync_to_async(User.objects.create_user)("other@malipo.test")
    async with socket(path_of(payment), other) as page:
        assert await page.connect()
        message = {"type": "transaction.update", "status": Status.COMPLETED}
        await get_channel_layer().group_send(live.payment_group(payment.transaction_id), message)
        assert await page.hears() == {"closed": 4404}
        assert await page.receive_nothing()


async def test_small_talk_is_ignored_and_long_speeches_are_not_heard(payer: User, payment: Payment) -> None:
    async with socket(path_of(payment), payer) as page:
        await page.opens()
        for text in ("ping", "", "{", "[]", "x" * consumers.LONGEST):
            await page.says(text)
        await page.says(data=b"\x00")
        await tell(payment, factories.lot())
        assert (await page.hears())["status"] == Status.COMPLETED
        await page.says("x" * (consumers.LONGEST + 1))
        assert await page.hears() == {"closed": 1009}


async def test_a_database_that_is_away_is_no_reason_to_stay_away(payer: User, payment: Payment) -> None:
    def away(execute: Any, sql: str, *rest: Any) -> Any:
        if "payments_payment" in sql:
            raise OperationalError("the connection is lost")
        return execute(sql, *rest)

    async with socket(path_of(payment), payer) as page:
        await database_sync_to_async(lambda: connection.execute_wrappers.append(away))()
        try:
            assert await page.opens() == {"closed": 1013}
        finally:
            await database_sync_to_async(lambda: connection.execute_wrappers.remove(away))()


async def test_everything_of_ones_own(payer: User, payment: Payment) -> None:
    other = await database_sync_to_async(factories.prompted)()
    async with socket("/ws/me/", payer) as page:
        assert await page.connect()
        await tell(other, factories.lot())
        await tell(payment, factories.lot())
        message = await page.hears()
        assert (message["transactionId"], message["status"]) == (payment.transaction_id, Status.COMPLETED)


async def test_who_is_let_in_is_listening_already(payer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page reads anew when its socket opens, and waits after that: what is said from then on must not be lost."""
    layer = get_channel_layer()
    join = layer.group_add

    async def join_slowly(*given: Any) -> None:
        await asyncio.sleep(0.2)  # Redis is busy
        await join(*given)

    monkeypatch.setattr(layer, "group_add", join_slowly)
    async with socket("/ws/me/", payer) as page:
        assert await page.connect()
        await layer.group_send(live.person_group(payer.pk), {"type": "transaction.update", "status": Status.COMPLETED})
        assert (await page.hears())["status"] == Status.COMPLETED


async def test_ones_own_is_for_those_who_are_signed_in() -> None:
    async with socket("/ws/me/", None) as page:
        assert await page.opens() == {"closed": 4401}


@pytest.mark.requirement("SEC-8")
@pytest.mark.parametrize("role", ["CLIENT", "THERAPIST"])
async def test_staffs_list_is_for_staff(role: str) -> None:
    person = await database_sync_to_async(User.objects.create_user)("p@malipo.test", role=role)
    async with socket("/ws/staff/payments/", person) as page:
        assert await page.opens() == {"closed": 4403}


@pytest.mark.requirement("ADM-5")
async def test_many_changes_are_few_messages_for_staff(payment: Payment) -> None:
    staff = await database_sync_to_async(User.objects.create_user)("s@malipo.test", role="SUPPORT")
    async with socket("/ws/staff/payments/", staff) as page:
        assert await page.connect()
        heard, messages, began = 0, 0, time.monotonic()
        for _ in range(40):
            await get_channel_layer().group_send(live.STAFF_GROUP, {"type": "transaction.update", "status": "PROMPTED"})
        while heard < 40:
            message = await page.hears()
            assert message["type"] == "transaction_update"
            heard += message["changes"]
            messages += 1
        assert messages <= 2 + (time.monotonic() - began) / consumers.STAFF_PAUSE_S


async def test_a_change_during_the_sending_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes while the message about the one before is on its way."""
    monkeypatch.setattr(consumers, "STAFF_PAUSE_S", 0)
    sent: list[int] = []

    class Slow(consumers.StaffConsumer):
        async def send_json(self, content: dict[str, Any], close: bool = False) -> None:
            sent.append(content["changes"])
            if len(sent) == 1:
                await self.transaction_update({"status": "COMPLETED"})
                await asyncio.sleep(0)

    slow = Slow()
    await slow.transaction_update({"status": "PROMPTED"})
    assert slow.work
    await slow.work
    assert sent == [1, 1]


# --- Through a server of its own -------------------------------------------------------------------------------------


@pytest.fixture
def server(db: None) -> Iterator[str]:
    """host:port of the sockets as production starts them, on the test's database."""
    settings = connection.settings_dict
    password = f":{settings['PASSWORD']}" if settings["PASSWORD"] else ""
    place = f"{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"
    with processes.held_port() as port:
        env = {
            **os.environ,
            "DATABASE_URL": f"postgres://{settings['USER']}{password}@{place}",
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
        }
        line = procfile.process("sockets", port=port)
        env |= line.env
        child = processes.spawn(line.command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until(lambda: child.poll() is not None or _answers(port), what="the server to answer")
            assert child.poll() is None
            yield f"127.0.0.1:{port}"
        finally:
            processes.stop([child], patience_s=5)


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/health/live", timeout=10).ok
    except requests.RequestException:
        return False


def test_a_change_reaches_a_page_through_a_real_server(server: str, payer: User, payment: Payment) -> None:
    cookie = SimpleCookie({"sessionid": session_of(payer)}).output(header="", sep=";").strip()
    with connect(
        f"ws://{server}{path_of(payment)}", origin=f"http://{server}", additional_headers={"Cookie": cookie}
    ) as page:
        assert json.loads(page.recv(PATIENCE_S))["status"] == Status.PROMPTED
        factories.tell(payment, factories.lot())
        assert json.loads(page.recv(PATIENCE_S))["status"] == Status.COMPLETED
