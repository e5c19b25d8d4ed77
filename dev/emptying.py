"""Empties the database after a test that committed.

Django's own way (`flush`) truncates every table, filled or not, and then makes content types and permissions again: that
takes longer than most of these tests. Those two say the same after every migration, so they stay; of the others only
what holds something is truncated.
"""

import functools

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import TransactionTestCase

_STAY = {"django_content_type", "auth_permission"}


def install() -> None:
    """For every test that commits, also those that pytest-django makes of functions."""
    TransactionTestCase._fixture_teardown = _after_a_test  # type: ignore[attr-defined]


def _after_a_test(case: TransactionTestCase) -> None:
    for alias in case._databases_names(include_mirrors=False):  # type: ignore[attr-defined]
        empty(connections[alias])


def empty(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_which_are_filled(connection))
        filled = [name for (name,) in cursor.fetchall()]
        if filled:
            cursor.execute(f"TRUNCATE {', '.join(map(connection.ops.quote_name, filled))} CASCADE")


@functools.cache
def _which_are_filled(connection: BaseDatabaseWrapper) -> str:
    names = set(connection.introspection.django_table_names(include_views=False)) - _STAY
    quote = connection.ops.quote_name
    asked = [f"SELECT '{name}' WHERE EXISTS (SELECT FROM {quote(name)})" for name in sorted(names)]  # noqa: S608
    return " UNION ALL ".join(asked)
