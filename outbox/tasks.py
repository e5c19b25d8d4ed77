"""Celery's names for the work of this room."""

from celery import shared_task

from lib import clock
from lib.wake import wake
from outbox import box

_A_RUN = 50


@shared_task(name="outbox.deliver", ignore_result=True)
def deliver() -> None:
    """Send what is due; where there was more than one run takes, go on in the next."""
    if box.deliver_due(now=clock.now(), limit=_A_RUN) == _A_RUN:
        wake("outbox.deliver")
