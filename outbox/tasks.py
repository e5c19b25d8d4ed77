"""Celery's names for the work of this room.

What waits for other servers (mail, SMS) has runs of its own, few at a time: a mail server that answers nobody holds
up as many workers, never the news that need none, nor payments.
"""

from celery import shared_task
from django.conf import settings
from django.db import connection

from lib import clock
from lib.wake import wake
from outbox import box

_A_RUN = 5  # then the worker looks whether something more urgent waits
_LOCK = 0x6F7574  # "out": the places of slow runs


@shared_task(name="outbox.deliver", ignore_result=True)
def deliver() -> None:
    """Send what is due; where there was more than one run takes, go on in the next."""
    if box.deliver_due(now=clock.now(), limit=_A_RUN, slow=False) == _A_RUN:
        wake("outbox.deliver")


@shared_task(name="outbox.deliver_slow", ignore_result=True)
def deliver_slow() -> None:
    """The same for what waits for other servers; so many at a time as settings.OUTBOX_SLOW_RUNS."""
    for place in range(settings.OUTBOX_SLOW_RUNS):
        if _asked("SELECT pg_try_advisory_lock(%s, %s)", place):
            _deliver_slow(place)
            return


def _deliver_slow(place: int) -> None:
    try:
        more = box.deliver_due(now=clock.now(), limit=_A_RUN, slow=True) == _A_RUN
    finally:
        _asked("SELECT pg_advisory_unlock(%s, %s)", place)
    if more:
        wake("outbox.deliver_slow")


def _asked(sql: str, place: int) -> bool:
    """The lock belongs to this worker's connection, and ends with it."""
    with connection.cursor() as cursor:
        cursor.execute(sql, [_LOCK, place])
        return bool(cursor.fetchone()[0])
