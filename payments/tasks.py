"""What Celery wakes us for. Every task sweeps rows that are due; its message may be lost or doubled."""

from celery import shared_task

from lib import clock
from payments import chase, inbox, unmatched


@shared_task(name="payments.drain_inbox")
def drain_inbox() -> None:
    """Until the inbox is empty, but not for ever: the next wake goes on."""
    for _ in range(50):
        if inbox.drain(now=clock.now()) < inbox.BATCH:
            return


@shared_task(name="payments.send_queued")
def send_queued() -> None:
    chase.send_queued(now=clock.now())


@shared_task(name="payments.chase")
def ask() -> None:
    chase.ask_due(now=clock.now())
    unmatched.ask_due(now=clock.now())


@shared_task(name="payments.close_overdue")
def close_overdue() -> None:
    """After an hour without workers very many are overdue; those that break are not tried for ever."""
    for _ in range(10):
        if chase.close_overdue(now=clock.now()) < chase.BATCH:
            return
