"""What Celery wakes us for: sweeps over rows that are due. A message that is lost or doubled changes nothing."""

from celery import shared_task

from lib import clock
from sessions_booking import booking, reminders


@shared_task(name="sessions_booking.release")
def release() -> None:
    booking.release_due(now=clock.now())


@shared_task(name="sessions_booking.complete")
def complete() -> None:
    booking.complete_due(now=clock.now())


@shared_task(name="sessions_booking.remind")
def remind() -> None:
    reminders.remind_due(now=clock.now())
