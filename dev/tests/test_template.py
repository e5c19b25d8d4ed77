"""The migrated database of a run: whatever a killed maker left, it is whole when it is there."""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.db.migrations.loader import MigrationLoader

from dev import template

SERVER = os.environ["DATABASE_URL"]
RUN = f"template_of_a_test_{os.getpid()}"


def at(database: str) -> str:
    return urlunsplit(urlsplit(SERVER)._replace(path=f"/{database}"))


def databases() -> dict[str, int]:
    """Ids by name: one that was made again has another."""
    with psycopg.connect(SERVER) as connection:
        return dict(connection.execute("SELECT datname, oid FROM pg_database").fetchall())


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One of its own."""
    monkeypatch.setenv("MALIPO_TESTS_RUN", RUN.removeprefix("template_"))
    yield
    template.drop(SERVER)
    assert not [name for name in databases() if name.startswith(RUN)]


def test_it_is_what_the_migrations_make_and_made_once(run: None) -> None:
    with psycopg.connect(SERVER, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {RUN}_half")
    with psycopg.connect(at(f"{RUN}_half")) as connection:
        connection.execute("CREATE TABLE django_migrations (left_by_a_killed_maker int)")
    name = template.ready(SERVER)
    made = databases()
    with psycopg.connect(at(name)) as connection:
        migrated = set(connection.execute("SELECT app, name FROM django_migrations"))
    assert migrated == set(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)
    assert template.ready(SERVER) == name
    assert databases()[name] == made[name]
    assert f"{RUN}_half" not in made
