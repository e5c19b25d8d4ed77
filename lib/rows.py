"""Writing and reading rows where Django's own way is the cost of the whole.

`bulk_update` writes a CASE of every row for every column: for a hundred rows of 26 columns that is 2,600 expressions to
build, compile and plan; `bulk_create` compiles and escapes each value by itself. Here the rows go as one JSON text, and
PostgreSQL reads them back by the types of their columns, so the statement is the same for one row and for a thousand.

A query set compiles its SQL anew each time, column by column: for a row of 48 columns that is a millisecond, several
times what PostgreSQL needs. Where a request reads the same rows in the same way each time, their text is kept.
"""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Field, ForeignKey, Model
from django.db.models.expressions import Col, DatabaseDefault

M = TypeVar("M", bound=Model)
_Converter = tuple[int, Col, list[Callable[..., Any]]]  # the place of the value, its column, what makes Python of it


@dataclass(frozen=True, slots=True)
class _Part:
    """One model of a row that is read: its columns, and where it hangs (`field` of the part at `parent`)."""

    model: type[Model]
    columns: tuple[str, ...]
    names: list[str]
    converters: list[_Converter]
    key: int
    parent: int = 0
    field: "ForeignKey[Any, Any] | None" = None


def read_rows(model: type[M], tail: str, params: Sequence[Any]) -> list[M]:
    """Whole rows; `tail` is what stands after FROM: `read_rows(Lot, "WHERE id = ANY(%s) ORDER BY id", [ids])`."""
    table = _quoted(model._meta.db_table)
    return _read(model, f"SELECT {_listed(model)} FROM {table} {tail}", params)  # noqa: S608 - names of our own models


def changed_rows(model: type[M], statement: str, params: Sequence[Any] | Mapping[str, Any]) -> list[M]:
    """The rows that an UPDATE or INSERT wrote, whole, as they are now; `statement` stands without its RETURNING."""
    return _read(model, f"{statement} RETURNING {_listed(model)}", params)


def read_related(model: type[M], paths: tuple[str, ...], tail: str, params: Sequence[Any]) -> list[M]:
    """Whole rows with those that `paths` lead to, as select_related: `("booking", "booking__client")`, each after the
    one it hangs on. In `tail` the model's own row is called `one`: `"WHERE one.id = %s"`."""
    head, parts = _joining(model, paths)
    with connection.cursor() as cursor:
        cursor.execute(f"{head} {tail}", params)
        return [_joined(list(values), parts) for values in cursor.fetchall()]


def _read(model: type[M], sql: str, params: Sequence[Any] | Mapping[str, Any]) -> list[M]:
    part = _reading(model)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return [_made(part, list(values)) for values in cursor.fetchall()]


def _made(part: _Part, values: list[Any]) -> Any:
    for place, column, convert in part.converters:
        for one in convert:
            values[place] = one(values[place], column, connection)
    return part.model.from_db(connection.alias, part.names, values)


def _joined(values: list[Any], parts: Sequence[_Part]) -> Any:
    made: list[Any] = []
    begin = 0
    for part in parts:
        own = values[begin : begin + len(part.columns)]
        begin += len(part.columns)
        made.append(None if own[part.key] is None else _made(part, own))
        if part.field and made[part.parent] is not None:
            part.field.set_cached_value(made[part.parent], made[-1])
    return made[0]


def _listed(model: type[Model]) -> str:
    return ", ".join(_reading(model).columns)


@functools.cache
def _reading(model: type[Model]) -> _Part:
    meta = model._meta
    columns = [field.get_col(meta.db_table) for field in meta.concrete_fields]
    found = [
        (place, column, connection.ops.get_db_converters(column) + column.get_db_converters(connection))
        for place, column in enumerate(columns)
    ]
    return _Part(
        model=model,
        columns=tuple(_quoted(str(column.target.column)) for column in columns),
        names=[field.attname for field in meta.concrete_fields],
        converters=[one for one in found if one[2]],
        key=list(meta.concrete_fields).index(_key(model)),
    )


@functools.cache
def _joining(model: type[Model], paths: tuple[str, ...]) -> tuple[str, list[_Part]]:
    """One LEFT JOIN for each path."""
    parts, aliases = [_reading(model)], ["one"]
    tables = [f"{_quoted(model._meta.db_table)} AS one"]
    for path in paths:
        before, _, name = path.rpartition("__")
        parent = aliases.index(before or "one")
        field: Any = parts[parent].model._meta.get_field(name)
        part = replace(_reading(field.remote_field.model), parent=parent, field=field)
        on = f"{path}.{part.columns[part.key]} = {aliases[parent]}.{_quoted(str(field.column))}"
        tables.append(f"LEFT JOIN {_quoted(part.model._meta.db_table)} AS {path} ON {on}")
        parts.append(part)
        aliases.append(path)
    columns = [f"{alias}.{column}" for alias, part in zip(aliases, parts, strict=True) for column in part.columns]
    return f"SELECT {', '.join(columns)} FROM {' '.join(tables)}", parts  # noqa: S608 - names of our own models


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
    sql, fields = _inserting_those(rows[0])
    return _run(f"{sql} ON CONFLICT DO NOTHING" if once else sql, fields, rows)


def insert_missing(rows: Sequence[M]) -> list[M]:
    """As `insert_rows` with `once`: the rows that were not there yet, as they were written, with their ids."""
    if not rows:
        return []
    sql, fields = _inserting_those(rows[0])
    return changed_rows(type(rows[0]), f"{sql} ON CONFLICT DO NOTHING", [_as_json(fields, rows)])


def _inserting_those(row: Model) -> "tuple[str, list[Field[Any, Any]]]":
    given = tuple(not _left_to_the_database(row, field) for field in row._meta.concrete_fields)
    return _inserting_many(type(row), given)


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
    with connection.cursor() as cursor:
        cursor.execute(sql, [_as_json(fields, rows)])
        return int(cursor.rowcount)


def _as_json(fields: "Sequence[Field[Any, Any]]", rows: Sequence[Model]) -> str:
    names = [(str(field.column), field.attname) for field in fields]
    return json.dumps([{column: getattr(row, name) for column, name in names} for row in rows], default=_as_text)


def storable(text: str) -> str:
    """A stranger's text as PostgreSQL can keep it: without NUL, and without half of a letter."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


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
