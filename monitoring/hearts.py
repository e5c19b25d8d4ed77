"""Signs of life of the processes that nobody sees: each round of `monitoring.heartbeat` proves beat, broker and a worker.

Beat sends a message every few seconds, one of the workers takes it and writes the time under the name of both. A busy
worker may miss rounds that others take, so what counts is the youngest sign of any worker.
"""

from datetime import datetime, timedelta

from monitoring.models import Heartbeat

BEAT = "beat"
SILENT_AFTER = timedelta(seconds=30)
_FORGOTTEN_AFTER = timedelta(days=1)


def note(*, names: list[str], now: datetime) -> None:
    """These were alive just now; names of workers that were replaced long ago are dropped."""
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=name, at=now) for name in names],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["at"],
    )
    Heartbeat.objects.filter(at__lt=now - _FORGOTTEN_AFTER).delete()


def last_of_beat() -> datetime | None:
    """The last round that beat sent and a worker took."""
    return Heartbeat.objects.filter(name=BEAT).values_list("at", flat=True).first()


def workers(*, now: datetime) -> int:
    """How many have shown a sign of life lately."""
    return Heartbeat.objects.exclude(name=BEAT).filter(at__gt=now - SILENT_AFTER).count()
