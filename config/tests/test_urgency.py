"""A worker takes what moves money before what tells about it, also where it serves both queues."""

import os

import pytest
import redis
from celery import current_app

from config import schedule
from lib import wake


@pytest.fixture
def empty_broker() -> None:
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        client.flushdb()
    wake.breaker.reset()


def taken(queues: list[str], number: int) -> list[str]:
    """The tasks of the next messages, as a worker for these queues takes them: one after the other."""
    tasks: list[str] = []
    with current_app.connection_for_read() as connection, connection.channel() as channel:
        consumer = current_app.amqp.TaskConsumer(channel, queues=[current_app.amqp.queues[name] for name in queues])
        consumer.qos(prefetch_count=1)
        consumer.on_message = lambda message: (tasks.append(message.headers["task"]), message.ack())
        with consumer:
            while len(tasks) < number:
                connection.drain_events(timeout=5)
    return tasks


@pytest.mark.requirement("CB-1")
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_broker")
class TestUrgency:
    def test_callbacks_do_not_wait_behind_news(self) -> None:
        """One worker for everything: many messages for the outbox were there first."""
        for n in range(3):
            wake.wake("outbox.deliver", n=n)
        wake.wake("sessions_booking.release")
        wake.wake("payments.drain_inbox")
        first = ["payments.drain_inbox", "sessions_booking.release"]
        assert taken(list(schedule.QUEUES), 5) == [*first, *["outbox.deliver"] * 3]

    def test_a_worker_for_money_sees_no_news(self) -> None:
        wake.wake("outbox.deliver")
        wake.wake("payments.chase")
        wake.wake("payments.send_queued")
        assert taken([schedule.MONEY], 2) == ["payments.chase", "payments.send_queued"]
        assert taken([schedule.NEWS], 1) == ["outbox.deliver"]

    def test_a_worker_that_is_told_no_queue_serves_all(self) -> None:
        assert list(current_app.amqp.queues.consume_from) == list(schedule.QUEUES)

    def test_all_timed_work_has_a_queue_that_is_served(self) -> None:
        for entry in schedule.TABLE.values():
            options = {**entry["options"]}  # type: ignore[dict-item]
            route = current_app.amqp.router.route(options, str(entry["task"]))
            named = "money" if str(entry["task"]).startswith("payments.") else "news"
            assert route["queue"].name in (schedule.QUEUES if "queue" in options else (named,))
