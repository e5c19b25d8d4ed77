"""The short way for callbacks: what goes it, and that it says to the letter what Django's way says."""

import asyncio
import io
import json
import logging
import os
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
import structlog
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.test import RequestFactory

from config import hook_door, posted, request_log
from lib import wake
from payments import hooks, storing
from payments.models import Callback
from payments.tests import doors

pytestmark = [pytest.mark.requirement("CB-1"), pytest.mark.django_db(transaction=True)]
TOKEN = hooks.token(hooks.Hook("STK", "sandbox", 1, 1))
FORGED = TOKEN[:-1] + ("0" if TOKEN[-1] != "0" else "1")
BODY = b'{"Body": 1}'
TOO_LONG = b" " * (64 * 1024 + 1)
DJANGO = [
    "config.request_log.middleware",
    "config.proxies.middleware",
    "config.failures.middleware",
    "config.outage.Outage",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]


@pytest.fixture(autouse=True)
def _as_where_only_callbacks_come(settings: Any) -> None:
    settings.MIDDLEWARE, settings.ROOT_URLCONF = DJANGO, "config.hook_urls"
    for kept in (hook_door._is_welcome, hook_door._always):
        kept.cache_clear()


def environ(path: str = f"/hooks/{TOKEN}", *, body: bytes = BODY, **more: str) -> dict[str, Any]:
    made = RequestFactory().generic("POST", path, body, content_type="application/json").environ
    return {**made, "HTTP_HOST": "127.0.0.1", "wsgi.input": io.BytesIO(body), **more}


def by_the_long_way(asked: dict[str, Any]) -> doors.Said:
    heard: list[Any] = []
    parts = WSGIHandler()(asked, lambda status, headers, *rest: heard.extend([status, headers]))
    body = b"".join(parts)
    parts.close()
    return doors.Said(int(heard[0][:3]), {name.lower(): text for name, text in heard[1]}, body)


def by_the_short_way(
    asked: dict[str, Any], *, parts: list[bytes] | None = None, end: str = "whole"
) -> doors.Said | None:
    """Stored together, as in the processes that take nothing else. None where it goes the long way."""

    async def told() -> doors.Said | None:
        together = storing.Together()
        try:
            given = [asked["wsgi.input"].read()] if parts is None else parts
            return await doors.by_the_short_way(doors.scope_of(asked), given, store=together.store, end=end)
        finally:
            await together.close()

    return asyncio.run(told())


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("path", "more"),
    [
        (f"/hooks/{TOKEN}", {}),
        (f"/hooks/{TOKEN}", {"HTTP_X_FORWARDED_FOR": "203.0.113.9"}),
        ("/api/mpesa/callback", {}),
        ("/api/deposits/callback", {"REMOTE_ADDR": "203.0.113.9"}),
    ],
)
def test_both_ways_say_the_same(settings: Any, path: str, more: dict[str, str], scheme: str) -> None:
    settings.SECURE_HSTS_SECONDS = 3600
    more = {**more, "wsgi.url_scheme": scheme, "HTTP_X_REQUEST_ID": "from-the-proxy-1"}
    long = by_the_long_way(environ(path, **more))
    short = by_the_short_way(environ(path, **more))
    assert short == long
    assert long.status == 200
    assert long.headers["x-content-type-options"] == "nosniff"
    assert ("strict-transport-security" in long.headers) is (scheme == "https")
    one, two = Callback.objects.order_by("pk").values()
    for row in (one, two):  # what differs from row to row
        assert all([row.pop("id"), row.pop("body_sealed"), row.pop("received_at"), row.pop("next_attempt_at")])
    assert one == two


@pytest.mark.requirement("OPS-1")
def test_both_ways_say_the_same_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing could be stored, nothing is acknowledged."""
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")
    more = {"HTTP_X_REQUEST_ID": "from-the-proxy-1"}
    long = by_the_long_way(environ(**more))
    assert by_the_short_way(environ(**more)) == long
    assert (long.status, long.headers["retry-after"]) == (503, "30")
    monkeypatch.undo()
    connection.close()
    said = by_the_short_way(environ())
    assert said is not None
    assert (said.status, Callback.objects.count()) == (200, 1)


@pytest.mark.requirement("OPS-1")
def test_both_ways_say_the_same_where_the_database_only_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is not the first one any more, or that is being mended: away as well, and no defect of ours. When
    it writes again, no connection is left that learnt otherwise."""
    connection.close()
    with monkeypatch.context() as switched:
        at = connection.settings_dict["OPTIONS"]
        switched.setitem(at, "options", f"{at['options']} -c default_transaction_read_only=on")
        _neither_way_stores()
    assert by_the_long_way(environ(f"/hooks/{FORGED}")).status == 403
    assert list(Callback.objects.values_list("verdict", flat=True)) == ["FORGED"]


def _neither_way_stores() -> None:
    more = {"HTTP_X_REQUEST_ID": "from-the-proxy-1"}
    long = by_the_long_way(environ(**more))
    assert by_the_short_way(environ(**more)) == long
    assert (long.status, long.headers["retry-after"]) == (503, "30")
    assert by_the_long_way(environ(f"/hooks/{FORGED}")).status == 503


def test_a_defect_of_ours_is_said_and_acknowledges_nothing() -> None:
    async def broken(row: storing.Row) -> None:
        raise ValueError(row.path)

    said = asyncio.run(doors.by_the_short_way(doors.scope_of(environ()), [BODY], store=broken))
    assert said is not None
    assert (said.status, said.body) == (500, b"Error")


def test_a_body_in_parts_is_one_body() -> None:
    said = by_the_short_way(environ(), parts=[BODY[:1], b"", BODY[1:4], BODY[4:]])
    assert said is not None
    assert (said.status, Callback.objects.get().size) == (200, len(BODY))


@pytest.mark.parametrize(
    ("more", "body"),
    [
        ({"REQUEST_METHOD": "GET"}, BODY),
        ({"PATH_INFO": "/"}, BODY),
        ({"PATH_INFO": "/health/live"}, BODY),
        ({"PATH_INFO": "/hooks/"}, BODY),
        ({"PATH_INFO": f"/hooks/{TOKEN}/"}, BODY),
        ({"PATH_INFO": f"/hooks/{TOKEN[:-1]}\x00"}, BODY),
        ({"PATH_INFO": f"/hooks/{TOKEN[:-1]}\xc2\xb2"}, BODY),
        ({"PATH_INFO": "/api/deposits/callback/"}, BODY),
        ({"CONTENT_LENGTH": ""}, BODY),
        ({"CONTENT_LENGTH": "-1"}, BODY),
        ({"CONTENT_LENGTH": "\xb2"}, BODY),
        ({"CONTENT_LENGTH": "9" * 400}, BODY),
        ({"QUERY_STRING": "a=%00"}, BODY),
        ({"SCRIPT_NAME": "/elsewhere"}, BODY),
        ({"HTTP_HOST": "evil.example"}, BODY),
        ({"HTTP_HOST": "127.0.0.1, evil.example"}, BODY),
        ({"HTTP_HOST": ""}, BODY),
        ({"PATH_INFO": f"/hooks/{FORGED}"}, BODY),
        ({"PATH_INFO": f"/hooks/{TOKEN.upper()}"}, BODY),
        ({"REMOTE_ADDR": "203.0.113.9"}, BODY),
        ({"PATH_INFO": "/api/mpesa/callback", "HTTP_X_MPESA_SIGNATURE": "x"}, BODY),
        ({}, TOO_LONG),
    ],
)
def test_what_needs_more_than_to_be_stored_goes_the_long_way(more: dict[str, str], body: bytes) -> None:
    assert by_the_short_way(environ(body=body, **more)) is None
    assert not Callback.objects.exists()


def test_who_goes_before_the_end_of_the_body_is_not_stored() -> None:
    said = by_the_short_way(environ(), parts=[BODY[:5]], end="gone")
    assert said is not None
    assert (said.status, said.body) == (400, b"Bad request")
    assert not Callback.objects.exists()


@pytest.mark.parametrize("length", [len(BODY) + 1, 10**6])
def test_nor_is_who_goes_so_on_the_long_way(length: int) -> None:
    """Half a callback can be read by nobody, and the whole one may come after it."""
    assert by_the_long_way(environ(CONTENT_LENGTH=str(length))).status == 400
    assert not Callback.objects.exists()


@pytest.mark.parametrize("path", [f"/hooks/{TOKEN}", "/hooks/forged", "/elsewhere"])
def test_who_is_too_slow_is_told_so(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(posted, "PATIENCE_S", 0.01)
    said = by_the_short_way(environ(path), parts=[BODY[:5]], end="silent")
    assert said is not None
    assert (said.status, json.loads(said.body)["code"]) == (408, "too_slow")
    assert not Callback.objects.exists()


async def status_of(door: hook_door.HookDoor, asked: dict[str, Any]) -> int | None:
    heard: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        heard.append(message)

    await door(doors.scope_of(asked), receive, send)
    return heard[0]["status"] if heard else None


async def until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < ends
        await asyncio.sleep(0.002)


@pytest.mark.requirement("CB-2")
def test_a_flood_takes_turns_on_the_long_way_and_callbacks_pass_it_by() -> None:
    """As does who asks whether the process lives."""
    inside: list[str] = []

    async def flood() -> None:
        answered = asyncio.Event()

        async def django(scope: dict[str, Any], *_: Any) -> None:
            inside.append(scope["path"])
            await answered.wait()

        async def stored(_: storing.Row) -> None:
            return None

        door, many = hook_door.HookDoor(django, store=stored), hook_door._AT_ONCE + 5
        forged = [asyncio.create_task(status_of(door, environ(f"/hooks/{FORGED}"))) for _ in range(many)]
        await until(lambda: len(inside) == hook_door._AT_ONCE)
        assert await status_of(door, environ()) == 200
        probe = asyncio.create_task(status_of(door, environ("/health/live", REQUEST_METHOD="GET")))
        await until(lambda: "/health/live" in inside)
        assert len(inside) == hook_door._AT_ONCE + 1
        answered.set()
        await asyncio.gather(*forged, probe)
        assert len(inside) == many + 1

    asyncio.run(flood())


def test_a_header_that_comes_twice_is_read_as_django_reads_it() -> None:
    """And one that is spelt with underscores not at all: a proxy may not have checked it."""
    scope = doors.scope_of(environ())
    scope["headers"] += [(b"host", b"evil.example"), (b"x-forwarded-for", b"a"), (b"x-forwarded-for", b"b")]
    scope["headers"] += [(b"x_forwarded_for", b"c"), (b"content_length", b"1")]
    meta = hook_door._meta(scope)
    assert (meta["HTTP_HOST"], meta["HTTP_X_FORWARDED_FOR"]) == ("127.0.0.1,evil.example", "a,b")
    assert meta["CONTENT_LENGTH"] == str(len(BODY))
    assert not hook_door._is_plain(scope, meta)


@pytest.mark.requirement("SEC-3")
@pytest.mark.parametrize(("told", "short"), [("https", True), ("http", False), ("http, https", False), ("", False)])
def test_https_is_a_must_where_it_is_one(settings: Any, told: str, short: bool) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert by_the_short_way(environ(**{"wsgi.url_scheme": "https"})) is not None
    assert by_the_short_way(environ()) is None
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    asked = {"HTTP_X_FORWARDED_PROTO": told, "HTTP_X_FORWARDED_FOR": "196.201.214.200"}
    assert by_the_short_way(environ(**asked)) is None
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    assert (by_the_short_way(environ(**asked)) is not None) is short


@pytest.mark.requirement("SEC-3", "SEC-7")
@pytest.mark.parametrize(("peer", "status"), [("127.0.0.1", 200), ("203.0.113.9", 301), ("", 301)])
def test_who_is_no_proxy_of_ours_cannot_say_that_it_was_https(settings: Any, peer: str, status: int) -> None:
    settings.SECURE_SSL_REDIRECT, settings.TRUSTED_PROXIES = True, ["127.0.0.0/8"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    said = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_FOR": "196.201.214.200"}
    assert (by_the_short_way(environ(**said)) is not None) is (status == 200)
    assert by_the_long_way(environ(**said)).status == status


def test_bodies_are_logged_on_the_long_way(settings: Any) -> None:
    settings.DEBUG_BODIES = True
    assert by_the_short_way(environ()) is None


@pytest.mark.requirement("OPS-2")
def test_a_line_with_an_id_that_the_caller_gets_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="http")
    monkeypatch.setattr(
        request_log, "log", structlog.wrap_logger(None, wrapper_class=None, cache_logger_on_first_use=False)
    )
    with structlog.testing.capture_logs() as lines:
        said = by_the_short_way(environ())
    assert said is not None
    (line,) = [line for line in lines if line["event"].startswith("POST /hooks/")]
    assert (line["status"], line["log_level"]) == (200, "info")
    assert len(said.headers["x-request-id"]) == 16


@pytest.mark.requirement("CB-1")
def test_workers_are_woken_for_what_comes_while_they_are_being_woken() -> None:
    """At once for the first, and once more for all that came meanwhile."""

    async def ringing() -> None:
        bell = hook_door._Bell()
        bell.ring()
        await until(lambda: waiting() >= 1)
        for _ in range(5):
            bell.ring()
        await until(lambda: waiting() >= 2 and bell._ringing is None)

    def waiting() -> int:
        return sum(int(broker.llen(queue)) for queue in broker.keys("money*"))  # of each priority

    wake.breaker.reset()
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as broker:
        asyncio.run(ringing())
