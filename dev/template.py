"""A migrated database, made once per run of the tests, of which all their databases are copies.

To migrate from nothing takes seconds of a processor, to copy what was migrated a tenth of one. Whoever needs it first
makes it; whoever comes meanwhile waits. `python -m dev.template <name>` makes it beside the database of DATABASE_URL.
"""

import os
import subprocess
import sys
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import django
import psycopg
from django.core.management import call_command
from django.db import connections

from dev import processes
from dev.places import CHECKOUT

_RUN = "MALIPO_TESTS_RUN"  # who began the run, for all processes of it


def begin() -> None:
    """This process begins a run of tests. Several may share a server: each has a template of its own."""
    os.environ[_RUN] = str(os.getpid())


def _name() -> str:
    return f"template_{os.environ.get(_RUN) or os.getpid()}"


def maker(server: str) -> dict[str, Any]:
    """What makes it, as `subprocess` takes it: a process of its own, for settings name one database for good.

    The URL holds a password: it goes where no `ps` shows it. The settings want a Redis too; migrations do not.
    """
    env = {"REDIS_URL": f"redis://{processes.LOOPBACK}", **os.environ, "DATABASE_URL": server}
    return {"args": [sys.executable, "-m", "dev.template", _name()], "env": env, "cwd": CHECKOUT}


def ready(server: str) -> str:
    """Its name, once it is whole. `server` is the URL of any database there."""
    with psycopg.connect(server, autocommit=True) as connection:
        made = _is_there(connection, _name())
    if not made:
        subprocess.run(**maker(server), check=True)
    return _name()


def drop(server: str) -> None:
    """Also what a maker that was stopped left. A server that has gone has neither."""
    with suppress(psycopg.OperationalError), psycopg.connect(server, autocommit=True) as connection:
        for name in (_name(), f"{_name()}_half"):
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _is_there(connection: psycopg.Connection, name: str) -> bool:
    return connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def _make(server: str, name: str) -> None:
    """Under another name until it is whole: a killed maker leaves nothing that looks like it."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])
        if _is_there(connection, name):
            return
        connection.execute(f"DROP DATABASE IF EXISTS {name}_half WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}_half")
        _migrate(urlunsplit(urlsplit(server)._replace(path=f"/{name}_half")))
        connection.execute(f"ALTER DATABASE {name}_half RENAME TO {name}")


def _migrate(url: str) -> None:
    os.environ["DATABASE_URL"] = url
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    call_command("migrate", verbosity=0, skip_checks=True)
    connections.close_all()


if __name__ == "__main__":
    _make(os.environ["DATABASE_URL"], sys.argv[1])
