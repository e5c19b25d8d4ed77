"""A worker takes what moves money before what tells about it."""

import os

import pytest
import redis
from celery import current_app

from lib import wake


@pytest.mark.requirement("CB-1")
@pytest.mark.django_db(transaction=True)
def test_callbacks_do_not_wait_behind_news() -> None:
    """As a worker reads the queue: many messages for the outbox were there first."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        client.flushdb()
    wake.breaker.reset()
    for n in range(3):
        wake.wake("outbox.deliver", n=n)
    wake.wake("payments.drain_inbox")
    with current_app.connection_for_read() as connection, connection.SimpleQueue("celery") as queue:
        taken = [queue.get(timeout=5) for _ in range(4)]
        for message in taken:
            message.ack()
    assert [message.headers["task"] for message in taken] == ["payments.drain_inbox"] + ["outbox.deliver"] * 3
