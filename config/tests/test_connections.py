"""A worker keeps its connection to the database from task to task, and gets a new one when it broke."""

from types import SimpleNamespace

import psycopg
import pytest
from celery import current_app
from celery.fixups.django import DjangoWorkerFixup
from celery.signals import task_postrun, task_prerun
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
