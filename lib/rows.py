"""Writing and reading rows where Django's own way is the cost of the whole.

`bulk_update` writes a CASE of every row for every column: for a hundred rows of 26 columns that is 2,600 expressions to
build, compile and plan; `bulk_create` compiles and escapes each value by itself. Here the rows go as one JSON text, and
PostgreSQL reads them back by the types of their columns, so the statement is the same for one row and for a thousand.

A query set compiles its SQL anew each time, column by column: for a row of 48 columns that is a millisecond, several
times what PostgreSQL needs. Where a request reads the same rows in the same way each time, their text is kept.
"""

import functools
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Field, Model
from django.db.models.expressions import Col, DatabaseDefault

M = TypeVar("M", bound=Model)
_Converter = tuple[int, Col, list[Callable[..., Any]]]  # the place of the value, its column, what makes Python of it


def read_rows(model: type[M], tail: str, params: Sequence[Any]) -> list[M]:
    """Whole rows; `tail` is what stands after FROM: `read_rows(Lot, "WHERE id = ANY(%s) ORDER BY id", [ids])`."""
    head, names, converters = _reading(model)
    with connection.cursor() as cursor:
        cursor.execute(f"{head} {tail}", params)
        found = [list(values) for values in cursor.fetchall()]
    for values in found:
        for place, column, convert in converters:
            for one in convert:
                values[place] = one(values[place], column, connection)
    return [model.from_db(connection.alias, names, values) for values in found]


@functools.cache
def _reading(model: type[Model]) -> tuple[str, list[str], list[_Converter]]:
    meta = model._meta
    columns = [field.get_col(meta.db_table) for field in meta.concrete_fields]
    text = ", ".join(_quoted(str(column.target.column)) for column in columns)
    found = [
        (place, column, connection.ops.get_db_converters(column) + column.get_db_converters(connection))
        for place, column in enumerate(columns)
    ]
    head = f"SELECT {text} FROM {_quoted(meta.db_table)}"  # noqa: S608 - names of our own models
    return head, [field.attname for field in meta.concrete_fields], [one for one in found if one[2]]


def insert_row(row: Model) -> None:
    """INSERT one new row, which learns its id. No signals, no `auto_now`."""
    sql, fields = _inserting(type(row))
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row.pk = cursor.fetchone()[0]
    row._state.adding, row._state.db = False, connection.alias


@functools.cache
def _inserting(model: type[Model]) -> "tuple[str, list[Field[Any, Any]]]":
    meta = model._meta
    fields = [field for field in meta.concrete_fields if not field.primary_key]
    columns, places = ", ".join(_quoted(str(field.column)) for field in fields), ", ".join(["%s"] * len(fields))
    key = _quoted(str(_key(model).column))
    return f"INSERT INTO {_quoted(meta.db_table)} ({columns}) VALUES ({places}) RETURNING {key}", fields  # noqa: S608 - names of our own models


def update_rows(rows: Sequence[Model], names: Sequence[str]) -> int:
    """UPDATE these fields of saved rows of one model; how many were found. No signals, no `auto_now`, as bulk_update."""
    if not rows:
        return 0
    return _run(*_updating(type(rows[0]), tuple(names)), rows)


@functools.cache
def _updating(model: type[Model], names: tuple[str, ...]) -> "tuple[str, list[Field[Any, Any]]]":
    known = {field.name: field for field in model._meta.concrete_fields}
    fields = [_key(model), *(known[name] for name in names)]
    key, *others = [_quoted(str(field.column)) for field in fields]
    sets = ", ".join(f"{column} = new.{column}" for column in others)
    table = _quoted(model._meta.db_table)
    sql = f"UPDATE {table} SET {sets} FROM {_new(fields)} WHERE {table}.{key} = new.{key}"  # noqa: S608 - names of our own models
    return sql, fields


def insert_rows(rows: Sequence[Model], *, once: bool = False) -> int:
    """INSERT new rows of one model, their ids in the given order; how many were. No signals, no `auto_now`, and the
    rows in hand learn no ids. Columns that the database fills by itself are left to it. `once`: what is there stays.
    """
    if not rows:
        return 0
    given = tuple(not _left_to_the_database(rows[0], field) for field in rows[0]._meta.concrete_fields)
    sql, fields = _inserting_many(type(rows[0]), given)
    return _run(f"{sql} ON CONFLICT DO NOTHING" if once else sql, fields, rows)


@functools.cache
def _inserting_many(model: type[Model], given: tuple[bool, ...]) -> "tuple[str, list[Field[Any, Any]]]":
    fields = [field for field, wanted in zip(model._meta.concrete_fields, given, strict=True) if wanted]
    columns, table = ", ".join(_quoted(str(field.column)) for field in fields), _quoted(model._meta.db_table)
    return f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {_new(fields)}", fields  # noqa: S608 - names of our own models


def _left_to_the_database(row: Model, field: "Field[Any, Any]") -> bool:
    value = getattr(row, field.attname)
    return isinstance(value, DatabaseDefault) or (field.primary_key and value is None)


def _key(model: type[Model]) -> "Field[Any, Any]":
    if model._meta.pk is None:  # an abstract model has no rows
        raise ValueError(f"{model._meta.label} has no key")
    return model._meta.pk


def _new(fields: "Sequence[Field[Any, Any]]") -> str:
    columns = ", ".join(f"{_quoted(str(field.column))} {field.db_type(connection)}" for field in fields)
    return f"json_to_recordset(%s::json) AS new ({columns})"


def _run(sql: str, fields: "Sequence[Field[Any, Any]]", rows: Sequence[Model]) -> int:
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
