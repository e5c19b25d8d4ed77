"""Writing the audit trail: who did what to what, and when (SEC-6).

An entry is written in the transaction of what it tells about, so either both stand or none; outside of one it stands
by itself. Phone numbers and CheckoutRequestIDs are masked here, whoever forgot to (SEC-4). Security events are
entries whose action begins with `security.`; they go to the log as well.
"""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from lib.phone import mask_all
from lib.rows import storable

SYSTEM = "system"
_LONGEST = 2000  # characters of one text; a forger decides how long a body is
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Row:
    """One entry to be written. `actor` is "user:12" (or just "12") or "system"; `at` is now where it is not given."""

    action: str
    actor: str
    subject: str = ""
    data: Mapping[str, object] = field(default_factory=dict)
    environment: str = ""
    at: datetime | None = None


def record(
    *,
    action: str,
    actor: str,
    subject: str,
    data: Mapping[str, object] | None = None,
    environment: str = "",
    at: datetime | None = None,
) -> None:
    """Write one entry: record(action="account.signed_in", actor="user:12", subject="user:12", data={...})."""
    record_many([Row(action, actor, subject, data or {}, environment, at)])


def record_many(rows: Iterable[Row]) -> None:
    """Write entries with one statement, numbered in the given order."""
    values = [_values(row) for row in rows]
    if not values:
        return
    sql = """
        INSERT INTO audit_entry (action, actor, subject, data, environment, at)
        SELECT action, actor, subject, data, environment, coalesce(at, statement_timestamp())
        FROM unnest(%s::text[], %s::text[], %s::text[], %s::jsonb[], %s::text[], %s::timestamptz[])
             WITH ORDINALITY AS new (action, actor, subject, data, environment, at, place)
        ORDER BY place"""
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(column) for column in zip(*values, strict=True)])


def security(
    *,
    event: str,
    subject: str,
    actor: str = SYSTEM,
    data: Mapping[str, object] | None = None,
    environment: str = "",
    at: datetime | None = None,
) -> None:
    """Write a security event: `event="forged_callback"` becomes the action `security.forged_callback`."""
    row = Row(f"security.{event}", actor, subject, data or {}, environment, at)
    record_many([row])
    logger.warning("security event %s about %s", event, _text(subject))


def _values(row: Row) -> tuple[str, str, str, str, str, datetime | None]:
    actor = f"user:{row.actor}" if row.actor.isdigit() else row.actor
    data = json.dumps(_clean(row.data))
    return row.action, _text(actor)[:100], _text(row.subject)[:200], data, row.environment, row.at


def _clean(value: object) -> object:
    """JSON of whole numbers, texts, truths and nothing else, which PostgreSQL gives back as it was and seals can
    be made over; phone numbers masked, also where they are numbers or keys."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        return {_text(str(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean(item) for item in value]
    text = _text(str(value))
    return value if isinstance(value, int) and text == str(value) else text


def _text(text: str) -> str:
    """Masked, of bounded length, and free of what PostgreSQL cannot store (NUL, lone surrogates)."""
    whole = storable(text)
    # A number that the end would cut in two is masked before the cut.
    return mask_all(whole[: _LONGEST + 100])[:_LONGEST]
