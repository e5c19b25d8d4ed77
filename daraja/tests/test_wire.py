"""What is sent: the payload to the letter (daraja.md 3.1)."""

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daraja import wire
from daraja.wire import StkPush, StkQuery

AT = datetime(2026, 12, 31, 21, 30, 5, tzinfo=UTC)  # the new year has begun in Nairobi
PASSWORD = base64.b64encode(b"174379the-passkey20270101003005").decode()


@pytest.mark.requirement("STK-4")
@pytest.mark.requirement("STK-5")
def test_a_push_to_a_pay_bill(push: StkPush) -> None:
    assert push.payload(AT) == {
        "BusinessShortCode": "174379",
        "Password": PASSWORD,
        "Timestamp": "20270101003005",
        "TransactionType": "CustomerPayBillOnline",
        "Amount": 1000,
        "PartyA": "254712345678",
        "PartyB": "174379",
        "PhoneNumber": "254712345678",
        "CallBackURL": "https://pay.example.co.ke/hooks/0123456789abcdef",
        "AccountReference": "PX4K7Q2M",
        "TransactionDesc": "WealthRise De",
    }


@pytest.mark.requirement("STK-5")
def test_a_push_to_a_till(push: StkPush) -> None:
    payload = replace(push, till="5678901").payload(AT)
    assert (payload["TransactionType"], payload["PartyB"]) == ("CustomerBuyGoodsOnline", "5678901")
    assert (payload["BusinessShortCode"], payload["Password"]) == ("174379", PASSWORD)


def test_a_query(query: StkQuery) -> None:
    assert query.payload(AT) == {
        "BusinessShortCode": "174379",
        "Password": PASSWORD,
        "Timestamp": "20270101003005",
        "CheckoutRequestID": "ws_CO_211120260930051712345678",
    }


def test_a_push_shows_no_secret(push: StkPush, query: StkQuery) -> None:
    for hidden in ("the-passkey", "254712345678", "0123456789abcdef", "712345678"):
        assert hidden not in repr(push) + repr(query)


@pytest.mark.parametrize(
    "wrong",
    [
        {"phone": "0712345678"},
        {"phone": "254812345678"},
        {"phone": "٢٥٤٧١٢٣٤٥٦٧٨"},
        {"amount_cents": 0},
        {"amount_cents": -100},
        {"amount_cents": 150},
        {"shortcode": ""},
        {"shortcode": "17 4379"},
        {"till": "x"},
    ],
)
def test_what_cannot_be_said_is_refused(push: StkPush, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        replace(push, **wrong)  # type: ignore[arg-type]


def test_a_naive_time_is_refused(push: StkPush) -> None:
    with pytest.raises(ValueError, match="aware"):
        push.payload(datetime(2026, 1, 1))


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("Smiling Steps", "Smiling Steps"),
        ("WealthRise Deposit", "WealthRise De"),
        ("Ngũgĩ & Söhne #1", "Ngugi Sohne 1"),
        ("Consultation  fee", "Consultation"),
        ("a\tb\nc", "a b c"),
        ("<b>", "b"),
        ("", "Payment"),
        ("&#@", "Payment"),
        ("🎟", "Payment"),
    ],
)
def test_descriptions(text: str, sent: str) -> None:
    assert wire.description(text) == sent


@given(st.text())
@pytest.mark.requirement("STK-4")
def test_texts_are_short_plain_and_never_empty(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9 _-]{1,13}", wire.description(text))
    assert re.fullmatch(r"[A-Za-z0-9 _-]{1,12}", wire.account_reference(text))
    assert wire.description(text) == wire.description(text).strip()


@given(st.text("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", min_size=1, max_size=12))
def test_our_own_references_go_unchanged(code: str) -> None:
    assert wire.account_reference(code) == code


@given(st.integers(1, 250_000))
def test_amounts_are_whole_shillings(shillings: int) -> None:
    push = StkPush(
        shortcode="174379", passkey="p", phone="254712345678", amount_cents=shillings * 100,
        reference="R", description="D", callback_url="https://x.example",
    )  # fmt: skip
    assert push.payload(AT)["Amount"] == shillings
