"""Cents inside, shillings at the borders, and nothing lost between (STK-2)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import money
from lib.errors import Refusal
from lib.tests.spellings import AMOUNTS_REFUSED, AMOUNTS_TAKEN, LEAST, MOST

LIMITS = "Amount must be between KES 10 and KES 150,000"
WHOLE = "Amount must be a whole number of shillings, without cents"


def parse(text: object) -> int:
    return money.parse(text, minimum=LEAST, maximum=MOST)


@pytest.mark.requirement("STK-2")
@pytest.mark.parametrize(("text", "shillings"), AMOUNTS_TAKEN.items())
def test_spellings_that_are_taken(text: str, shillings: int) -> None:
    assert parse(text) == money.cents(shillings)


@pytest.mark.requirement("STK-2")
@pytest.mark.parametrize("text", AMOUNTS_REFUSED)
def test_spellings_that_are_refused(text: str) -> None:
    with pytest.raises(Refusal):
        parse(text)


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        (10, 1000), (150_000, 15_000_000), ("1000", 100_000), ("1,000", 100_000), ("1 000", 100_000), ("KES 1,000", 100_000),
        ("kes1000", 100_000), ("Ksh 1,000", 100_000), ("Ksh. 1,000/=", 100_000), ("1000/-", 100_000), (" 1000 ", 100_000),
        ("150,000.00", 15_000_000), (1000.0, 100_000), ("1000.00", 100_000), (Decimal("1000.00"), 100_000), ("0010", 1000),
    ],
)  # fmt: skip
@pytest.mark.requirement("STK-2")
def test_amounts_as_people_write_them(text: object, cents: int) -> None:
    assert parse(text) == cents


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (9, LIMITS), (150_001, LIMITS), (0, LIMITS), (-10, LIMITS), ("", LIMITS), ("ten", LIMITS), (None, LIMITS),
        (True, LIMITS), ([100], LIMITS), ("NaN", LIMITS), ("Infinity", LIMITS), ("1e3", LIMITS), ("1_000", LIMITS),
        ("٣٠", LIMITS), ("9" * 5000, LIMITS), ("1,50", LIMITS), ("10,00", LIMITS), ("1.000.000", LIMITS), ("+100", LIMITS),
        ("1,0000", LIMITS), ("100 KES 100", LIMITS), ("9.99", LIMITS), ("150000.01", LIMITS),
        ("10.50", WHOLE), (100.5, WHOLE), ("1,000.01", WHOLE), (Decimal("10.001"), WHOLE),
    ],
)  # fmt: skip
@pytest.mark.requirement("STK-2")
def test_other_amounts_are_refused_in_words(text: object, message: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse(text)
    assert (caught.value.code, caught.value.message) == ("invalid_amount", message)
    assert caught.value.errors == {"amount": [message]}


@given(st.integers(10, 150_000))
def test_what_is_shown_can_be_typed(shillings: int) -> None:
    cents = money.cents(shillings)
    assert parse(shillings) == parse(str(shillings)) == parse(money.words(cents)) == cents
    assert money.whole_shillings(cents) == shillings


@given(st.text() | st.integers() | st.floats() | st.decimals() | st.none() | st.booleans() | st.binary())
def test_anything_is_an_amount_within_the_limits_or_refused(text: object) -> None:
    try:
        cents = parse(text)
    except Refusal:
        return
    assert 1000 <= cents <= 15_000_000
    assert cents % 100 == 0


@pytest.mark.parametrize(
    ("cents", "words"),
    [
        (100_000, "KES 1,000"),
        (100_050, "KES 1,000.50"),
        (5, "KES 0.05"),
        (0, "KES 0"),
        (-100_050, "KES -1,000.50"),
        (-5, "KES -0.05"),
    ],
)
def test_words(cents: int, words: str) -> None:
    assert money.words(cents) == words


@given(st.integers())
def test_cents_are_never_lost(cents: int) -> None:
    if cents % 100:
        with pytest.raises(ValueError, match="not whole shillings"):
            money.whole_shillings(cents)
    else:
        assert money.cents(money.whole_shillings(cents)) == cents
