"""Identifiers shaped as in dated samples (daraja.md 1.1)."""

from datetime import datetime

import pytest

from lib.clock import EAT
from simulator import ids


@pytest.mark.parametrize(
    ("day", "start"),
    [
        (datetime(2019, 12, 19, tzinfo=EAT), "NLJ"),
        (datetime(2017, 7, 27, tzinfo=EAT), "LGR"),
        (datetime(2018, 1, 24, tzinfo=EAT), "MAO"),
        (datetime(2024, 7, 7, tzinfo=EAT), "SG7"),
        (datetime(2025, 11, 6, tzinfo=EAT), "TK6"),
        (datetime(2026, 3, 31, tzinfo=EAT), "UCV"),
        (datetime(2032, 3, 10, tzinfo=EAT), "ACA"),
    ],
)
def test_a_receipt_begins_with_its_day(day: datetime, start: str) -> None:
    receipt = ids.receipt(day, taken=())
    assert (receipt[:3], len(receipt)) == (start, 10)


def test_a_checkout_request_id() -> None:
    at = datetime(2026, 8, 17, 14, 3, 27, 2000, tzinfo=EAT)
    first = ids.checkout_request_id(at, "254708374149", taken=())
    assert first == "ws_CO_170820261403272708374149"
    assert ids.checkout_request_id(at, "254708374149", taken={first}) == "ws_CO_170820261403273708374149"
