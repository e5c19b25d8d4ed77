"""Callbacks when the database was restarted, and in processes that take nothing else (settings.HOOKS_ONLY)."""

import contextlib
import http.client
import os
import queue
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from dev import processes
from payments import hooks
from payments.models import Callback
from payments.tests import doors
from payments.urls import DOCUMENTED_CALLBACKS

CHECKOUT = Path(__file__).resolve().parent.parent.parent
ADDRESS = f"/hooks/{hooks.token(hooks.Hook('STK', 'sandbox', 1, 1))}"


@pytest.mark.requirement("CB-1")
@pytest.mark.requirement("OPS-1")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", doors.DOORS)
def test_the_first_callback_after_a_restart_of_the_database_is_stored(door: str) -> None:
    """Its connection is dead, and M-Pesa may not call again."""
    _restart()
    answer = doors.client(door).post(ADDRESS, b"{}", content_type="application/json")
    assert (answer.status_code, Callback.objects.count()) == (200, 1)


def _restart() -> None:
    """What it is for our connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        ours = cursor.fetchone()[0]
    with psycopg.connect(**_address(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 60000)", [ours])


def _address() -> dict[str, object]:
    names = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password", "NAME": "dbname"}
    return {ours: connection.settings_dict[theirs] for theirs, ours in names.items()}


class Hooks:
    """A process that takes nothing else (settings.HOOKS_ONLY), as production starts it."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self.port = processes.free_port()
        at = _address()
        url = f"postgres://{at['user']}:{at['password']}@{at['host']}:{at['port']}/{at['dbname']}"
        env = {**os.environ, "DATABASE_URL": url, "HOOKS_ONLY": "on", "DJANGO_SETTINGS_MODULE": "config.settings"}
        granian = Path(sys.executable).parent / "granian"
        listening = ["--host", processes.LOOPBACK, "--port", str(self.port), "--workers", "1", "--no-ws", "--http", "1"]
        with log.open("wb") as file:
            self.process = processes.spawn(
                [granian, "--interface", "asginl", *listening, "config.asgi:application"],
                cwd=CHECKOUT, env=env, stdout=file, stderr=file,
            )  # fmt: skip

    def wait(self) -> None:
        ends = time.monotonic() + 60
        while not processes.is_taken(self.port):
            assert time.monotonic() < ends, self._log.read_text()
            assert self.process.poll() is None, self._log.read_text()
            time.sleep(0.05)

    def ask(self, path: str, body: Any = b"{}", *, method: str = "POST", **more: str) -> int:
        """An iterable body goes in chunks."""
        line = http.client.HTTPConnection(processes.LOOPBACK, self.port, timeout=60)
        with contextlib.closing(line):
            line.request(method, path, body if method == "POST" else None, headers=more)
            return line.getresponse().status

    def slowly(self, part: bytes) -> socket.socket:
        """A caller who has sent this much of a callback."""
        line = socket.create_connection((processes.LOOPBACK, self.port), timeout=60)
        head = f"POST {ADDRESS} HTTP/1.1\r\nHost: {processes.LOOPBACK}\r\nContent-Length: {len(PAID)}\r\n\r\n"
        line.sendall(head.encode() + part)
        return line


PAID = b'{"Body": {"stkCallback": {}}}'


@pytest.fixture
def hook_process(tmp_path: Path) -> Iterator[Hooks]:
    started = Hooks(tmp_path / "log")
    try:
        started.wait()
        yield started
    finally:
        processes.stop([started.process], patience_s=20)


@pytest.mark.requirement("CB-1")
@pytest.mark.requirement("CB-2")
@pytest.mark.django_db(transaction=True)
def test_a_process_for_callbacks_serves_them_and_nothing_else(hook_process: Hooks, settings: Any) -> None:
    callbacks = [ADDRESS, *(f"/{route}" for route in DOCUMENTED_CALLBACKS)]
    others = ["/", "/admin/", "/api/deposits/initiate", "/payments/TXN_A/status"]
    assert [hook_process.ask(path) for path in callbacks] == [200] * len(callbacks)
    assert hook_process.ask("/hooks/forged") == 403
    assert [hook_process.ask(path) for path in others] == [404] * len(others)
    assert hook_process.ask("/health/live", method="GET") == 200
    assert hook_process.ask(ADDRESS, Host="evil.example") == 400
    for kind in ("application/json", "application/json; charset=zip"):
        chunks = iter([b"{", b"}"])  # they go the long way
        assert hook_process.ask(ADDRESS, chunks, **{"Content-Type": kind}) == 200
    assert hook_process.ask(ADDRESS, b" " * settings.CALLBACK_MAX_BYTES) == 200
    too_long = b" " * (settings.CALLBACK_MAX_BYTES + 1)
    assert [hook_process.ask(ADDRESS, body) for body in (too_long, iter([too_long, too_long]))] == [413, 413]
    assert Callback.objects.count() == len(callbacks) + 4


@pytest.mark.requirement("CB-1")
@pytest.mark.django_db(transaction=True)
def test_callers_who_send_letter_by_letter_keep_nobody_waiting(hook_process: Hooks) -> None:
    """More of them than any server has threads; one that comes to its end is heard too, and one that goes is not."""
    with contextlib.ExitStack() as lines:
        slow = [lines.enter_context(hook_process.slowly(PAID[:5])) for _ in range(200)]
        assert hook_process.ask(ADDRESS) == 200
        slow[0].sendall(PAID[5:])
        assert slow[0].recv(100).startswith(b"HTTP/1.1 200")
        slow[1].close()
        assert hook_process.ask(ADDRESS) == 200
        assert Callback.objects.count() == 3


@pytest.mark.requirement("CB-1")
@pytest.mark.django_db(transaction=True)
def test_who_was_answered_before_a_process_ended_is_stored(hook_process: Hooks) -> None:
    answered = queue.SimpleQueue[int]()

    def call() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            while True:
                answered.put(hook_process.ask(ADDRESS))

    callers = [threading.Thread(target=call) for _ in range(8)]
    for caller in callers:
        caller.start()
    statuses = [answered.get(timeout=60) for _ in range(100)]
    hook_process.process.terminate()
    for caller in callers:
        caller.join(60)
    while not answered.empty():
        statuses.append(answered.get())
    assert set(statuses) == {200}
    assert len(statuses) <= Callback.objects.count() <= len(statuses) + len(callers)
