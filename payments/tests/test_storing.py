"""Callbacks that come together share a commit; each is answered after it, and none is answered that is not stored."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from lib import clock
from payments import storing
from payments.models import Callback

pytestmark = [pytest.mark.requirement("CB-1"), pytest.mark.django_db(transaction=True)]
CHECKOUT = Path(__file__).resolve().parent.parent.parent


def row(payment_id: int, *, environment: str = "sandbox") -> storing.Row:
    now = clock.now()
    return storing.Row(
        environment, payment_id, 1, "TRUSTED", "token", "/hooks/", "127.0.0.1", b"sealed", 2, now, "WAITING", now
    )


@pytest.fixture
def together() -> storing.Together:
    return storing.Together()


@pytest.fixture
def crowd() -> Iterator[Callable[..., "Future[None]"]]:
    """Submits work to a thread of its own, whose connection is closed after it."""
    with ThreadPoolExecutor(max_workers=80) as threads:

        def one(work: Callable[..., None], *arguments: Any) -> None:
            try:
                work(*arguments)
            finally:
                connection.close()

        yield lambda work, *arguments: threads.submit(one, work, *arguments)


@pytest.fixture
def other() -> Iterator[psycopg.Connection[Any]]:
    """Somebody else's connection."""
    with psycopg.connect(**server()) as somebody:
        yield somebody


def server() -> dict[str, Any]:
    names = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password", "NAME": "dbname"}
    return {ours: connection.settings_dict[theirs] for theirs, ours in names.items()}


def until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.002)


def nobody_writes(other: psycopg.Connection[Any]) -> None:
    """Until it ends its transaction, statements wait."""
    other.execute("LOCK TABLE payments_callback IN SHARE MODE")


def blocked(other: psycopg.Connection[Any]) -> list[int]:
    waiting = "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'payments_callback'::regclass"
    return [pid for (pid,) in other.execute(waiting)]


def commits() -> list[int]:
    """How many rows each transaction brought, in order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT xmin::text::bigint FROM payments_callback ORDER BY id")
        return list(Counter(number for (number,) in cursor.fetchall()).values())


def stored() -> set[int]:
    return set(Callback.objects.values_list("payment_id", flat=True))


def test_who_comes_alone_goes_at_once_and_alone(together: storing.Together) -> None:
    for number in range(3):
        together.store(row(number))
        assert stored() == set(range(number + 1))
    assert commits() == [1, 1, 1]


def test_those_who_come_meanwhile_go_together(
    together: storing.Together, crowd: Any, other: psycopg.Connection[Any]
) -> None:
    """Up to a bound, and nobody returns before the commit that holds their row."""
    nobody_writes(other)
    results = [crowd(together.store, row(0))]
    until(lambda: len(blocked(other)) == 1)
    results += [crowd(together.store, row(number)) for number in range(1, 71)]
    until(lambda: len(together._waiting) == 70)
    assert not any(result.done() for result in results)
    other.rollback()
    assert [result.result(20) for result in results] == [None] * 71
    assert (stored(), commits()) == (set(range(71)), [1, 64, 6])


def test_one_bad_row_harms_no_other(together: storing.Together, crowd: Any, other: psycopg.Connection[Any]) -> None:
    nobody_writes(other)
    results = [crowd(together.store, row(0))]
    until(lambda: len(blocked(other)) == 1)
    results += [crowd(together.store, row(n, environment="nowhere" if n in (2, 5) else "sandbox")) for n in range(1, 8)]
    until(lambda: len(together._waiting) == 7)
    other.rollback()
    errors = [result.exception(20) for result in results]
    assert [n for n, error in enumerate(errors) if isinstance(error, IntegrityError)] == [2, 5]
    assert [n for n, error in enumerate(errors) if error is None] == sorted(stored()) == [0, 1, 3, 4, 6, 7]
    together.store(row(8))
    assert 8 in stored()


def test_a_connection_that_dies_under_many_is_replaced_once(
    together: storing.Together, crowd: Any, other: psycopg.Connection[Any]
) -> None:
    nobody_writes(other)
    results = [crowd(together.store, row(0))]
    until(lambda: len(blocked(other)) == 1)
    results += [crowd(together.store, row(number)) for number in range(1, 6)]
    until(lambda: len(together._waiting) == 5)
    other.execute("SELECT pg_terminate_backend(%s)", blocked(other))
    until(lambda: len(blocked(other)) == 1)
    other.rollback()
    assert [result.result(20) for result in results] == [None] * 6
    assert stored() == set(range(6))


def test_a_database_that_dies_between_is_everybodys_trouble_and_nobodys_answer(
    together: storing.Together, crowd: Any, other: psycopg.Connection[Any]
) -> None:
    """Dying again and again while many store: whoever was not told of an error is stored."""
    ended, answered, refused = threading.Event(), set[int](), set[int]()

    def many(first: int) -> None:
        for number in range(first, first + 100_000):
            try:
                together.store(row(number))
                answered.add(number)
            except OperationalError:
                refused.add(number)
            if ended.is_set():
                return

    results = [crowd(many, worker * 1_000_000) for worker in range(8)]
    other.autocommit = True
    for _ in range(200):
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
    until(lambda: len(answered) > 200)
    ended.set()
    for result in results:
        result.result(20)
    connection.close()  # killed like all others
    assert answered <= stored() <= answered | refused
    assert not together._led


def test_who_is_in_a_transaction_stores_alone() -> None:
    """Nobody else may be answered before its commit."""
    with transaction.atomic():
        storing.store(row(1))
        assert stored() == {1}
        transaction.set_rollback(True)
    assert stored() == set()
    storing.store(row(2))
    assert stored() == {2}


STORING = """
import sys, threading
import django
django.setup()
from payments import storing
from payments.tests.test_storing import row
def many(first):
    for number in range(first, first + 100_000):
        storing.store(row(number))
        sys.stdout.write(f"{number}\\n")
        sys.stdout.flush()
for worker in range(8):
    threading.Thread(target=many, args=[worker * 1_000_000]).start()
"""


def test_a_process_that_is_killed_has_answered_nothing_that_is_not_stored() -> None:
    at = server()
    url = f"postgres://{at['user']}:{at['password']}@{at['host']}:{at['port']}/{at['dbname']}"
    env = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    process = subprocess.Popen(
        [sys.executable, "-c", STORING], cwd=CHECKOUT, env=env, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout as told:
        answered = [told.readline() for _ in range(500)]
        process.send_signal(signal.SIGKILL)
        answered += told.readlines()
    process.wait()
    whole = {int(line) for line in answered if line.endswith("\n")}
    assert len(whole) >= 500
    until(lambda: not others_are_there())
    assert whole <= stored()


def others_are_there() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        return bool(cursor.fetchone()[0])
