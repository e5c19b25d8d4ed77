"""CSV that opens rightly, and harmlessly, in a spreadsheet.

UTF-8 with the mark by which Excel knows it, quoted and ended as RFC 4180 says. A text that a spreadsheet would take
for a formula (`=HYPERLINK(…)` as somebody's name) gets an apostrophe before it; numbers stay numbers, negative ones too.
"""

import csv
import functools
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from django.db.models import Func, TextField

from lib.clock import EAT

MARK = "\ufeff".encode()
Cell = str | int | Decimal | datetime | None
_BEGINS_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")  # wide letters too: some spreadsheets read them as the narrow ones
_PARTS = frozenset(";\r\n")
_FORMULA = re.compile(r'^(?=[\r\n])|(^|[;\r\n][;\r\n "]*)(?=[=+\-@\t＝＋－＠])')


def lines(rows: Iterable[Sequence[Cell]]) -> bytes:
    """Rows of cells as bytes. Times are ISO 8601 in East Africa Time, None is empty."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


class Stamp(Func):
    """A time as `lines` writes it, by PostgreSQL itself: a million of them cost Python half a minute. None is ""."""

    template = (
        """coalesce(to_char(%(expressions)s AT TIME ZONE 'Africa/Nairobi', 'YYYY-MM-DD"T"HH24:MI:SS"+03:00"'), '')"""
    )
    output_field = TextField()


@functools.lru_cache(maxsize=4096)
def shillings(amount_cents: int) -> Decimal:
    """100050 -> 1000.50: a number to a spreadsheet, below zero too."""
    return Decimal(amount_cents).scaleb(-2)


def _cell(value: Cell) -> Cell:
    """ "=1+1" -> "'=1+1"; also behind a semicolon or a new line: where semicolons part the cells, ours are not quoted."""
    if isinstance(value, str):
        suspect = value[:1] in _BEGINS_FORMULA or not _PARTS.isdisjoint(value)
        return _FORMULA.sub(r"\1'", value) if suspect else value
    return value.astimezone(EAT).isoformat(timespec="seconds") if isinstance(value, datetime) else value
