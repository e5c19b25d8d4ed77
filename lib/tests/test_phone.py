"""One stored form for every way a Kenyan writes a number (STK-1), and none of it in clear in a log (SEC-4)."""

import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lib import phone
from lib.errors import Refusal
from lib.tests.spellings import PHONE, PHONES_REFUSED, PHONES_TAKEN

LOCAL = st.from_regex(r"[17][0-9]{8}", fullmatch=True)
PREFIX = st.sampled_from(["", "0", "254", "+254", "00254", "tel:+254"])
GAP = st.sampled_from(["", "", "", " ", "-", "  ", "\u00a0", "\u2011", "\u202c", "(", ")"])
FORM = r"(\+?254|0)?[17]\d{8}"


@st.composite
def written(draw: st.DrawFn) -> tuple[str, str]:
    """A number as somebody writes it, and its local digits."""
    local = draw(LOCAL)
    return "".join(character + draw(GAP) for character in draw(PREFIX) + local), local


# Feature: mpesa-payment-integration, Property 7: Phone Number Validation
@pytest.mark.requirement("P7")
@pytest.mark.requirement("STK-1")
@given(written())
def test_every_kenyan_form_becomes_one(number: tuple[str, str]) -> None:
    text, local = number
    assert phone.normalise(text) == f"254{local}"
    assert phone.normalise(phone.normalise(text)) == f"254{local}"


@pytest.mark.parametrize(
    "text",
    [
        "0712345678", "712345678", "254712345678", "+254712345678", "0712 345 678", "0712-345-678", "+254 712 345 678",
        " 0712345678\n", "\u202a+254 712 345 678\u202c", "0712\u2013345\u2013678", 712345678, 254712345678,
    ],
)  # fmt: skip
def test_examples(text: object) -> None:
    assert phone.normalise(text) == "254712345678"


@pytest.mark.requirement("STK-1")
@pytest.mark.parametrize("text", PHONES_TAKEN)
def test_spellings_that_are_taken(text: str) -> None:
    assert phone.normalise(text) == PHONE


@pytest.mark.requirement("P9")
@pytest.mark.parametrize("text", PHONES_REFUSED)
def test_spellings_that_are_refused(text: str) -> None:
    with pytest.raises(Refusal):
        phone.normalise(text)


# Feature: mpesa-payment-integration, Property 9: Invalid Phone Number Shows Error
@pytest.mark.requirement("P9")
@pytest.mark.requirement("STK-1")
@given(st.text() | st.text("0123456789+- ", max_size=16) | st.integers() | st.floats() | st.none() | st.booleans())
def test_anything_else_is_refused_with_the_accepted_forms(text: object) -> None:
    digits = "".join(character for character in str(text) if character.isascii() and character.isalnum())
    assume(not (len(digits) in (9, 10, 12) and digits.isdigit()))
    with pytest.raises(Refusal) as caught:
        phone.normalise(text)
    refusal = caught.value
    assert (refusal.code, refusal.status) == ("invalid_phone", 400)
    assert refusal.message == refusal.errors["phoneNumber"][0]
    assert "Please enter a valid Kenyan phone number" in refusal.message
    assert "0712 345 678" in refusal.message


@pytest.mark.requirement("P9")
@pytest.mark.parametrize(
    "text",
    [
        "", "abc", "07123456789", "071234567", "0812345678", "+255712345678", "++254712345678", "+0712345678", "+712345678",
        "2540712345678", "0712345678 ext 2", "٠٧١٢٣٤٥٦٧٨", "0712345678; DROP TABLE", None, True, 712345678.0, 71234567.8,
        b"0712345678", ["0712345678"],
    ],
)  # fmt: skip
def test_refused_examples(text: object) -> None:
    with pytest.raises(Refusal):
        phone.normalise(text)


def test_the_documents_own_words() -> None:
    with pytest.raises(Refusal, match="Invalid M-Pesa phone number format"):
        phone.normalise("x", message="Invalid M-Pesa phone number format")


def test_forms_for_people() -> None:
    assert phone.masked("254712345678") == "********5678"
    assert phone.masked("1234") == "****"
    assert phone.hidden("254712345678") == "•••• 678"
    assert phone.spaced("254712345678") == "0712 345 678"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("to 254712345678.", "to ********5678."),
        ("+254712345678", "********5678"),
        ("0712345678,0112345679", "********5678,********5679"),
        ('{"PhoneNumber":254712345678}', '{"PhoneNumber":********5678}'),
        ("call 0712 345 678 now", "call ********5678 now"),
        ("+254-712-345-678", "********5678"),
        ("0712 34 56 78", "********5678"),
        ("00254712345678", "********5678"),
        ("00254 (712) 345-678", "********5678"),
        ("(0712) 345 678", "(********5678"),
        ("0712.345.678.", "********5678."),
        ("tel:+254-712-345-678", "tel:********5678"),
        ("712 345 678", "********5678"),
        (r"a line\n254712345678", r"a line\n********5678"),
        ("ws_CO_170820261404032708374149", "ws_CO_****4149"),
        ("ws_CO_DMZ_1_17082026140403270", "ws_CO_****3270"),
        ("ws_CO_170820261404032708374149_twice", "ws_CO_****"),
        # What is no phone stays readable.
        ("20261121093005", "20261121093005"),
        ("2026-11-21 09:30:05", "2026-11-21 09:30:05"),
        ("150000000 cents", "150000000 cents"),
        ("KES 150,000,000", "KES 150,000,000"),
        ("code 100000001", "code 100000001"),
        ("NLJ7RT61SV", "NLJ7RT61SV"),
        ("0.7123456789", "0.7123456789"),
        ("3f0712345678ab", "3f0712345678ab"),
    ],
)
@pytest.mark.requirement("SEC-4")
def test_masking(text: str, masked: str) -> None:
    assert phone.mask_all(text) == masked


@given(local=LOCAL, prefix=st.sampled_from(["0", "254", "+254", "+254 ", "254-"]), gap=st.sampled_from(["", " ", "-"]))
@pytest.mark.requirement("SEC-4")
def test_a_number_in_a_text_keeps_its_last_four_digits_only(local: str, prefix: str, gap: str) -> None:
    number = prefix + gap.join([local[:3], local[3:6], local[6:]])
    assert phone.mask_all(f"paid by {number}, thanks") == f"paid by ********{local[-4:]}, thanks"


@given(st.text("0172549 .-()+a\n", max_size=40))
@pytest.mark.requirement("SEC-4")
def test_what_has_too_few_digits_at_a_glance_has_no_phone_when_looked_at_closely(text: str) -> None:
    assert phone.mask_all(text) == phone._ANYWHERE.sub(phone._last_four, text)


@given(st.text())
def test_masking_takes_any_text_and_masks_once(text: str) -> None:
    once = phone.mask_all(text)
    assert phone.mask_all(once) == once


@pytest.mark.requirement("TST-3")
@pytest.mark.parametrize("piece", ["ws_CO_", "ws_CO_1", "7 ", "-", "254", "+254 7", "0", "a"])
def test_a_hostile_text_of_any_length_is_masked_at_once(piece: str) -> None:
    """A body of 64 kB may be anybody's: time must grow with its length, not with the square of it."""
    started = time.process_time()
    phone.mask_all(piece * (100_000 // len(piece)))
    assert time.process_time() - started < 5
