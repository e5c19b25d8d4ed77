"""A wake comes once, after the commit, and never costs a request its time."""

import json
import logging
import os
import socket
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


def waiting(client: redis.Redis) -> list[dict[str, object]]:
    return [json.loads(message)["headers"] for message in client.lrange("news", 0, -1)]  # type: ignore[union-attr]


def seconds(task: str) -> float:
    began = time.monotonic()
    wake.wake(task)
    return time.monotonic() - began


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

    def test_a_broker_that_is_down_costs_nothing(self, queue: redis.Redis, broker, caplog) -> None:  # type: ignore[no-untyped-def]
        broker("redis://127.0.0.1:1/0")
        with caplog.at_level(logging.WARNING):
            assert seconds("test.wake") < 0.3
            assert max(seconds("test.wake") for _ in range(20)) < 0.05
        assert len(caplog.records) == 1

    def test_a_broker_that_hangs_costs_half_a_second_once(self, queue: redis.Redis, broker) -> None:  # type: ignore[no-untyped-def]
        with socket.create_server(("127.0.0.1", 0)) as silent:
            broker(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
            assert seconds("test.wake") < 1
            assert max(seconds("test.wake") for _ in range(20)) < 0.05

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
        assert len(waiting(queue)) == 1 or time.monotonic() - began > wake._EVERY_S
        until(lambda: len(waiting(queue)) >= 2)
        ends = time.monotonic()
        assert len(waiting(queue)) <= 2 + (ends - began) / wake._EVERY_S
        assert {message["task"] for message in waiting(queue)} == {"test.often"}

    def test_often_waits_for_the_commit_and_a_rollback_takes_it_along(self, queue: redis.Redis) -> None:
        with transaction.atomic():
            wake.wake_often("test.rolled_back")
            transaction.set_rollback(True)
        with transaction.atomic():
            wake.wake_often("test.committed")
            assert waiting(queue) == []
        assert [message["task"] for message in waiting(queue)] == ["test.committed"]

    def test_often_costs_nothing_while_the_broker_is_away(self, queue: redis.Redis, broker) -> None:  # type: ignore[no-untyped-def]
        broker("redis://127.0.0.1:1/0")
        began = time.monotonic()
        for _ in range(100):
            wake.wake_often("test.away")
        assert time.monotonic() - began < 0.5


def until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + 5
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.005)
