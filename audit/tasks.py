"""Celery's names for the work of this room."""

from celery import shared_task

from audit import seal
from lib import clock


@shared_task(name="audit.seal", ignore_result=True)
def seal_trail() -> None:
    """Seal what has been written since the last run."""
    seal.seal_new(now=clock.now())
