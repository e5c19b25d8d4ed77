"""The databases of a run of the tests, and the migrated one of which most of them are copies.

To migrate from nothing takes seconds of a processor, to copy what was migrated a tenth of one. Whoever needs it first
makes it; whoever comes meanwhile waits. `python -m dev.template <name>` makes it beside the database of DATABASE_URL.

A server that DATABASE_URL names may have several runs at once, and outlives them all: each run has a name of its own,
which its databases bear, and under which it is seen in the server's list of sessions for as long as it lasts. What
bears the name of none that lasts was left by a run that was killed, and goes when the next one begins.
"""

import os
import secrets
import subprocess
import sys
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import django
import psycopg
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from dev import processes
from dev.places import CHECKOUT, Unusable

_RUN = "MALIPO_TESTS_RUN"  # who began the run, for all processes of it
_LEFT = """SELECT datname FROM pg_database AS left_behind
    WHERE datname ~ '^malipo_run_[0-9a-f]{12}_' AND pg_has_role(datdba, 'MEMBER')
    AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE starts_with(left_behind.datname, application_name || '_'))"""
_MINE = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
_MAY_CREATE = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
_sessions: dict[str, psycopg.Connection[Any]] = {}


def begin(server: str) -> None:
    """This process begins a run of tests. Raises Unusable.

    A process id would not do for its name: it comes again, and what a killed run left would be believed.
    """
    os.environ[_RUN] = secrets.token_hex(6)
    try:
        session = psycopg.connect(server, autocommit=True, application_name=_run())
    except psycopg.OperationalError as error:
        raise Unusable(f"The PostgreSQL of DATABASE_URL does not let us in: {str(error).strip()}") from None
    if session.execute(_MAY_CREATE).fetchone() != (True,):
        session.close()
        raise Unusable(
            "The tests make databases of their own, and the user of DATABASE_URL may not: ALTER ROLE … CREATEDB"
        )
    _sessions[_run()] = session
    _drop(session, _LEFT)


def name(what: str) -> str:
    """Of a database of this run."""
    return f"{_run()}_{what}"


def _run() -> str:
    return f"malipo_run_{os.environ.get(_RUN) or os.getpid()}"


def maker(server: str) -> dict[str, Any]:
    """What makes it, as `subprocess` takes it: a process of its own, for settings name one database for good.

    The URL holds a password: it goes where no `ps` shows it. The settings want a Redis too; migrations do not.
    """
    env = {"REDIS_URL": f"redis://{processes.LOOPBACK}", **os.environ, "DATABASE_URL": server}
    return {"args": [sys.executable, "-m", "dev.template", name("template")], "env": env, "cwd": CHECKOUT}


def ready(server: str) -> str:
    """Its name, once it is whole. `server` is the URL of any database there."""
    with psycopg.connect(server, autocommit=True) as connection:
        made = _is_there(connection, name("template"))
    if not made:
        subprocess.run(**maker(server), check=True)
    return name("template")


def end(server: str) -> None:
    """The run is over: all that bears its name goes, also what a maker that was stopped left. What cannot go now, the
    next run finds; a server that has gone has nothing."""
    with suppress(psycopg.OperationalError), psycopg.connect(server, autocommit=True) as connection:
        _drop(connection, _MINE, f"{_run()}_")
    if session := _sessions.pop(_run(), None):
        session.close()


def _drop(connection: psycopg.Connection[Any], which: str, *values: str) -> None:
    for (found,) in connection.execute(which, values or None).fetchall():
        with suppress(psycopg.Error):  # another run sweeps too
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(found)))


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
