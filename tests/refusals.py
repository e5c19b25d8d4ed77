"""What refuses a statement: the name of the constraint or trigger."""

from collections.abc import Sequence

import pytest
from django.db import IntegrityError, connection, transaction


def refused_by(sql: str, params: Sequence[object] = ()) -> str | None:
    """Run raw SQL that must break a rule of the database, and name the rule. Nothing of it stays."""
    with pytest.raises(IntegrityError) as refusal, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"{sql}; SET CONSTRAINTS ALL IMMEDIATE", params)
    cause = refusal.value.__cause__
    return cause.diag.constraint_name  # type: ignore[union-attr]


def copy(table: str, row: int, **changes: str) -> str | None:
    """Insert a copy of a row with some columns given as SQL; what refused it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND column_name <> 'id'", [table]
        )
        columns = [column for (column,) in cursor.fetchall()]
    values = ", ".join(changes.get(column, column) for column in columns)
    return refused_by(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} WHERE id = {row}")  # noqa: S608


def rules_of(*apps: str) -> set[str]:
    """The names of all rules on the tables of these apps: checks, keys, exclusions, partial unique indexes, triggers."""
    tables = f"^({'|'.join(apps)})_"
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT conname FROM pg_constraint
            WHERE conrelid::regclass::text ~ %(tables)s AND contype IN ('c', 'u', 'f', 'x')
            UNION SELECT indexname FROM pg_indexes
            WHERE tablename ~ %(tables)s AND indexdef ~ 'UNIQUE' AND indexdef ~ 'WHERE'
            UNION SELECT tgname FROM pg_trigger
            WHERE NOT tgisinternal AND tgrelid::regclass::text ~ %(tables)s AND tgname !~ '_truncate$'
            """,
            {"tables": tables},
        )
        return {name for (name,) in cursor.fetchall()}
