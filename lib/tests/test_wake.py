"""A wake comes once, after the commit, and never costs a request its time.

What a request waits for is the broker: how often it is asked, and how long it is given, is looked at, not the clock.
"""

import contextlib
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import redis
from celery import current_app
from django.db import transaction

from lib import wake


@pytest.fixture
def queue() -> Iterator[redis.Redis]:
    wake.breaker.reset()
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    yield client
    client.close()


@pytest.fixture
def broker() -> Iterator[object]:
    """Sets the broker's address; the true one comes back afterwards."""
    before = current_app.conf.broker_url

    def point(url: str) -> None:
        current_app.conf.broker_url = url
        wake._pool.cache_clear()
        wake.breaker.reset()

    yield point
    point(before)


def waiting(client: redis.Redis, task: str = "test.wake") -> list[dict[str, object]]:
    """Of this task: those of a test before may come late."""
    headers = [json.loads(message)["headers"] for message in client.lrange("news", 0, -1)]  # type: ignore[union-attr]
    return [header for header in headers if header["task"] == task]


class Silent:
    """A broker that takes connections and says nothing; it counts them."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.setblocking(False)
        self._taken: list[socket.socket] = []
        self.url = f"redis://127.0.0.1:{self._server.getsockname()[1]}/0"

    def asked(self) -> int:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._taken.append(self._server.accept()[0])
        return len(self._taken)

    def close(self) -> None:
        for one in (self._server, *self._taken):
            one.close()


@pytest.fixture
def silent() -> Iterator[Silent]:
    found = Silent()
    yield found
    found.close()


@pytest.fixture
def _one_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """It outlasts the test, however slow the machine."""
    monkeypatch.setattr(wake, "_PAUSE_S", 3600.0)


@pytest.fixture
def failures(caplog: pytest.LogCaptureFixture) -> Callable[[], int]:
    """How many wakes were tried in vain: each is a line in the log."""
    caplog.set_level(logging.WARNING, "lib.wake")
    return lambda: len([record for record in caplog.records if record.name == "lib.wake"])


@pytest.mark.django_db(transaction=True)
class TestWaking:
    def test_equal_wakes_of_a_transaction_are_one_and_wait_for_the_commit(self, queue: redis.Redis) -> None:
        with transaction.atomic():
            for id in (1, 2, 1, 2):
                wake.wake("test.wake", id=id)
            assert waiting(queue) == []
        assert sorted(message["kwargsrepr"] for message in waiting(queue)) == ["{'id': 1}", "{'id': 2}"]  # type: ignore[type-var]
        assert all(message["expires"] for message in waiting(queue))

    def test_a_rollback_takes_its_wakes_with_it(self, queue: redis.Redis) -> None:
        with transaction.atomic():
            with transaction.atomic():
                wake.wake("test.wake", id=1)
                transaction.set_rollback(True)
            wake.wake("test.wake", id=2)
        assert [message["kwargsrepr"] for message in waiting(queue)] == ["{'id': 2}"]

    @pytest.mark.usefixtures("_one_pause")
    def test_a_broker_that_is_down_is_asked_once(self, broker, failures) -> None:  # type: ignore[no-untyped-def]
        broker("redis://127.0.0.1:1/0")
        for _ in range(20):
            wake.wake("test.wake")
        assert failures() == 1

    @pytest.mark.usefixtures("_one_pause")
    def test_a_broker_that_hangs_is_waited_for_once(self, broker, silent: Silent, failures) -> None:  # type: ignore[no-untyped-def]
        broker(silent.url)
        for _ in range(20):
            wake.wake("test.wake")
        assert (failures(), silent.asked()) == (1, 1)

    def test_it_is_given_half_a_second(self, broker, silent: Silent) -> None:  # type: ignore[no-untyped-def]
        broker(silent.url)
        began = time.monotonic()
        wake.wake("test.wake")
        assert 0.4 < time.monotonic() - began < 10  # by its own patience it would be far longer
        assert wake._IMPATIENT["socket_timeout"] == wake._IMPATIENT["socket_connect_timeout"] == 0.5

    def test_it_is_tried_again_when_the_pause_is_over(self, queue: redis.Redis, broker) -> None:  # type: ignore[no-untyped-def]
        wake.breaker.trip()
        wake.wake("test.wake")
        assert waiting(queue) == []
        wake.breaker.reset()
        wake.wake("test.wake")
        assert len(waiting(queue)) == 1

    def test_what_comes_often_goes_out_at_once_and_then_once_for_all_of_50_ms(self, queue: redis.Redis) -> None:
        often = wake._Often("test.often")
        began = time.monotonic()
        for _ in range(50):
            often()
        assert len(waiting(queue, "test.often")) == 1 or time.monotonic() - began > wake._EVERY_S
        until(lambda: len(waiting(queue, "test.often")) >= 2 and not often._armed)
        ends = time.monotonic()
        assert len(waiting(queue, "test.often")) <= 2 + (ends - began) / wake._EVERY_S

    def test_where_no_thread_can_be_had_a_wake_is_lost_and_the_next_is_not(
        self, queue: redis.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def start(self: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        often = wake._Often("test.no_thread")
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            patch.setattr(wake, "_EVERY_S", 60.0)
            often()
            often()
        often._free_at = 0.0
        often()
        assert len(waiting(queue, "test.no_thread")) == 2

    def test_often_waits_for_the_commit_and_a_rollback_takes_it_along(self, queue: redis.Redis) -> None:
        with transaction.atomic():
            wake.wake_often("test.rolled_back")
            transaction.set_rollback(True)
        with transaction.atomic():
            wake.wake_often("test.committed")
            assert waiting(queue, "test.committed") == []
        assert len(waiting(queue, "test.committed")) == 1
        assert waiting(queue, "test.rolled_back") == []

    @pytest.mark.usefixtures("_one_pause")
    def test_often_costs_nothing_while_the_broker_is_away(self, broker, failures) -> None:  # type: ignore[no-untyped-def]
        broker("redis://127.0.0.1:1/0")
        for _ in range(100):
            wake.wake_often("test.away")
        assert failures() == 1


def until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.005)
