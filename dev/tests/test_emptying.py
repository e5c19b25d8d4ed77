"""What a test committed is gone before the next one begins, also where tables refuse to forget."""

from collections.abc import Callable

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from accounts.models import User
from audit import trail
from audit.models import Entry
from dev import emptying

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def database() -> BaseDatabaseWrapper:
    return connections["default"]


def _write() -> None:
    User.objects.create_user("amina@malipo.test", "a-long-enough-secret", name="Amina W")
    trail.record(action="account.signed_in", actor="system", subject="user:12")


def _left() -> tuple[int, int]:
    return User.objects.count(), Entry.objects.count()


@pytest.mark.parametrize("empty", [emptying.empty, emptying._truncate_filled], ids=["who we are", "no superuser"])
def test_what_was_committed_is_gone(
    database: BaseDatabaseWrapper, empty: Callable[[BaseDatabaseWrapper], None]
) -> None:
    for _ in range(2):
        _write()
        empty(database)
        assert _left() == (0, 0)
    assert ContentType.objects.exists()


def test_rules_hold_after_it_as_before(database: BaseDatabaseWrapper) -> None:
    emptying.empty(database)
    with database.cursor() as cursor:
        cursor.execute("SHOW session_replication_role")
        assert cursor.fetchone() == ("origin",)


def test_a_new_connection_is_told_how(database: BaseDatabaseWrapper) -> None:
    emptying.empty(database)
    _write()
    database.close()
    emptying.empty(database)
    assert _left() == (0, 0)


def test_a_table_long_of_dead_rows_is_short_again(database: BaseDatabaseWrapper, monkeypatch) -> None:
    database.close()
    monkeypatch.setattr(emptying, "_LONG", 0)
    _write()
    emptying.empty(database)
    assert _left() == (0, 0)
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size('accounts_user')")
        assert cursor.fetchone() == (0,)
    database.close()  # it has learnt to take every table for long
