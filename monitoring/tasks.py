"""What Celery wakes us for."""

from typing import Any

from celery import Task, shared_task
from celery.signals import worker_ready

from lib import clock
from monitoring import hearts


@shared_task(name="monitoring.heartbeat", bind=True)
def heartbeat(self: Task, *, by_beat: bool = True) -> None:
    names = [hearts.BEAT] if by_beat else []
    queue = (self.request.delivery_info or {}).get("routing_key")
    names += [hearts.of_queue(queue)] if queue else []
    hearts.note(names=[*names, self.request.hostname or "worker"], now=clock.now())


@worker_ready.connect
def _first_heartbeat(sender: Any, **_: object) -> None:
    """A new worker is seen at once, not after beat's next round."""
    for queue in sender.app.amqp.queues.consume_from:
        heartbeat.apply_async(kwargs={"by_beat": False}, expires=10, queue=queue)
