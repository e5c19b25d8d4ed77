"""The queues, and the table of all timed work. Every message expires after its period: a late wake is worth nothing.

Rows remember, Celery only wakes: each task sweeps rows that are due, so a lost message costs one period.
"""

MONEY, NEWS = "money", "news"
QUEUES = (MONEY, NEWS)  # the most urgent first: so does a worker that serves both


def _every(seconds: float, task: str, **options: object) -> dict[str, object]:
    return {"task": task, "schedule": seconds, "options": {"expires": seconds, **options}}


TABLE = {
    "drain-inbox": _every(1.0, "payments.drain_inbox"),
    "send-queued": _every(1.0, "payments.send_queued"),
    "chase-silent": _every(1.0, "payments.chase"),
    "close-overdue": _every(1.0, "payments.close_overdue"),
    "deliver-outbox": _every(2.0, "outbox.deliver"),
    "deliver-slow": _every(2.0, "outbox.deliver_slow"),
    "remind": _every(30.0, "sessions_booking.remind"),
    "release-unpaid": _every(5.0, "sessions_booking.release"),
    "complete-held": _every(60.0, "sessions_booking.complete"),
    "seal-audit": _every(30.0, "audit.seal"),
    "prove-books": _every(24 * 3600.0, "ledger.prove"),
    **{f"beat-heart-of-{queue}": _every(5.0, "monitoring.heartbeat", queue=queue) for queue in QUEUES},
}
