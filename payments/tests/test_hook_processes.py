"""Callbacks when the database was restarted, and in processes that take nothing else (settings.HOOKS_ONLY)."""

import contextlib
import http.client
import os
import queue
import re
import resource
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from dev import processes, procfile
from payments import hooks
from payments.models import Callback
from payments.tests import doors
from payments.urls import DOCUMENTED_CALLBACKS

CHECKOUT = Path(__file__).resolve().parent.parent.parent
ADDRESS = f"/hooks/{hooks.token(hooks.Hook('STK', 'sandbox', 1, 1))}"
SAFARICOM, STRANGER, PROXY = "196.201.214.200", "203.0.113.9", "127.0.0.2"


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
    """A process that takes nothing else, started by the line of `Procfile`: one worker of it, with a proxy at PROXY."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self.port = processes.free_port()
        at = _address()
        url = f"postgres://{at['user']}:{at['password']}@{at['host']}:{at['port']}/{at['dbname']}"
        ours = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings", "TRUSTED_PROXIES": PROXY}
        line = procfile.process("hooks", "--workers", 1, "--http1-header-read-timeout", 60_000, port=self.port)
        with log.open("wb") as file:
            self.process = processes.spawn(
                line.command, cwd=CHECKOUT, env={**os.environ, **line.env, **ours}, stdout=file, stderr=file
            )
        self.wait(workers=1)

    def wait(self, *, workers: int) -> None:
        """Until so many of its workers have begun to work, all in all."""
        ends = time.monotonic() + 120
        while self.said().count("Started worker") < workers:
            assert time.monotonic() < ends, self.said()
            assert self.process.poll() is None, self.said()
            time.sleep(0.05)

    def said(self) -> str:
        return self._log.read_text()

    def worker(self) -> int:
        """Its last one."""
        return int(re.findall(r"Spawning worker-1 with PID: (\d+)", self.said())[-1])

    def ask(
        self, path: str = ADDRESS, body: Any = b"{}", *, method: str = "POST", by: str = processes.LOOPBACK, **more: str
    ) -> int:
        """An iterable body goes in chunks."""
        line = http.client.HTTPConnection(processes.LOOPBACK, self.port, timeout=50, source_address=(by, 0))
        with contextlib.closing(line):
            line.request(method, path, body if method == "POST" else None, headers=more)
            return line.getresponse().status

    def connected(self) -> socket.socket:
        return socket.create_connection((processes.LOOPBACK, self.port), timeout=60)

    def slowly(self, part: bytes) -> socket.socket:
        """A caller who has sent this much of a callback."""
        line = self.connected()
        head = f"POST {ADDRESS} HTTP/1.1\r\nHost: {processes.LOOPBACK}\r\nContent-Length: {len(PAID)}\r\n\r\n"
        line.sendall(head.encode() + part)
        return line


PAID = b'{"Body": {"stkCallback": {}}}'


@pytest.fixture(scope="module")
def _many_files() -> Iterator[None]:
    """As many as production's processes may open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(8192, hard)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def hook_process(
    django_db_setup: None, django_db_blocker: Any, _many_files: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hooks]:
    """One for all tests here: to start it takes longer than most of them. The last one ends it."""
    with django_db_blocker.unblock():
        started = Hooks(tmp_path_factory.mktemp("hooks") / "log")
    try:
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
    assert "Traceback" not in hook_process.said()
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
        assert hook_process.ask() == 200
        slow[0].sendall(PAID[5:])
        assert slow[0].recv(100).startswith(b"HTTP/1.1 200")
        slow[1].close()
        assert hook_process.ask() == 200
        assert Callback.objects.count() == 3


@pytest.mark.requirement("CB-1")
@pytest.mark.django_db(transaction=True)
def test_callers_who_say_nothing_keep_nobody_out(hook_process: Hooks) -> None:
    """More of them than the server takes unless it is told to (--backpressure): all of its --backlog."""
    with contextlib.ExitStack() as lines:
        for _ in range(2100):
            lines.enter_context(hook_process.connected())
        assert hook_process.ask() == 200


@pytest.mark.requirement("SEC-7")
@pytest.mark.django_db(transaction=True)
def test_a_name_with_underscores_is_not_the_proxys_word(hook_process: Hooks) -> None:
    """A proxy tells an address, and may pass on whatever else its caller sends; nobody else is believed at all."""
    told, spoofed = ("X-Forwarded-For", STRANGER), ("X_Forwarded_For", SAFARICOM)
    for headers in ([told], [told, spoofed], [spoofed, told], [spoofed]):
        assert hook_process.ask(by=PROXY, **dict(headers)) == 200
    assert hook_process.ask(**{"X-Forwarded-For": SAFARICOM}) == 200
    found = Callback.objects.order_by("pk").values_list("address", "verdict")
    assert list(found) == [(STRANGER, "DOUBTFUL")] * 3 + [(None, "DOUBTFUL"), (processes.LOOPBACK, "TRUSTED")]


@pytest.mark.requirement("CB-1")
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_killed_comes_back(hook_process: Hooks) -> None:
    began = hook_process.said().count("Started worker")
    os.kill(hook_process.worker(), signal.SIGKILL)
    hook_process.wait(workers=began + 1)
    assert hook_process.ask() == 200


@pytest.mark.requirement("CB-1")
@pytest.mark.django_db(transaction=True)
def test_who_was_answered_before_a_process_ended_is_stored(hook_process: Hooks) -> None:
    answered = queue.SimpleQueue[int]()

    def call() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            while True:
                answered.put(hook_process.ask())

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
