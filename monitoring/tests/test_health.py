import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from lib import clock
from monitoring import health, hearts, in_time, tasks
from monitoring.models import Heartbeat
from payments.models import Callback, Exchange

SERVED = [hearts.of_queue("money"), hearts.of_queue("news")]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("OPS-2")]


def alive() -> None:
    hearts.note(names=[hearts.BEAT, "celery@one", *SERVED], now=clock.now())


def exchange(*, http_status: int | None, age: timedelta = timedelta(seconds=5), **fields: Any) -> None:
    Exchange.objects.create(
        environment="sandbox", type="STK_PUSH", http_status=http_status, created_at=clock.now() - age, **fields
    )


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no outage."""
    monkeypatch.setattr(health, "PATIENCE_S", 60.0)


def checks() -> tuple[str, health.Checks]:
    return health.ready(now=clock.now())


def test_all_is_well() -> None:
    alive()
    response = Client().get("/health/ready")
    assert response.status_code == 200
    assert response.json()["status"] == "ok"
    assert set(response.json()["checks"]) == {"database", "redis", "workers", "inbox", "mpesa"}


def test_the_process_answers_without_asking_anybody(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        response = Client().get("/health/live")
    assert response.json()["status"] == "ok"


def test_without_redis_it_is_down(settings: Any) -> None:
    alive()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    response = Client().get("/health/ready")
    assert (response.status_code, response.json()["status"]) == (503, "down")
    assert response.json()["checks"]["redis"] == {"ok": False, "message": "Redis cannot be reached", "figures": {}}
    assert response.json()["checks"]["database"]["ok"]


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """A question that is under way until the event is set."""
    release = threading.Event()
    answer = in_time.ask("database", release.wait)
    yield release
    release.set()
    answer.result(60)


def test_a_database_that_says_nothing_is_told_in_time(hanging: threading.Event) -> None:
    started = time.monotonic()
    status, found = health.ready(now=clock.now(), patience_s=0.2)
    assert time.monotonic() - started < 30  # for ever, were it not for its bound
    assert status == "down"
    assert found["database"].message == "The database does not answer in time"


def test_questions_do_not_pile_up(hanging: threading.Event) -> None:
    before = threading.active_count()
    for _ in range(5):
        health.ready(now=clock.now(), patience_s=0.05)
    names = [thread.name for thread in threading.enumerate()]
    assert names.count("ask-database") == 1
    assert threading.active_count() <= before + 1


def test_a_failing_question_is_an_answer() -> None:
    def fail() -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        in_time.ask("failing", fail).result(60)


@pytest.mark.parametrize(
    ("names", "age_s", "words"),
    [
        ([], 0, "No worker shows a sign of life"),
        ([hearts.BEAT], 0, "No worker shows a sign of life"),
        (["celery@one"], 0, "The timer"),
        ([hearts.BEAT, "celery@one", *SERVED], 31, "No worker shows a sign of life"),
        ([hearts.BEAT, "news@one", hearts.of_queue("news")], 0, "No worker serves the queue money"),
    ],
)
def test_silent_workers_are_a_degradation(names: list[str], age_s: int, words: str) -> None:
    hearts.note(names=names, now=clock.now() - timedelta(seconds=age_s))
    status, found = checks()
    assert status == "degraded"
    assert found["workers"].message.startswith(words)


def test_a_heartbeat_names_beat_and_worker() -> None:
    tasks.heartbeat.apply().get()
    assert set(Heartbeat.objects.values_list("name", flat=True)) > {hearts.BEAT}
    tasks.heartbeat.apply().get()
    assert Heartbeat.objects.count() == 2


def test_names_of_yesterday_are_dropped() -> None:
    hearts.note(names=["celery@gone"], now=clock.now() - timedelta(days=2))
    alive()
    assert set(Heartbeat.objects.values_list("name", flat=True)) == {hearts.BEAT, "celery@one", *SERVED}


def test_a_callback_that_waits_too_long() -> None:
    alive()
    received = clock.now() - timedelta(seconds=40)
    Callback.objects.create(
        environment="sandbox",
        verdict="TRUSTED",
        body_sealed=b"x",
        size=1,
        received_at=received,
        next_attempt_at=received,
    )
    status, found = checks()
    assert status == "degraded"
    assert found["inbox"].figures["waiting"] == 1


@pytest.mark.parametrize(
    ("outcomes", "rate", "ok"),
    [
        ([], 0.0, True),
        ([None] * 4, 1.0, True),  # too few to judge
        ([None] * 5, 1.0, False),
        ([200, 400, 404, 500, 503], 0.4, True),  # a refusal is an answer
        ([200, 403, 429, 500, None], 0.8, False),
    ],
)
def test_mpesa_is_judged_by_the_log_of_calls(outcomes: list[int | None], rate: float, ok: bool) -> None:
    alive()
    for http_status in outcomes:
        exchange(http_status=http_status)
    exchange(http_status=None, age=timedelta(minutes=16))
    status, found = checks()
    assert (found["mpesa"].ok, found["mpesa"].figures["failure_rate"]) == (ok, rate)
    assert status == ("ok" if ok else "degraded")


def test_the_last_success_is_remembered_beyond_the_window() -> None:
    exchange(http_status=200, age=timedelta(hours=2))
    age = checks()[1]["mpesa"].figures["last_success_age_s"]
    assert isinstance(age, int)
    assert 7200 <= age < 7300
