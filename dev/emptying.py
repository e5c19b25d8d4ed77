"""Empties the database after a test that committed.

Django's own way (`flush`) truncates every table, filled or not, and then makes content types and permissions again: that
takes longer than most of these tests. Those two say the same after every migration, so they stay.

To truncate a table is to make new files for it, for its indexes and for every table that points at it: 40 ms of processor
where one person was written. So rows are deleted, and triggers are not asked, which needs a superuser; a table is truncated
where the dead rows have made it long. Who is no superuser truncates what holds something.
"""

import functools

from django.db import ProgrammingError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import TransactionTestCase

_STAY = {"django_content_type", "auth_permission"}
_LONG = 512 * 1024  # bytes


def install() -> None:
    """For every test that commits, also those that pytest-django makes of functions."""
    TransactionTestCase._fixture_teardown = _after_a_test  # type: ignore[attr-defined]


def _after_a_test(case: TransactionTestCase) -> None:
    for alias in case._databases_names(include_mirrors=False):  # type: ignore[attr-defined]
        empty(connections[alias])


def empty(connection: BaseDatabaseWrapper) -> None:
    connection.ensure_connection()
    if connection.connection.info.parameter_status("is_superuser") == "on":
        _delete(connection)
    else:
        _truncate_filled(connection)


def _delete(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT pg_temp.empty_all()")
        except ProgrammingError:  # this connection is new
            cursor.execute(_empty_all(_tables(connection)))
            cursor.execute("SELECT pg_temp.empty_all()")


def _empty_all(tables: tuple[str, ...]) -> str:
    """One call instead of a statement a table. A thread that still writes is waited for, as TRUNCATE does."""
    sizes = ", ".join(f"pg_relation_size('{table}')" for table in tables)
    return f"""
        CREATE FUNCTION pg_temp.empty_all() RETURNS void LANGUAGE plpgsql SET session_replication_role = replica AS $$
        BEGIN
            LOCK TABLE {", ".join(tables)} IN ACCESS EXCLUSIVE MODE;
            IF greatest({sizes}) > {_LONG} THEN
                TRUNCATE {", ".join(tables)};
            ELSE
                {" ".join(f"DELETE FROM {table};" for table in tables)}
            END IF;
        END $$"""  # noqa: S608


def _truncate_filled(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_which_are_filled(_tables(connection)))
        if filled := [name for (name,) in cursor.fetchall()]:
            cursor.execute(f"TRUNCATE {', '.join(filled)} CASCADE")


def _which_are_filled(tables: tuple[str, ...]) -> str:
    return " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in tables)  # noqa: S608


@functools.cache
def _tables(connection: BaseDatabaseWrapper) -> tuple[str, ...]:
    names = set(connection.introspection.django_table_names(include_views=False)) - _STAY
    return tuple(connection.ops.quote_name(name) for name in sorted(names))
