"""Signs of life of the processes that nobody sees: each round of `monitoring.heartbeat` proves beat, broker and a worker.

Beat sends a message to each queue every few seconds, a worker that serves the queue takes it and writes the time under
the names of all three. A busy worker may miss rounds that others take, so what counts is the youngest sign for a queue.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q

from monitoring.models import Heartbeat

BEAT = "beat"
_QUEUE = "queue:"
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


def of_queue(queue: str) -> str:
    """The name under which a queue's sign stands."""
    return f"{_QUEUE}{queue}"


def unserved(queues: Iterable[str], *, now: datetime) -> list[str]:
    """Those of which no worker has taken anything lately."""
    lately = set(Heartbeat.objects.filter(at__gt=now - SILENT_AFTER).values_list("name", flat=True))
    return [queue for queue in queues if of_queue(queue) not in lately]


def last_of_beat() -> datetime | None:
    """The last round that beat sent and a worker took."""
    return Heartbeat.objects.filter(name=BEAT).values_list("at", flat=True).first()


def workers(*, now: datetime) -> int:
    """How many have shown a sign of life lately."""
    return (
        Heartbeat.objects.exclude(Q(name=BEAT) | Q(name__startswith=_QUEUE)).filter(at__gt=now - SILENT_AFTER).count()
    )
