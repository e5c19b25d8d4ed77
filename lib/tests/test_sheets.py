"""CSV for spreadsheets: what is text stays text, what is a number stays a number."""

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import sheets

# What a spreadsheet evaluates when a cell begins with it.
EVALUATED = tuple("=+-@\t\r\n")


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


@pytest.mark.requirement("ADM-2")
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+254 712", "'+254 712"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r'=1"),
        ("＝1+1", "'＝1+1"),
        ("Otieno;=1+1", "Otieno;'=1+1"),
        ('Otieno; "=1+1', "Otieno; \"'=1+1"),
        ("Otieno\n=A1;", "Otieno\n'=A1;"),  # where semicolons part the cells, a quote within one ends no line
        ("Otieno\r\n =A1", "Otieno\r\n '=A1"),
        ("Otieno\n- by bus", "Otieno\n'- by bus"),
        ("Otieno\nWanjiku;\n", "Otieno\nWanjiku;\n"),
        ("Wanjiku Ng'ang'a", "Wanjiku Ng'ang'a"),
        ("a=b; c-d", "a=b; c-d"),
        ("", ""),
    ],
)
def test_no_text_becomes_a_formula(text: str, shown: str) -> None:
    assert read(sheets.lines([[text]]))[0:1] == ([[shown]] if text else [[""]])


@pytest.mark.requirement("ADM-2")
def test_numbers_stay_numbers_and_times_say_where() -> None:
    at = datetime(2026, 11, 21, 9, 30, 7, 999, tzinfo=UTC)
    cells = [sheets.shillings(100_050), sheets.shillings(-5), sheets.shillings(0), 7, -7, at, None]
    assert sheets.lines([cells]) == b"1000.50,-0.05,0.00,7,-7,2026-11-21T12:30:07+03:00,\r\n"


# No surrogates and NUL: PostgreSQL stores neither.
@pytest.mark.requirement("ADM-2")
@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2), max_size=5
    )
)
def test_whatever_is_written_is_read_again_and_begins_harmlessly(rows: list[list[str]]) -> None:
    found = read(sheets.lines(rows))
    assert [[cell.replace("'", "") for cell in row] for row in found] == [
        [cell.replace("'", "") for cell in row] for row in rows
    ]
    assert not [cell for row in found for cell in row if cell.startswith(EVALUATED)]
