"""Transactions said aloud, and the SQL of the rules that Django cannot declare.

`entry_point` marks a function that owns its transaction: it must be outermost, and is run again as a whole when
PostgreSQL ends a deadlock (three times). `in_transaction` marks a function that is part of somebody else's.
"""

import functools
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.migrations import RunSQL

P = ParamSpec("P")
R = TypeVar("R")

_DEADLOCK_OR_SERIALISATION = {"40P01", "40001"}
_TRIES = 3


def in_transaction(function: Callable[P, R]) -> Callable[P, R]:
    """Refuse to run outside a transaction: the caller's commit is what makes the work whole."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        if not connection.in_atomic_block:
            raise RuntimeError(f"{function.__qualname__} must run inside a transaction")
        return function(*args, **kwargs)

    return wrapper


def entry_point(function: Callable[P, R]) -> Callable[P, R]:
    """Run in a transaction of its own, again as a whole after a deadlock, at most three times."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        for left in reversed(range(_TRIES)):
            try:
                with transaction.atomic(durable=True):
                    return function(*args, **kwargs)
            except OperationalError as error:
                state = getattr(error.__cause__, "sqlstate", None)
                if state not in _DEADLOCK_OR_SERIALISATION or not left:
                    raise
        raise AssertionError("unreachable")

    return wrapper


def refused_by(error: IntegrityError) -> str:
    """The name of the rule that refused; "" where PostgreSQL names none."""
    diagnostics = getattr(error.__cause__, "diag", None)
    return str(getattr(diagnostics, "constraint_name", "") or "")


def frozen(table: str, *, columns: Iterable[str] = (), name: str = "") -> RunSQL:
    """A trigger that refuses DELETE, TRUNCATE and UPDATE; with `columns`, only an UPDATE that changes one of these.

    The refusal names the trigger (`<table>_frozen`). TRUNCATE is let through only where the session says
    `malipo.allow_truncate = on`, which the test suite does to empty its own database.
    """
    name = name or f"{table}_frozen"
    watched = list(columns)
    changed = " OR ".join(f"OLD.{c} IS DISTINCT FROM NEW.{c}" for c in watched) or "TRUE"
    return RunSQL(
        sql=f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'TRUNCATE' THEN
                IF current_setting('malipo.allow_truncate', true) = 'on' THEN RETURN NULL; END IF;
            ELSIF TG_OP = 'UPDATE' THEN
                IF NOT ({changed}) THEN RETURN NEW; END IF;
            END IF;
            RAISE EXCEPTION '{name}: % of {table} is not allowed', TG_OP
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = '{name}';
        END $$;
        CREATE TRIGGER {name} BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}();
        CREATE TRIGGER {name}_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION {name}();
        """,
        reverse_sql=f"""
        DROP TRIGGER {name}_truncate ON {table};
        DROP TRIGGER {name} ON {table};
        DROP FUNCTION {name}();
        """,
    )
