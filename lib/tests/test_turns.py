"""Only so many processes at once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import OperationalError, connection

from lib import turns
from lib.turns import turn

WORKER = """
import sys
import django; django.setup()
from lib import turns
turns.SILENT_S = 1
with turns.turn("test") as ours:
    print("taken" if ours else "refused", flush=True)
    sys.stdin.readline()
print("over", flush=True)
"""


def elsewhere(places: int = 1) -> bool:
    """Whether another process (here: a thread, with a connection of its own) gets a turn."""

    def ask() -> bool:
        try:
            with turn("test", places=places) as ours:
                return ours
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(ask).result()


@pytest.mark.django_db(transaction=True)
class TestTurns:
    def test_one_at_a_time_and_the_next_when_it_is_over(self) -> None:
        with turn("test") as ours:
            assert ours
            assert not elsewhere()
        assert elsewhere()

    def test_as_many_as_there_are_places(self) -> None:
        with turn("test", places=2):
            assert elsewhere(places=2)
            with turn("another") as ours:
                assert ours

    def test_it_ends_with_what_breaks(self) -> None:
        with pytest.raises(ValueError, match="broke"), turn("test"):
            raise ValueError("broke")
        assert elsewhere()

    def test_what_is_asked_of_the_session_ends_with_it(self) -> None:
        def asked() -> str:
            with connection.cursor() as cursor:
                cursor.execute("SHOW idle_session_timeout")
                return str(cursor.fetchone()[0])

        before = asked()
        with turn("test"):
            assert asked() == f"{turns.SILENT_S}s"
            with turn("test") as again:  # by the same session
                assert again
        assert asked() == before

    def test_no_task_may_run_so_long_that_its_turn_would_end_under_it(self) -> None:
        assert settings.CELERY_TASK_TIME_LIMIT < turns.SILENT_S

    def test_whose_connection_has_died_goes_on(self) -> None:
        with turn("test") as ours:
            assert ours
            with pytest.raises(OperationalError), connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        connection.close()
        assert elsewhere()


@pytest.fixture
def worker() -> "Iterator[subprocess.Popen[str]]":
    """Another process, which keeps its turn until it is told to go on."""
    database = urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}"))
    env = {**os.environ, "DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command, pipe, home = [sys.executable, "-c", WORKER], subprocess.PIPE, Path(__file__).parent.parent.parent
    with subprocess.Popen(command, cwd=home, env=env, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.requirement("REC-4")
@pytest.mark.django_db(transaction=True)
def test_a_frozen_process_loses_its_turn_and_goes_on_when_it_wakes(worker: "subprocess.Popen[str]") -> None:
    """A worker stopped whole, with another one beside it, held up sending and asking until it was killed."""
    assert worker.stdout
    assert worker.stdout.readline() == "taken\n"
    worker.send_signal(signal.SIGSTOP)
    ends = time.monotonic() + 60
    while not elsewhere():
        assert time.monotonic() < ends
        time.sleep(0.05)
    worker.send_signal(signal.SIGCONT)
    assert worker.communicate("\n", timeout=60) == ("over\n", None)
    assert worker.returncode == 0
