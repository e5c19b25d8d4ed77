"""Callbacks that come together share a commit; each is answered after it, and none is answered that is not stored."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
import uvloop
from django.db import connection, transaction

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


Work = Callable[[storing.Together], Awaitable[None]]


def run(work: Work) -> None:
    """In a loop of its own, of the kind that Procfile gives the processes for callbacks."""

    async def from_begin_to_end() -> None:
        together = storing.Together()
        try:
            await work(together)
        finally:
            await together.close()

    uvloop.run(from_begin_to_end())


@pytest.fixture
def other() -> Iterator[psycopg.Connection[Any]]:
    """Somebody else's connection."""
    with psycopg.connect(**server()) as somebody:
        yield somebody


def server() -> dict[str, Any]:
    names = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password", "NAME": "dbname"}
    return {ours: connection.settings_dict[theirs] for theirs, ours in names.items()}


async def until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < ends
        await asyncio.sleep(0.002)


def nobody_writes(other: psycopg.Connection[Any]) -> None:
    """Until it ends its transaction, statements wait."""
    other.execute("LOCK TABLE payments_callback IN SHARE MODE")


def blocked(other: psycopg.Connection[Any]) -> list[int]:
    waiting = """SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'payments_callback'::regclass
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
    return [pid for (pid,) in other.execute(waiting)]


def storing_each(together: storing.Together, rows: Sequence[storing.Row]) -> "list[asyncio.Task[None]]":
    return [asyncio.create_task(together.store(one)) for one in rows]


async def with_one_on_its_way(
    together: storing.Together, other: psycopg.Connection[Any], rows: Sequence[storing.Row]
) -> "list[asyncio.Task[None]]":
    """The first waits in the database, and the others for it."""
    nobody_writes(other)
    tasks = storing_each(together, rows[:1])
    await until(lambda: len(blocked(other)) == 1)
    tasks += storing_each(together, rows[1:])
    await until(lambda: len(together._waiting) == len(rows) - 1)
    return tasks


def commits() -> list[int]:
    """How many rows each transaction brought, in order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT xmin::text::bigint FROM payments_callback ORDER BY id")
        return list(Counter(number for (number,) in cursor.fetchall()).values())


def stored() -> set[int]:
    return set(Callback.objects.values_list("payment_id", flat=True))


def test_who_comes_alone_goes_at_once_and_alone(other: psycopg.Connection[Any]) -> None:
    async def one_after_the_other(together: storing.Together) -> None:
        for number in range(3):
            await together.store(row(number))
            (count,) = other.execute("SELECT count(*) FROM payments_callback").fetchall()[0]
            assert count == number + 1
            other.rollback()

    run(one_after_the_other)
    assert commits() == [1, 1, 1]


def test_those_who_come_meanwhile_go_together(other: psycopg.Connection[Any]) -> None:
    """Up to a bound, and nobody returns before the commit that holds their row."""

    async def many(together: storing.Together) -> None:
        tasks = await with_one_on_its_way(together, other, [row(number) for number in range(71)])
        assert not any(task.done() for task in tasks)
        other.rollback()
        assert await asyncio.gather(*tasks) == [None] * 71

    run(many)
    assert (stored(), commits()) == (set(range(71)), [1, 64, 6])


def test_one_bad_row_harms_no_other(other: psycopg.Connection[Any]) -> None:
    async def two_bad_ones(together: storing.Together) -> None:
        rows = [row(number, environment="nowhere" if number in (2, 5) else "sandbox") for number in range(8)]
        tasks = await with_one_on_its_way(together, other, rows)
        other.rollback()
        errors = await asyncio.gather(*tasks, return_exceptions=True)
        assert [n for n, error in enumerate(errors) if isinstance(error, psycopg.IntegrityError)] == [2, 5]
        assert [n for n, error in enumerate(errors) if error is None] == [0, 1, 3, 4, 6, 7]
        await together.store(row(8))

    run(two_bad_ones)
    assert stored() == {0, 1, 3, 4, 6, 7, 8}


def test_a_connection_that_dies_under_many_is_replaced_once(other: psycopg.Connection[Any]) -> None:
    async def dying(together: storing.Together) -> None:
        tasks = await with_one_on_its_way(together, other, [row(number) for number in range(6)])
        killed = blocked(other)
        other.execute("SELECT pg_terminate_backend(%s)", killed)
        await until(lambda: len(blocked(other)) == 1 and blocked(other) != killed)
        other.rollback()
        assert await asyncio.gather(*tasks) == [None] * 6

    run(dying)
    assert stored() == set(range(6))


@pytest.mark.requirement("OPS-1")
def test_a_connection_to_a_server_that_only_reads_by_now_is_replaced() -> None:
    """After a switch to another server it would live on, and store nothing."""

    async def switched(together: storing.Together) -> None:
        await together.store(row(0))
        assert together._connection is not None
        await together._connection.execute("SET default_transaction_read_only = on")
        await together.store(row(1))

    run(switched)
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    storing.store(row(2))
    assert stored() == {0, 1, 2}


@pytest.mark.requirement("OPS-1")
def test_a_database_that_says_nothing_is_not_waited_for(
    other: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who wait are told so, and those who come when it is back are stored. Nor does what was given up go on to
    hold a session: a table that is locked for long would end with all of them taken."""
    at = connection.settings_dict["OPTIONS"]
    monkeypatch.setitem(at, "options", f"{at['options']} -c client_connection_check_interval=10ms")

    async def silent(together: storing.Together) -> None:
        await together.store(row(9))  # to connect may take longer than is waited for here
        monkeypatch.setattr(storing, "_PATIENCE_S", 1.0)
        tasks = await with_one_on_its_way(together, other, [row(number) for number in range(3)])
        errors = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(error) for error in errors] == [psycopg.OperationalError] * 3
        await until(lambda: not blocked(other))
        monkeypatch.undo()
        other.rollback()
        await together.store(row(3))

    run(silent)
    assert 3 in stored()


@pytest.mark.requirement("OPS-1")
def test_a_database_is_given_up_in_the_instant_in_which_its_statement_waits_anew(
    other: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """psycopg watches its connection anew ten times a second. uvloop aborts the process where the connection is closed
    before the loop has come to look at it: here both are due when the loop, which was busy, goes on."""

    async def busy(together: storing.Together) -> None:
        await together.store(row(0))
        nobody_writes(other)
        monkeypatch.setattr(storing, "_PATIENCE_S", 0.35)
        asyncio.get_running_loop().call_later(0.25, time.sleep, 0.3)
        with pytest.raises(psycopg.OperationalError):
            await together.store(row(1))
        monkeypatch.undo()
        other.rollback()
        await together.store(row(2))

    run(busy)
    assert {0, 2} <= stored()


def test_who_asked_may_go_away(other: psycopg.Connection[Any]) -> None:
    async def some_go(together: storing.Together) -> None:
        tasks = await with_one_on_its_way(together, other, [row(number) for number in range(4)])
        for gone in (tasks[0], tasks[2]):
            gone.cancel()
        other.rollback()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(end) for end in ended] == [asyncio.CancelledError, type(None), asyncio.CancelledError, type(None)]

    run(some_go)
    assert {1, 3} <= stored()


def test_a_database_that_dies_between_is_everybodys_trouble_and_nobodys_answer(
    other: psycopg.Connection[Any],
) -> None:
    """Dying again and again while many store: whoever was not told of an error is stored."""
    ended, answered, refused = threading.Event(), set[int](), set[int]()

    async def many(together: storing.Together, first: int) -> None:
        for number in range(first, first + 100_000):
            try:
                await together.store(row(number))
                answered.add(number)
            except psycopg.OperationalError:
                refused.add(number)
            if ended.is_set():
                return

    async def all_of_them(together: storing.Together) -> None:
        tasks = [asyncio.create_task(many(together, worker * 1_000_000)) for worker in range(8)]
        await asyncio.to_thread(kill)
        await until(lambda: len(answered) > 200)
        ended.set()
        await asyncio.gather(*tasks)
        assert together._writer is None

    def kill() -> None:
        other.autocommit = True
        for _ in range(200):
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )

    run(all_of_them)
    connection.close()  # killed like all others
    assert answered <= stored() <= answered | refused


def test_through_django_it_is_part_of_the_transaction() -> None:
    with transaction.atomic():
        storing.store(row(1))
        assert stored() == {1}
        transaction.set_rollback(True)
    assert stored() == set()
    storing.store(row(2))
    assert stored() == {2}


STORING = """
import asyncio, sys
import uvloop
import django
django.setup()
from payments import storing
from payments.tests.test_storing import row
async def many(together, first):
    for number in range(first, first + 100_000):
        await together.store(row(number))
        sys.stdout.write(f"{number}\\n")
        sys.stdout.flush()
async def all_of_them():
    together = storing.Together()
    await asyncio.gather(*[many(together, worker * 1_000_000) for worker in range(8)])
uvloop.run(all_of_them())
"""


def test_a_process_that_is_killed_has_answered_nothing_that_is_not_stored(
    other: psycopg.Connection[Any],
) -> None:
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
    connection.close()
    other.autocommit = True
    asyncio.run(until(lambda: not others_are_there(other)))
    assert whole <= stored()


def others_are_there(other: psycopg.Connection[Any]) -> bool:
    """Beside this one: backends whose process was killed may still be at work."""
    found = other.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"
    ).fetchone()
    return bool(found and found[0])
