"""The push: shapes, and every field check with its exact words (daraja.md 1.1, 3)."""

import re

import pytest

from simulator.merchants import BUY_GOODS
from simulator.testing import Sim
from simulator.tests.speaking import Daraja, Sink, error, password

PAYS = "254708374149"
HTTPS = "https://shop.example/hooks/1f"


def test_an_accepted_push(daraja: Daraja) -> None:
    answer = daraja.push(PAYS)
    body = answer.json()
    assert answer.status_code == 200
    assert re.fullmatch(r"[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}[0-9]+", body["MerchantRequestID"])
    assert re.fullmatch(r"ws_CO_[0-9]{14}(0|[1-9][0-9]{0,2})708374149", body["CheckoutRequestID"])
    assert list(body.items())[2:] == [
        ("ResponseCode", "0"),
        ("ResponseDescription", "Success. Request accepted for processing"),
        ("CustomerMessage", "Success. Request accepted for processing"),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"BusinessShortCode": "174379"},
        {"Timestamp": 20261121043000},
        {"Amount": "1"},
        {"Amount": 250000},
        {"Amount": "250.0"},
        {"PhoneNumber": int(PAYS), "PartyA": int(PAYS)},
        {"AccountReference": "FIFTEEN-LETTERS"},
        {"CallBackURL": HTTPS},
        {"CallBackURL": "http://localhost:8000/hooks/1f"},
        {"CallBackURL": "http://[::1]:8000/hooks/1f"},
    ],
)
def test_what_mpesa_accepts(daraja: Daraja, changes: dict[str, object]) -> None:
    assert daraja.push(PAYS, **changes).status_code == 200


@pytest.mark.parametrize(
    ("name", "called", "values"),
    [
        ("BusinessShortCode", "BusinessShortCode", [None, "", "abc", 1, 12345678, True, [174379]]),
        ("Password", "Password", [None, ""]),
        ("Timestamp", "Timestamp", [None, "", "2026-11-21", "20261321043000", 1]),
        ("TransactionType", "TransactionType", [None, "", "customerpaybillonline", 1]),
        ("Amount", "Amount", [None, "", 0, -1, 250001, 1.5, "1.5", "ten", "NaN", "1e999", True]),
        ("PartyA", "PartyA", [None, "0712345678", "254612345678", "25471234567"]),
        ("PartyB", "PartyB", [None, "", "abc"]),
        ("PhoneNumber", "PhoneNumber", [None, "", "+254712345678", "0712345678", "254212345678", 2547123456789]),
        (
            "CallBackURL",
            "CallBackURL",
            [
                None,
                "",
                "hooks/1f",
                "ftp://shop.example/",
                "http://shop.example/hooks",
                "https://",
                "https://shop.example/a b",
                "https://shop.example:port/",
                "https://shop.example/ü",
                "https://shop.example/Mpesa/callback",
                "https://shop.example/M-PESA",
                "https://safaricom.example/",
                "https://shop.example/executor",
                "https://shop.example/cmd",
                "https://shop.example/mysql",
                "https://shop.example/?query=1",
            ],
        ),
        ("AccountReference", "AccountReference", [None, "", "  "]),
        ("TransactionDesc", "Remarks", [None, ""]),
    ],
)
def test_a_wrong_field_is_named(daraja: Daraja, name: str, called: str, values: list[object]) -> None:
    for value in values:
        answer = error(daraja.push(PAYS, **{name: value}))
        assert answer == (400, "400.002.02", f"Bad Request - Invalid {called}"), value


def test_the_first_wrong_field_is_the_one_that_is_named(daraja: Daraja) -> None:
    answer = daraja.push(PAYS, TransactionDesc=None, CallBackURL="x", Amount=0)
    assert error(answer) == (400, "400.002.02", "Bad Request - Invalid Amount")


def test_a_form_is_not_json(daraja: Daraja) -> None:
    answer = daraja.post_push(data=daraja.fields(PAYS))
    assert error(answer) == (400, "400.002.02", "Bad Request - Invalid BusinessShortCode")


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'"text"', b"", b"\xff", b"[" * 100_000, b'{"Amount": ' + b"9" * 5000 + b"}"]
)
def test_a_malformed_body(daraja: Daraja, body: bytes) -> None:
    answer = daraja.post_push(data=body, headers={"Content-Type": "application/json"})
    assert error(answer) == (400, "400.002.05", "Invalid Request Payload")


def test_a_wrong_password(daraja: Daraja) -> None:
    for wrong in (password(passkey="x"), password(stamp="20261121043001"), "not base64"):
        answer = daraja.push(PAYS, Password=wrong)
        assert error(answer) == (500, "500.001.1001", "[MerchantValidate] - Wrong credentials")


def test_an_unknown_merchant(daraja: Daraja) -> None:
    answer = daraja.push(PAYS, BusinessShortCode=999999, Password=password(999999))
    assert error(answer) == (500, "500.001.1001", "Merchant does not exist")


def test_other_merchants_have_any_passkey(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    sim.post("merchants", shortcode="555555", name="Corner Shop")
    for shortcode in (600984, 555555):
        daraja.pushed(PAYS, BusinessShortCode=shortcode, PartyB=shortcode, Password=password(shortcode, "any"))
    answer = daraja.push(PAYS, BusinessShortCode=600984, Password=password(600000, "any"))
    assert error(answer) == (500, "500.001.1001", "[MerchantValidate] - Wrong credentials")
    assert sink.codes(2) == [0, 0]


def test_a_till_is_paid_through_its_store(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    store = {"BusinessShortCode": 300584, "Password": password(300584, "any"), "TransactionType": BUY_GOODS}
    daraja.pushed(PAYS, **store, PartyB=5201234)
    assert sink.codes(1) == [0]
    assert sim.books()[0]["shortcode"] == "5201234"
    assert sim.books()[0]["type"] == BUY_GOODS


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"TransactionType": BUY_GOODS}, 2028),
        ({"PartyB": 600984}, "SFC_IC0003"),
        (
            {
                "BusinessShortCode": 300584,
                "Password": password(300584, "any"),
                "TransactionType": BUY_GOODS,
                "PartyB": 300584,
            },
            "SFC_IC0003",
        ),
        ({"AccountReference": "A" * 150}, 1025),
    ],
)
def test_accepted_at_the_gate_refused_behind_it(
    sim: Sim, sink: Sink, daraja: Daraja, changes: dict[str, object], code: object
) -> None:
    daraja.pushed("254712345678", **changes)
    assert sink.codes(1) == [code]
    assert sim.books() == []


def test_switches_of_the_field_checks(sim: Sim, daraja: Daraja) -> None:
    sim.switch(long_reference=False, description_required=False, forbidden_words=False, plain_http="any")
    answer = daraja.push(PAYS, AccountReference="FIFTEEN-LETTERS")
    assert error(answer) == (400, "400.002.02", "Bad Request - Invalid AccountReference")
    assert daraja.push(PAYS, TransactionDesc=None, CallBackURL="http://shop.example/mpesa").status_code == 200
    sim.switch(plain_http="none")
    answer = daraja.push(PAYS)
    assert error(answer) == (400, "400.002.02", "Bad Request - Invalid CallBackURL")
