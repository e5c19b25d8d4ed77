"""The embedded servers live exactly as long as somebody uses them, however their users and keepers end."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from dev import locks, processes, servers
from dev.places import CHECKOUT, home

USER = """
import os, sys
from dev import servers
servers.lend(sys.argv[1], throwaway=sys.argv[2] == "yes")
print(os.environ["DATABASE_URL"], os.environ["REDIS_URL"], flush=True)
sys.stdin.read()
"""


class User:
    """A process that uses the servers of a name until told to end."""

    def __init__(self, name: str, *, throwaway: bool) -> None:
        env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, name, "yes" if throwaway else "no"],
            cwd=CHECKOUT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.database, self.redis = self.process.stdout.readline().split()

    def end(self) -> None:
        self.process.communicate(timeout=120)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


Start = Callable[..., User]


@pytest.fixture
def name() -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    yield name
    wait_until(lambda: swept(name))


@pytest.fixture
def use(name: str) -> Iterator[Start]:
    users: list[User] = []

    def start(*, throwaway: bool = True) -> User:
        users.append(User(name, throwaway=throwaway))
        return users[-1]

    yield start
    for user in users:
        with contextlib.suppress(ValueError):  # ended already
            user.kill()


def folders(name: str) -> list[Path]:
    return list(home().glob(f"{name}-*"))


def swept(name: str) -> bool:
    servers.sweep(name)
    return folders(name) == []


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ask(user: User, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(user.database, autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else []


def keeper(name: str, kind: str) -> int:
    return int(json.loads((home() / f"{name}-{kind}" / locks.STATE).read_text())["guardian"])


def test_both_work_and_are_gone_with_their_last_user(name: str, use: Start) -> None:
    one, two = use(), use()
    assert one.database == two.database
    assert ask(one, "SELECT 1") == [(1,)]
    with redis.Redis.from_url(two.redis) as client:
        assert client.ping()
    one.end()
    time.sleep(0.5)  # two guardians' looks: they must not stop what is in use
    assert ask(two, "SELECT 1") == [(1,)]
    two.end()
    wait_until(lambda: folders(name) == [])


def test_a_killed_user_leaves_nothing(name: str, use: Start) -> None:
    use().kill()
    wait_until(lambda: folders(name) == [])


def test_strangers_on_this_machine_are_refused(use: Start) -> None:
    user = use()
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(user.database.replace("malipo:", "malipo:x"))
    address = urlsplit(user.redis)
    with (
        redis.Redis(host=str(address.hostname), port=int(address.port or 0), password="guess") as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


@pytest.mark.parametrize("victims", ["keeper", "server", "both"])
def test_data_survive_sigkill(name: str, use: Start, victims: str) -> None:
    user = use(throwaway=False)
    ask(user, "CREATE TABLE kept AS SELECT 7 AS n")
    remains = home() / f"{name}-postgres" / "data" / "postmaster.pid"
    server, guardian = int(remains.read_text().split()[0]), keeper(name, "postgres")
    for process in {"keeper": [guardian], "server": [server], "both": [guardian, server]}[victims]:
        with contextlib.suppress(ProcessLookupError):  # a server ends by itself when its keeper has
            os.kill(process, signal.SIGKILL)
    user.kill()
    assert ask(use(throwaway=False), "SELECT n FROM kept") == [(7,)]


def test_a_process_id_that_now_belongs_to_somebody_else_does_not_prevent_the_start(name: str, use: Start) -> None:
    use(throwaway=False).end()
    wait_until(lambda: not any(servers._running(folder) for folder in folders(name)))
    (home() / f"{name}-postgres" / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n")
    assert ask(use(throwaway=False), "SELECT 1") == [(1,)]


def test_folders_of_killed_test_runs_are_swept(name: str, use: Start) -> None:
    user = use()
    guardians = [keeper(name, "postgres"), keeper(name, "redis")]
    for guardian in guardians:
        os.kill(guardian, signal.SIGKILL)
    user.kill()
    wait_until(lambda: not any(processes.command_line(guardian) for guardian in guardians))
    wait_until(lambda: swept(name))  # their servers die with them, and hold the folders until they have


def test_whoever_comes_while_it_is_being_deleted_makes_another(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its keeper has just seen that nobody uses it any more."""
    folder, waits, flock = home() / f"{name}-postgres", threading.Event(), fcntl.flock

    def announced(descriptor: int, how: int) -> None:
        waits.set()
        flock(descriptor, how)

    folder.mkdir()
    with ThreadPoolExecutor(1) as thread:
        with locks.hold(folder / locks.USERS, shared=False):
            monkeypatch.setattr(fcntl, "flock", announced)
            coming = thread.submit(servers._held, folder)
            assert waits.wait(60)
            shutil.rmtree(folder)
        with coming.result(60):
            assert locks.try_hold(folder / locks.USERS, shared=False) is None


def test_what_the_developer_names_is_used(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://mine")
    monkeypatch.setenv("REDIS_URL", "redis://mine")
    servers.lend(name)
    assert (os.environ["DATABASE_URL"], os.environ["REDIS_URL"]) == ("postgres://mine", "redis://mine")
    assert folders(name) == []


def test_production_is_lent_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("PRODUCTION", "true")
    monkeypatch.delenv("DATABASE_URL")
    servers.lend(name)
    assert "DATABASE_URL" not in os.environ
