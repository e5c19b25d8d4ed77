"""Reports by a real server when it is killed, and when many readers go at once: nothing of them stays in PostgreSQL.

The file (30 MB) is longer than what all buffers between us and the server take, and nobody reads on: so no report comes to
its end, each has a transaction with a cursor and a slot, until its reader or its server goes.
"""

import contextlib
import http.client
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from dev import processes, procfile
from payments.models import Payment
from payments.reports import Lane
from payments.tests.factories import UserFactory, started

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("ADM-2", "OPS-1")]
EXPORT = "/admin/payments/payment/export/"
LINES, READERS = 16_000, 12
NAME = "server of reports"
LIKE = {  # of one row, so many others: each with a line of 2 kB, its payer's name included
    "id": "nextval(pg_get_serial_sequence('payments_payment', 'id'))",
    "status": "'EXPIRED'",
    "transaction_id": "'TXN_LINE' || n",
    "account_reference": "'LINE' || n",
    "result_description": "repeat('𝄞', 300)",
}


class Web:
    """The pages as production starts them, on the test's own database."""

    def __init__(self, log: Path) -> None:
        self._log = log
        staff = Client()
        staff.force_login(UserFactory(role="FINANCE"), backend="accounts.backends.RoleBackend")
        self._cookie = f"sessionid={staff.cookies[settings.SESSION_COOKIE_NAME].value}"
        self.start()

    def start(self) -> None:
        self.port = processes.free_port()
        at = connection.settings_dict
        server = f"{at['USER']}:{at['PASSWORD']}@{at['HOST']}:{at['PORT']}"
        database = f"postgres://{server}/{at['NAME']}?connect_timeout=60"  # however busy the machine is
        env = {**os.environ, "DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "config.settings", "PGAPPNAME": NAME}
        line = procfile.process("pages", "--workers", 1, "--blocking-threads", READERS + 2, port=self.port)
        env |= {**line.env, "REPORTS_AT_ONCE": str(READERS)}
        with self._log.open("ab") as file:
            self.process = processes.spawn(line.command, cwd=settings.BASE_DIR, env=env, stdout=file, stderr=file)
        until(lambda: processes.is_taken(self.port) or self.process.poll() is not None)
        assert self.process.poll() is None, self._log.read_text()

    def kill(self) -> None:
        """SIGKILL, with its workers."""
        processes.stop([self.process], patience_s=0)

    def reader(self, readers: contextlib.ExitStack) -> socket.socket:
        """Somebody who has read the first bytes of a report, and does not read on."""
        line = readers.enter_context(socket.socket())
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.settimeout(120)
        line.connect((processes.LOOPBACK, self.port))
        line.sendall(f"GET {EXPORT} HTTP/1.1\r\nHost: {processes.LOOPBACK}\r\nCookie: {self._cookie}\r\n\r\n".encode())
        first = line.recv(100)
        assert first.startswith(b"HTTP/1.1 200"), f"{first!r}: {self._log.read_text()[-2000:]}"
        return line

    def whole(self) -> int:
        """The lines of a report that is read to its end."""
        line = http.client.HTTPConnection(processes.LOOPBACK, self.port, timeout=120)
        line.request("GET", EXPORT, headers={"Cookie": self._cookie})
        answer = line.getresponse()
        read = answer.read()
        line.close()
        assert (answer.status, b"incomplete" in read) == (200, False)
        return read.count(b"\r\n")


def until(holds: Callable[[], Any]) -> None:
    ends = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.02)


def sessions() -> set[int]:
    """PostgreSQL's processes that hold a slot for a report."""
    return asked(
        "SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
        " WHERE locktype = 'advisory' AND classid = ANY(%s) AND datname = current_database()",
        [int(lane) for lane in Lane],
    )


def alive(pids: set[int]) -> set[int]:
    return asked("SELECT pid FROM pg_stat_activity WHERE pid = ANY(%s)", list(pids))


def asked(sql: str, value: object) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [value])
        return {pid for (pid,) in cursor.fetchall()}


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    row = started(UserFactory(name="𝄞" * 120))
    names = [field.column for field in Payment._meta.concrete_fields]
    values = ", ".join(LIKE.get(name, f'"{name}"') for name in names)
    many = f"INSERT INTO payments_payment ({', '.join(names)}) SELECT {values}"
    with connection.cursor() as cursor:
        cursor.execute(f"{many} FROM payments_payment, generate_series(1, %s) n WHERE id = %s", [LINES, row.pk])
    assert Payment.objects.count() == LINES + 1
    running = Web(tmp_path / "log")
    try:
        yield running
    finally:
        running.kill()
        until(lambda: not asked("SELECT pid FROM pg_stat_activity WHERE application_name = %s", NAME))


@pytest.fixture
def readers() -> Iterator[contextlib.ExitStack]:
    """All go when it is closed."""
    with contextlib.ExitStack() as all_of_them:
        yield all_of_them


def begun(web: Web, many: int, readers: contextlib.ExitStack) -> set[int]:
    """So many reports that are under way at once: their sessions in PostgreSQL."""
    for _ in range(many):
        web.reader(readers)
    until(lambda: len(sessions()) == many)
    return sessions()


def test_neither_readers_who_go_nor_a_server_that_is_killed_leave_anything(
    web: Web, readers: contextlib.ExitStack
) -> None:
    held = begun(web, READERS, readers)
    assert len(held) == READERS
    readers.close()
    until(lambda: not sessions() and not alive(held))
    assert web.whole() == LINES + 2

    held = begun(web, 3, readers)
    web.kill()
    until(lambda: not sessions() and not alive(held))
    readers.close()
    web.start()
    assert web.whole() == LINES + 2
