"""The databases of a run: the migrated one is whole when it is there, and what killed runs left does not stay."""

import os
import secrets
import time
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.db.migrations.loader import MigrationLoader

from dev import processes, template
from dev.places import Unusable

SERVER = os.environ["DATABASE_URL"]
RUN = f"malipo_run_of_a_test_{os.getpid()}"


def at(database: str) -> str:
    return urlunsplit(urlsplit(SERVER)._replace(path=f"/{database}"))


def databases() -> dict[str, int]:
    """Ids by name: one that was made again has another."""
    with psycopg.connect(SERVER) as connection:
        return dict(connection.execute("SELECT datname, oid FROM pg_database").fetchall())


def create(name: str) -> None:
    with psycopg.connect(SERVER, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One of its own."""
    monkeypatch.setenv("MALIPO_TESTS_RUN", RUN.removeprefix("malipo_run_"))
    yield
    template.end(SERVER)
    assert not [name for name in databases() if name.startswith(RUN)]


def test_it_is_what_the_migrations_make_and_made_once(run: None) -> None:
    create(f"{RUN}_template_half")
    with psycopg.connect(at(f"{RUN}_template_half")) as connection:
        connection.execute("CREATE TABLE django_migrations (left_by_a_killed_maker int)")
    name = template.ready(SERVER)
    made = databases()
    with psycopg.connect(at(name)) as connection:
        migrated = set(connection.execute("SELECT app, name FROM django_migrations"))
    assert migrated == set(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)
    assert template.ready(SERVER) == name
    assert databases()[name] == made[name]
    assert f"{RUN}_template_half" not in made


def test_what_killed_runs_left_goes_and_what_others_use_stays(run: None) -> None:
    """A server that DATABASE_URL names outlives all runs, and may have several at once."""
    killed, lasting = (f"malipo_run_{secrets.token_hex(6)}" for _ in range(2))
    create(f"{killed}_stack_7")
    with psycopg.connect(SERVER, application_name=lasting):
        create(f"{lasting}_template")
        before = os.environ["MALIPO_TESTS_RUN"]
        template.begin(SERVER)
        assert os.environ["MALIPO_TESTS_RUN"] != before
        there = databases()
        assert (f"{killed}_stack_7" in there, f"{lasting}_template" in there) == (False, True)
        create(ours := template.name("gw0"))
        template.end(SERVER)
        assert ours not in databases()
    until_gone(lasting)
    template.begin(SERVER)
    assert f"{lasting}_template" not in databases()


def until_gone(session: str) -> None:
    """A session is in the list until its process has ended, a moment after its client hung up."""
    ends = time.monotonic() + 60
    with psycopg.connect(SERVER, autocommit=True) as connection:
        while connection.execute("SELECT FROM pg_stat_activity WHERE application_name = %s", [session]).fetchone():
            assert time.monotonic() < ends
            time.sleep(0.01)


def test_who_may_make_no_databases_is_told_so(run: None) -> None:
    somebody = urlsplit(SERVER)._replace(query="options=-c%20role%3Dpg_monitor")  # who is no superuser is no monitor
    with pytest.raises(Unusable, match=r"DATABASE_URL.*(CREATEDB|permission denied)"):
        template.begin(urlunsplit(somebody))


def test_a_server_that_is_away_is_named(run: None) -> None:
    with pytest.raises(Unusable, match="DATABASE_URL"):
        template.begin(f"postgres://malipo@{processes.LOOPBACK}:{processes.free_port()}/malipo")
