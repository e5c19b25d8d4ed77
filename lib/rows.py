"""Writing many rows at once, where Django's own way is the cost of the whole.

`bulk_update` writes a CASE of every row for every column: for a hundred rows of 26 columns that is 2,600 expressions to
build, compile and plan; `bulk_create` compiles and escapes each value by itself. Here the rows go as one JSON text, and
PostgreSQL reads them back by the types of their columns, so the statement is the same for one row and for a thousand.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Field, Model
from django.db.models.expressions import DatabaseDefault


def update_rows(rows: Sequence[Model], names: Sequence[str]) -> int:
    """UPDATE these fields of saved rows of one model; how many were found. No signals, no `auto_now`, as bulk_update."""
    if not rows:
        return 0
    meta = type(rows[0])._meta
    if meta.pk is None:  # an abstract model has no rows
        raise ValueError(f"{meta.label} has no key")
    known = {field.name: field for field in meta.concrete_fields}
    fields = [meta.pk, *(known[name] for name in names)]
    key, *others = [_quoted(str(field.column)) for field in fields]
    sets = ", ".join(f"{column} = new.{column}" for column in others)
    table = _quoted(meta.db_table)
    sql = f"UPDATE {table} SET {sets} FROM {_new(fields)} WHERE {table}.{key} = new.{key}"  # noqa: S608 - names of our own models
    return _run(sql, rows, fields)


def insert_rows(rows: Sequence[Model], *, once: bool = False) -> int:
    """INSERT new rows of one model, their ids in the given order; how many were. No signals, no `auto_now`, and the
    rows in hand learn no ids. Columns that the database fills by itself are left to it. `once`: what is there stays.
    """
    if not rows:
        return 0
    meta = type(rows[0])._meta
    fields = [field for field in meta.concrete_fields if not _left_to_the_database(rows[0], field)]
    columns = ", ".join(_quoted(str(field.column)) for field in fields)
    conflict = " ON CONFLICT DO NOTHING" if once else ""
    sql = f"INSERT INTO {_quoted(meta.db_table)} ({columns}) SELECT {columns} FROM {_new(fields)}{conflict}"  # noqa: S608 - names of our own models
    return _run(sql, rows, fields)


def _left_to_the_database(row: Model, field: "Field[Any, Any]") -> bool:
    value = getattr(row, field.attname)
    return isinstance(value, DatabaseDefault) or (field.primary_key and value is None)


def _new(fields: "Sequence[Field[Any, Any]]") -> str:
    columns = ", ".join(f"{_quoted(str(field.column))} {field.db_type(connection)}" for field in fields)
    return f"json_to_recordset(%s::json) AS new ({columns})"


def _run(sql: str, rows: Sequence[Model], fields: "Sequence[Field[Any, Any]]") -> int:
    names = [(str(field.column), field.attname) for field in fields]
    told = [{column: getattr(row, name) for column, name in names} for row in rows]
    with connection.cursor() as cursor:
        cursor.execute(sql, [json.dumps(told, default=_as_text)])
        return int(cursor.rowcount)


def _as_text(value: object) -> str:
    """As PostgreSQL reads it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return f"\\x{bytes(value).hex()}"
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not written by lib.rows")


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
