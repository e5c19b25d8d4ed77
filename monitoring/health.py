"""Is everything well? Each check answers in words, and all of them within a bound, whatever is down.

`down` (HTTP 503) means that this process cannot do its work: no database, or no Redis. `degraded` (HTTP 200) means that
somebody should look, while a load balancer should go on sending: without workers callbacks are still stored, and
M-Pesa's troubles are not cured by taking our pages away. M-Pesa is judged by the log of calls; no token is spent.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

import redis
import structlog
from django.conf import settings
from django.db import connection
from django.db.models import Count, Max, Min, Q

from monitoring import hearts, in_time
from payments.models import Callback, Exchange

log = structlog.get_logger(__name__)
PATIENCE_S = 2.0
RATE_OVER = timedelta(minutes=15)
_BACKLOG_BAD_S = 30
_CALLS_JUDGED = 5
_RATE_BAD = 0.5
STARTED = time.monotonic()


@dataclass(frozen=True, slots=True)
class Check:
    """One answer: `ok`, a sentence, and figures for programs."""

    ok: bool
    message: str
    figures: dict[str, object] = field(default_factory=dict)


Checks = dict[str, Check]
VITAL = {"database": "The database", "redis": "Redis"}


def ready(*, now: datetime, patience_s: float | None = None) -> tuple[str, Checks]:
    """`ok`, `degraded` or `down`, and every check by name; takes `patience_s` (PATIENCE_S) at most."""
    patience_s = PATIENCE_S if patience_s is None else patience_s
    deadline = time.monotonic() + patience_s
    waiting = {
        "database": in_time.ask("database", lambda: _by_database(now)),
        "redis": in_time.ask("redis", lambda: _redis(patience_s)),
    }
    checks: Checks = {}
    for name, future in waiting.items():
        checks |= _answer(name, future, deadline - time.monotonic())
    failing = {name for name, check in checks.items() if not check.ok}
    status = "down" if failing & VITAL.keys() else "degraded" if failing else "ok"
    if failing:
        log.warning("health", status=status, **{name: checks[name].message for name in failing})
    return status, checks


def as_json(status: str, checks: Checks) -> dict[str, object]:
    return {"status": status, "checks": {name: asdict(check) for name, check in checks.items()}}


def _answer(name: str, future: "Future[Checks]", left_s: float) -> Checks:
    try:
        return future.result(max(0.0, left_s))
    except TooLate:
        return {name: Check(False, f"{VITAL[name]} does not answer in time")}
    except Exception as error:  # any: health reports what is wrong, it never fails itself
        log.warning("health.failed", check=name, error=str(error))
        return {name: Check(False, f"{VITAL[name]} cannot be reached")}


def _redis(patience_s: float) -> Checks:
    timeouts = {"socket_connect_timeout": patience_s / 2, "socket_timeout": patience_s / 2}
    with redis.Redis.from_url(settings.REDIS_URL, **timeouts) as client:
        client.ping()
    return {"redis": Check(True, "Redis answers")}


def _by_database(now: datetime) -> Checks:
    """All that the database can tell, in one thread with one connection."""
    ask: dict[str, Callable[[datetime], Check]] = {"workers": _workers, "inbox": _inbox, "mpesa": _mpesa}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return {"database": Check(True, "The database answers"), **{name: check(now) for name, check in ask.items()}}
    finally:
        connection.close()


def _workers(now: datetime) -> Check:
    count, last = hearts.workers(now=now), hearts.last_of_beat()
    age = _seconds(now, last)
    figures: dict[str, object] = {"workers": count, "beat_age_s": age}
    if not count:
        return Check(False, "No worker shows a sign of life: payments wait until one is started", figures)
    if age is None or age > hearts.SILENT_AFTER.total_seconds():
        return Check(False, "The timer (Celery beat) shows no sign of life: start it", figures)
    if unserved := hearts.unserved([queue.name for queue in settings.CELERY_TASK_QUEUES], now=now):
        words = " and ".join(unserved)
        return Check(False, f"No worker serves the queue {words}: start one (celery -A config worker)", figures)
    return Check(True, f"{count} worker(s) alive, the timer went {age} s ago", figures)


def _inbox(now: datetime) -> Check:
    waiting = Callback.objects.filter(state=Callback.State.WAITING).aggregate(n=Count("pk"), oldest=Min("received_at"))
    age = _seconds(now, waiting["oldest"])
    figures: dict[str, object] = {"waiting": waiting["n"], "oldest_age_s": age}
    if age is None:
        return Check(True, "No callback is waiting", figures)
    return Check(age <= _BACKLOG_BAD_S, f"{waiting['n']} callback(s) waiting, the oldest for {age} s", figures)


def _mpesa(now: datetime) -> Check:
    """Their servers' own failures, or none of their answers: a refusal for a good reason is an answer."""
    calls = Exchange.objects.filter(environment=settings.MPESA.environment).exclude(type__in=["CALLBACK", "C2B"])
    answered = Q(http_status__lt=500) & ~Q(http_status__in=[403, 429])
    lately = calls.filter(created_at__gt=now - RATE_OVER).aggregate(
        n=Count("pk"), failed=Count("pk", filter=Q(http_status__isnull=True) | ~answered), last=Max("created_at", filter=answered)
    )  # fmt: skip
    last = lately["last"] or calls.filter(answered).order_by("-created_at").values_list("created_at", flat=True).first()
    rate = lately["failed"] / lately["n"] if lately["n"] else 0.0
    figures: dict[str, object] = {
        "last_success_age_s": _seconds(now, last), "calls": lately["n"], "failure_rate": round(rate, 3)
    }  # fmt: skip
    minutes = int(RATE_OVER.total_seconds() // 60)
    words = f"{lately['failed']} of {lately['n']} calls to M-Pesa failed in the last {minutes} minutes"
    return Check(lately["n"] < _CALLS_JUDGED or rate <= _RATE_BAD, words, figures)


def _seconds(now: datetime, then: datetime | None) -> int | None:
    return None if then is None else max(0, int((now - then).total_seconds()))
