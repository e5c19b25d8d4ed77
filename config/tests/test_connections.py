"""A worker keeps its connection to the database from task to task, and gets a new one when it broke."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from celery import current_app
from celery.fixups.django import DjangoWorkerFixup
from celery.signals import task_postrun, task_prerun
from django.conf import settings
from django.db import connection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("REC-4", "OPS-1")]


def backend() -> int:
    """PostgreSQL's process at the other end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


class Task:
    """As far as Celery looks at it: one that a worker runs."""

    request = SimpleNamespace(is_eager=False)


def a_task_goes_by() -> None:
    """What Celery and we do between two tasks of a worker."""
    task, fixup = Task(), DjangoWorkerFixup(current_app)
    fixup.on_task_postrun(task)
    task_postrun.send(sender=task)
    fixup.on_task_prerun(task)
    task_prerun.send(sender=task)


def test_one_connection_for_many_tasks() -> None:
    first = backend()
    a_task_goes_by()
    assert backend() == first


def test_a_broken_one_is_replaced() -> None:
    first, at = backend(), connection.settings_dict
    login = {"host": at["HOST"], "port": at["PORT"], "dbname": at["NAME"], "user": at["USER"]}
    with psycopg.connect(**login, password=at["PASSWORD"] or None, autocommit=True) as other:
        ended = other.execute("SELECT pg_terminate_backend(%s, 60000)", [first]).fetchone()  # waits until it has
        assert ended == (True,)
    a_task_goes_by()
    assert backend() != first


def said(program: str, **env: str) -> Any:
    """By a process with these variables, as JSON."""
    command = [sys.executable, "-c", f"import json; {program}"]
    done = subprocess.run(command, cwd=settings.BASE_DIR, env={**os.environ, **env}, capture_output=True, check=True)
    return json.loads(done.stdout)


SHOW = """
import socket
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SHOW idle_in_transaction_session_timeout")
    limits = [cursor.fetchone()[0]]
    cursor.execute("SHOW client_connection_check_interval")
    limits += cursor.fetchone()
    line = socket.socket(fileno=connection.connection.pgconn.socket)
    kept = [line.getsockopt(*option) for option in (
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE), (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL), (socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
        (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
    )]
    line.detach()
print(json.dumps([limits, kept]))
"""


@pytest.mark.parametrize(
    ("pooled", "given", "found"),
    [
        ("false", "", ["1min", "1min"]),
        ("true", "-c idle_in_transaction_session_timeout=5s", ["5s", "1min"]),
    ],
)
def test_who_is_gone_or_stands_still_is_noticed(pooled: str, given: str, found: list[str]) -> None:
    """A frozen process, or a machine that has gone, would hold its rows for ever: others wait for them a minute at most.

    A server that has gone is noticed by us after seconds: the kernel asks after 30, and gives up what is unanswered after 10.
    """
    told = said(SHOW, PGOPTIONS=given, DATABASE_POOL=pooled, DJANGO_SETTINGS_MODULE="config.settings")
    assert told == [found, [1, 30, 10, 3, 10_000]]


def test_what_the_url_says_about_connecting_counts() -> None:
    """`sslmode` was lost once: nobody saw that passwords and payments went in clear."""
    url = "postgres://u:p@db/x?sslmode=require&connect_timeout=2"
    program = "from config import settings as s; print(json.dumps(s.DATABASES['default']))"
    found = said(program, DATABASE_URL=url, DATABASE_POOL="true")
    assert found["ENGINE"] == "config.database"
    options = found["OPTIONS"]
    assert (options["sslmode"], options["connect_timeout"], options["pool"]["timeout"]) == ("require", 2, 5)
