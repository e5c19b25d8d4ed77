"""What Celery wakes us for."""

from celery import Task, shared_task
from celery.signals import worker_ready

from lib import clock
from monitoring import hearts


@shared_task(name="monitoring.heartbeat", bind=True)
def heartbeat(self: Task, *, by_beat: bool = True) -> None:
    names = [hearts.BEAT] if by_beat else []
    hearts.note(names=[*names, self.request.hostname or "worker"], now=clock.now())


@worker_ready.connect
def _first_heartbeat(**_: object) -> None:
    """A new worker is seen at once, not after beat's next round."""
    heartbeat.apply_async(kwargs={"by_beat": False}, expires=10)
