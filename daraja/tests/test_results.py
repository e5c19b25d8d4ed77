"""Every result code has a meaning, an end and words for the payer (STK-10, rulings 8 and 9)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daraja.results import ResultKind, known_stk_codes, stk

# daraja.md 4.3
DOCUMENTED = [
    "0", "1", "2", "3", "4", "8", "17", "26", "1001", "1019", "1025", "9999", "1031", "1032", "1036", "1037", "1101",
    "1102", "2001", "2006", "2028", "2026", "2008", "4999", "8006", "SFC_IC0003", "E3008",
    *(str(100_000_000 + n) for n in range(12)),
]  # fmt: skip
OF_SEED_000 = ["5", "6"]
# What the payer may read: a number to call is no code.
NUMBERS_TO_CALL = "call Safaricom on 100 or 200"


def test_no_code_is_forgotten() -> None:
    assert set(DOCUMENTED + OF_SEED_000) == set(known_stk_codes())


@pytest.mark.parametrize("code", [*DOCUMENTED, *OF_SEED_000, "an unknown one"])
@pytest.mark.requirement("STK-10")
def test_has_words(code: str) -> None:
    result = stk(code)
    assert result.code == code
    assert result.text
    for sentence in (result.payer_text, result.next_step):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert not re.search(r"\d|initiator|SMSC|timeout", sentence.replace(NUMBERS_TO_CALL, ""))


@pytest.mark.parametrize("code", [*DOCUMENTED, *OF_SEED_000])
def test_says_whether_money_went(code: str) -> None:
    """ "Nothing was taken" is said of ends that cannot change, "as far as we know" of those that can."""
    result = stk(code)
    ended_without = result.kind in (ResultKind.FAILED, ResultKind.CANCELLED)
    assert ("nothing was taken" in result.payer_text) is ended_without
    assert ("as far as we know" in result.payer_text) is result.provisional


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("0", ResultKind.SUCCESS), ("1031", ResultKind.CANCELLED), ("1032", ResultKind.CANCELLED),
        ("4999", ResultKind.PENDING), ("100000000", ResultKind.PENDING), ("1", ResultKind.FAILED),
        ("2001", ResultKind.FAILED), ("SFC_IC0003", ResultKind.FAILED), ("4711", ResultKind.UNRESOLVED),
        ("", ResultKind.UNRESOLVED), ("00", ResultKind.UNRESOLVED),
    ],
)  # fmt: skip
def test_kinds(code: str, kind: ResultKind) -> None:
    assert stk(code).kind is kind


@given(code=st.text(max_size=20).filter(lambda text: text not in known_stk_codes()))
def test_an_unknown_code_is_unresolved_never_failed(code: str) -> None:
    result = stk(code)
    assert (result.kind, result.code) == (ResultKind.UNRESOLVED, code)


def test_provisional_ends() -> None:
    assert {code for code in known_stk_codes() if stk(code).provisional} == {"1036", "1037", "9999", "100000004"}


def test_what_is_the_payers_own() -> None:
    expected = {"1", "4", "5", "17", "1001", "1031", "1032", "1037", "2001", "2006", "8006", "E3008"}
    assert {code for code in known_stk_codes() if stk(code).payers_own} == expected


def test_waits() -> None:
    assert {code: stk(code).wait_s for code in ("17", "26", "1001", "1", "1032")} == {
        "17": 120, "26": 60, "1001": 60, "1": None, "1032": None,
    }  # fmt: skip
