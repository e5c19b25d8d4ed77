"""A worker for money is frozen whole while M-Pesa has its push: others go on sending, and no push is made twice."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import redis
from django.conf import settings
from django.db import connection

from lib import clock
from payments import tasks
from payments.models import Payment, PaymentFact
from payments.tests.factories import started
from simulator.testing import running_simulator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("REC-4", "STK-8")]
WORKER = "import django; django.setup(); from lib import turns; turns.SILENT_S = 1; from payments import tasks; tasks.send_queued()"
SLOWLY = 10  # waiting times are so much longer here: a busy machine must not make a payment too old to be sent
NOWHERE = "http://127.0.0.1:9"


class Holding(ThreadingHTTPServer):
    """An M-Pesa that takes a push and keeps its answer back until it is told to break off."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Held)
        self.pushes: list[str] = []
        self.broken_off = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Held(BaseHTTPRequestHandler):
    server: Holding

    def do_GET(self) -> None:
        body = json.dumps({"access_token": "t", "expires_in": "3599"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.server.pushes.append(self.path)
        assert self.server.broken_off.wait(60)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


def until(holds: Callable[[], Any]) -> None:
    ends = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.05)


@pytest.fixture
def holding() -> Iterator[Holding]:
    with Holding() as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield server
        finally:
            server.broken_off.set()
            server.shutdown()
            serving.join()


@pytest.fixture
def worker(holding: Holding) -> "Iterator[Callable[[], subprocess.Popen[bytes]]]":
    at, born = connection.settings_dict, []
    mine = {
        "DATABASE_URL": f"postgres://{at['USER']}:{at['PASSWORD']}@{at['HOST']}:{at['PORT']}/{at['NAME']}",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "MPESA_BASE_URL": holding.url,
        "PUBLIC_URL": NOWHERE,
        "TIME_SCALE": str(SLOWLY),
    }

    def begin() -> "subprocess.Popen[bytes]":
        born.append(subprocess.Popen([sys.executable, "-c", WORKER], cwd=settings.BASE_DIR, env={**os.environ, **mine}))
        return born[0]

    yield begin
    for process in born:
        process.kill()
        process.wait()


def waiting() -> Payment:
    """One that workers may send now."""
    return started(now=clock.now() - timedelta(seconds=3 * SLOWLY))


def test_others_send_and_none_is_sent_twice(worker: Any, holding: Holding, settings: Any) -> None:
    settings.TIME_SCALE, settings.PUBLIC_URL = SLOWLY, NOWHERE
    first = waiting()
    frozen = worker()
    until(lambda: holding.pushes)
    frozen.send_signal(signal.SIGSTOP)
    second = waiting()
    with redis.Redis.from_url(settings.REDIS_URL) as tokens:
        tokens.flushdb()  # of the other M-Pesa
    with running_simulator() as m_pesa:
        settings.MPESA = replace(settings.MPESA, base_url=m_pesa.url)

        def sent() -> bool:
            tasks.send_queued()
            return bool(Payment.objects.get(pk=second.pk).status == "PROMPTED")

        until(sent)
        frozen.send_signal(signal.SIGCONT)
        holding.broken_off.set()
        assert frozen.wait(60) == 0
        tasks.send_queued()
        assert len(m_pesa.pushes()) == 1
    assert len(holding.pushes) == 1
    facts = PaymentFact.objects.filter(payment=first).order_by("pk").values_list("kind", flat=True)
    assert list(facts) == ["SENT", "LOST"]  # perhaps sent: never again
