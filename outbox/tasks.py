"""Celery's names for the work of this room.

What waits for other servers (mail, SMS) has runs of its own, few at a time: a mail server that answers nobody holds
up as many workers, never the news that need none, nor payments.
"""

from celery import shared_task
from django.conf import settings

from lib import clock
from lib.turns import turn
from lib.wake import wake
from outbox import box

_A_RUN = 5  # then the worker looks whether timed work waits


@shared_task(name="outbox.deliver", ignore_result=True)
def deliver() -> None:
    """Send what is due; where there was more than one run takes, go on in the next."""
    if box.deliver_due(now=clock.now(), limit=_A_RUN, slow=False) == _A_RUN:
        wake("outbox.deliver")


@shared_task(name="outbox.deliver_slow", ignore_result=True)
def deliver_slow() -> None:
    """The same for what waits for other servers; so many at a time as settings.OUTBOX_SLOW_RUNS."""
    with turn("outbox.deliver_slow", places=settings.OUTBOX_SLOW_RUNS) as ours:
        more = ours and box.deliver_due(now=clock.now(), limit=_A_RUN, slow=True) == _A_RUN
    if more:
        wake("outbox.deliver_slow")
