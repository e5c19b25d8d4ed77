"""Connections of the processes that pool them: no more than so many, none of them dead, none waited for in vain."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection

from config.database import pool as pooling
from config.database.base import DatabaseWrapper
from config.database.pool import Pool
from dev import processes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("OPS-1")]
NAMES = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password", "NAME": "dbname"}
MOST = 4


def login() -> dict[str, Any]:
    return {ours: connection.settings_dict[theirs] for theirs, ours in NAMES.items()}


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool(connect=lambda: psycopg.connect(**login(), autocommit=True), max_size=MOST, timeout=0.05)
    yield made
    made.close()


def lent_and_back(pool: Pool) -> list[int]:
    """PostgreSQL's processes at the other ends of all connections that it has."""
    lent = [pool.getconn() for _ in range(MOST)]
    pids = [one.info.backend_pid for one in lent]
    for one in lent:
        assert one.execute("SELECT 1").fetchone() == (1,)
        pool.putconn(one)
    return pids


def end(pids: list[int]) -> None:
    """As a restart does, seen from here; waits until they have gone."""
    with psycopg.connect(**login(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid, 60000) FROM unnest(%s::int[]) pid", [pids])


def test_they_are_kept(pool: Pool) -> None:
    assert sorted(lent_and_back(pool)) == sorted(lent_and_back(pool))


def test_none_of_the_dead_is_lent(pool: Pool) -> None:
    before = lent_and_back(pool)
    end(before)
    assert not set(before) & set(lent_and_back(pool))


def test_one_that_died_in_use_is_not_kept(pool: Pool) -> None:
    lent = pool.getconn()
    end([lent.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        lent.execute("SELECT 1")
    pool.putconn(lent)
    assert lent.closed
    assert len(set(lent_and_back(pool))) == MOST


def test_one_that_leads_where_nothing_can_be_written_is_not_lent_again(pool: Pool) -> None:
    """It would live for ever, and store nothing: the server is not the first one any more."""
    lent = pool.getconn()
    lent.execute("SET default_transaction_read_only = on")
    pool.putconn(lent)
    another = pool.getconn()
    assert another is not lent
    assert lent.closed
    pool.putconn(another)


def test_one_left_in_a_transaction_is_not_kept(pool: Pool) -> None:
    lent = pool.getconn()
    lent.execute("BEGIN")
    pool.putconn(lent)
    assert lent.closed


def test_who_finds_all_lent_waits_for_one_and_not_for_ever(pool: Pool) -> None:
    lent = [pool.getconn() for _ in range(MOST)]
    with pytest.raises(psycopg.OperationalError, match="all 4 connections were in use"):
        pool.getconn()
    pool._timeout = 60.0
    asks = threading.Event()

    def ask() -> Any:
        asks.set()
        return pool.getconn()

    with ThreadPoolExecutor(1) as crowd:
        waiting = crowd.submit(ask)
        assert asks.wait(60)
        pool.putconn(lent.pop())
        lent.append(waiting.result(60))
    for one in lent:
        pool.putconn(one)
    assert len(set(lent_and_back(pool))) == MOST


def test_a_server_that_is_away_is_said_at_once_and_tried_anew_by_everybody() -> None:
    away = {**login(), "port": processes.free_port()}
    tries = []

    def connect() -> Any:
        tries.append(1)
        return psycopg.connect(**(away if len(tries) < 10 else login()), autocommit=True)

    pool = Pool(connect=connect, max_size=1, timeout=60.0)
    for _ in range(9):  # more than there are places: a failure gives its place back
        with pytest.raises(psycopg.OperationalError):
            pool.getconn()
    pool.putconn(pool.getconn())  # and back again
    pool.close()


def test_what_has_long_not_been_used_is_closed(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = pool.getconn(), pool.getconn()
    pool.putconn(first)
    monkeypatch.setattr(pooling, "_LONGEST_IDLE_S", -60.0)
    pool.putconn(second)
    assert first.closed


def test_what_comes_back_after_the_end_is_closed(pool: Pool) -> None:
    lent = pool.getconn()
    pool.close()
    pool.putconn(lent)
    assert lent.closed


# --- As Django uses it ---


@pytest.fixture
def pooled() -> Iterator[DatabaseWrapper]:
    options = {**connection.settings_dict["OPTIONS"], "pool": {"max_size": MOST, "timeout": 0.05}}
    settings = {**connection.settings_dict, "OPTIONS": options, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False}
    wrapper = DatabaseWrapper(settings, alias="pooled")
    yield wrapper
    wrapper.close()
    wrapper.close_pool()


def backend(wrapper: DatabaseWrapper) -> int:
    """One request."""
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        found = int(cursor.fetchone()[0])
    wrapper.close_if_unusable_or_obsolete()
    return found


def test_requests_share_connections_and_meet_no_dead_one(pooled: DatabaseWrapper) -> None:
    first = backend(pooled)
    assert backend(pooled) == first
    end([first])
    assert backend(pooled) != first


def test_a_request_whose_connection_dies_is_the_only_one_that_fails(pooled: DatabaseWrapper) -> None:
    first = backend(pooled)
    with pooled.cursor() as cursor:
        cursor.execute("SELECT 1")
        end([first])
        with pytest.raises(OperationalError):
            cursor.execute("SELECT 1")
    pooled.close_if_unusable_or_obsolete()
    assert backend(pooled) != first
    assert len({backend(pooled) for _ in range(MOST + 1)}) == 1  # its place was given back


def test_an_absent_server_is_an_error_of_the_database(pooled: DatabaseWrapper) -> None:
    pooled.settings_dict["PORT"] = str(processes.free_port())
    began = time.monotonic()
    with pytest.raises(OperationalError):
        backend(pooled)
    assert time.monotonic() - began < 30
