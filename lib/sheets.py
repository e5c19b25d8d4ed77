"""CSV that opens rightly, and harmlessly, in a spreadsheet.

UTF-8 with the mark by which Excel knows it, quoted and ended as RFC 4180 says. A text that a spreadsheet would take
for a formula (`=HYPERLINK(…)` as somebody's name) gets an apostrophe before it; numbers stay numbers, negative ones too.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from lib.clock import EAT

MARK = "\ufeff".encode()
Cell = str | int | Decimal | datetime | None
_BEGINS_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")  # wide letters too: some spreadsheets read them as the narrow ones
_FORMULA = re.compile(r'(^|;[ "]*)(?=[=+\-@\t\r\n＝＋－＠])')


def lines(rows: Iterable[Sequence[Cell]]) -> bytes:
    """Rows of cells as bytes. Times are ISO 8601 in East Africa Time, None is empty."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(map(_cell, row) for row in rows)
    return text.getvalue().encode()


def shillings(amount_cents: int) -> Decimal:
    """100050 -> 1000.50: a number to a spreadsheet, below zero too."""
    return Decimal(amount_cents).scaleb(-2)


def _cell(value: Cell) -> Cell:
    if isinstance(value, str):
        return harmless(value)
    return value.astimezone(EAT).isoformat(timespec="seconds") if isinstance(value, datetime) else value


def harmless(text: str) -> str:
    """ "=1+1" -> "'=1+1"; also behind a semicolon, where spreadsheets of some countries part the cells."""
    if text[:1] in _BEGINS_FORMULA or ";" in text:
        return _FORMULA.sub(r"\1'", text)
    return text
