"""Open pages of payments."""

from dev.bench.inside import crowd
from dev.bench.inside.visiting import signed_in
from payments.models import Callback


def prepare(number: int) -> list[dict[str, str]]:
    crowd.make(crowd.FIRST, number)
    posts = crowd.paths_and_bodies(crowd.FIRST, number)
    return [
        {"id": f"TXN_B{n}", "receipt": f"B{n}", "session": signed_in(n), "path": path, "body": body}
        for n, (path, body) in enumerate(posts, crowd.FIRST)
    ]


def arrivals(number: int) -> dict[str, tuple[float, float]]:
    """Of each page that was told about, when its callback was stored, and when a worker took it."""
    rows = Callback.objects.filter(processed_at__isnull=False).values_list("payment_id", "received_at", "processed_at")
    return {f"TXN_B{n}": (came.timestamp(), taken.timestamp()) for n, came, taken in rows[:number] if taken}
