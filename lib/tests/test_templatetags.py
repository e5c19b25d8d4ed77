"""Money, phones and times as pages show them."""

from datetime import UTC, datetime

import pytest
import time_machine

from lib.templatetags.money import money, signed
from lib.templatetags.parts import card, dialog
from lib.templatetags.phone import hidden, spaced
from lib.templatetags.times import clock, when

NOW = datetime(2026, 11, 21, 11, 32, tzinfo=UTC)  # 14:32 in Nairobi


@pytest.mark.parametrize(
    ("cents", "plain", "with_sign"),
    [(100_000, "KES 1,000", "+KES 1,000"), (-50, "KES -0.50", "−KES 0.50"), (0, "KES 0", "KES 0"), (None, "", "")],
)
def test_money(cents: int | None, plain: str, with_sign: str) -> None:
    assert (money(cents), signed(cents)) == (plain, with_sign)


def test_phones() -> None:
    assert (hidden("254712345678"), spaced("254712345678")) == ("•••• 678", "0712 345 678")
    assert (hidden(""), spaced(None)) == ("", "")


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize(
    ("at", "words"),
    [
        (datetime(2026, 11, 21, 11, 32, tzinfo=UTC), "today 14:32"),
        (datetime(2026, 11, 20, 21, 0, tzinfo=UTC), "today 00:00"),
        (datetime(2026, 11, 20, 20, 59, tzinfo=UTC), "yesterday 23:59"),
        (datetime(2026, 3, 1, 6, 5, tzinfo=UTC), "1 Mar 09:05"),
        (datetime(2025, 12, 31, 6, 5, tzinfo=UTC), "31 Dec 2025 09:05"),
    ],
)
def test_times_are_told_in_east_africa(at: datetime, words: str) -> None:
    assert f">{words}</time>" in when(at)


def test_the_full_date_stands_on_hover() -> None:
    assert 'title="Saturday 21 November 2026, 14:32:00 EAT"' in when(NOW)
    assert when(None) == ""


@pytest.mark.parametrize(("seconds", "face"), [(102, "1:42"), (59.9, "0:59"), (-3, "0:00"), (None, "0:00")])
def test_a_clock_counts_minutes_and_seconds(seconds: float | None, face: str) -> None:
    assert clock(seconds) == face


def test_enclosing_parts_escape_what_they_are_given() -> None:
    assert "&lt;b&gt;" in card("text", title="<b>")
    assert 'id="a&quot;b"' in dialog("text", id='a"b', title="x")
