"""UTC inside, East Africa Time at M-Pesa's border (STK-5)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import clock


@pytest.mark.requirement("STK-5")
def test_a_stamp_is_three_hours_ahead() -> None:
    assert clock.mpesa_stamp(datetime(2026, 12, 31, 21, 0, 1, tzinfo=UTC)) == "20270101000001"


@pytest.mark.parametrize("stamp", ["20191219102115", 20191219102115])
def test_a_stamp_is_read_as_text_or_number(stamp: object) -> None:
    assert clock.from_mpesa_stamp(stamp) == datetime(2019, 12, 19, 7, 21, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "stamp",
    [
        "", None, True, 0, "2019121910211", "201912191021155", "20191319102115", "20190230102115", "20191219242115",
        "20191219102160", "00000101000000", "00010101000000", "2019-12-19 10:", "٢٠١٩١٢١٩١٠٢١١٥", 20191219102115.0, -2019121910211,
    ],
)  # fmt: skip
def test_other_stamps_are_none(stamp: object) -> None:
    assert clock.from_mpesa_stamp(stamp) is None


@given(st.datetimes(min_value=datetime(1000, 1, 2), max_value=datetime(9999, 12, 30)))
def test_a_stamp_goes_there_and_back(naive: datetime) -> None:
    at = naive.replace(tzinfo=UTC, microsecond=0)
    assert clock.from_mpesa_stamp(clock.mpesa_stamp(at)) == at


@given(st.integers(0, 10**15) | st.text("0123456789", min_size=14, max_size=14))
def test_any_digits_are_a_time_or_none(stamp: object) -> None:
    at = clock.from_mpesa_stamp(stamp)
    assert at is None or at.tzinfo is UTC


def test_now_is_aware() -> None:
    assert clock.now().utcoffset() == timedelta(0)
