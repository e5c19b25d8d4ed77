"""What M-Pesa says happened (daraja.md 4): its own bodies, its oddities, and bodies that are not its own."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daraja.wire import Malformed, StkCallback, is_receipt, parse_stk_callback

SUCCESS = (
    b'{"Body":{"stkCallback":{"MerchantRequestID":"29115-34620561-1","CheckoutRequestID":"ws_CO_191220191020363925",'
    b'"ResultCode":0,"ResultDesc":"The service request is processed successfully.","CallbackMetadata":{"Item":['
    b'{"Name":"Amount","Value":1.00},{"Name":"MpesaReceiptNumber","Value":"NLJ7RT61SV"},{"Name":"Balance"},'
    b'{"Name":"TransactionDate","Value":20191219102115},{"Name":"PhoneNumber","Value":254708374149}]}}}}'
)
CANCELLED = (
    b'{"Body":{"stkCallback":{"MerchantRequestID":"29115-34620561-1","CheckoutRequestID":"ws_CO_191220191020363925",'
    b'"ResultCode":1032,"ResultDesc":"[STK_CB - ]Request cancelled by user"}}}'
)


def body(*, items: Any = None, **fields: Any) -> bytes:
    callback = {
        "MerchantRequestID": "m-1",
        "CheckoutRequestID": "ws_CO_1",
        "ResultCode": 0,
        "ResultDesc": "ok",
    } | fields
    if items is not None:
        callback["CallbackMetadata"] = {"Item": items}
    return json.dumps({"Body": {"stkCallback": callback}}).encode()


def item(name: str, value: Any) -> dict[str, Any]:
    return {"Name": name, "Value": value}


def paid(**values: Any) -> StkCallback:
    told = {"Amount": 1000, "MpesaReceiptNumber": "NLJ7RT61SV"} | values
    return parse_stk_callback(body(items=[item(name, value) for name, value in told.items()]))


@pytest.mark.requirement("CB-3")
def test_the_documented_success() -> None:
    assert parse_stk_callback(SUCCESS) == StkCallback(
        merchant_request_id="29115-34620561-1",
        checkout_request_id="ws_CO_191220191020363925",
        result_code="0",
        result_desc="The service request is processed successfully.",
        amount_cents=100,
        receipt="NLJ7RT61SV",
        transaction_at=datetime(2019, 12, 19, 7, 21, 15, tzinfo=UTC),
        phone="254708374149",
        problems=(),
    )


@pytest.mark.requirement("CB-4")
def test_the_documented_failure() -> None:
    callback = parse_stk_callback(CANCELLED)
    assert (callback.result_code, callback.result_desc) == ("1032", "[STK_CB - ]Request cancelled by user")
    assert (callback.amount_cents, callback.receipt, callback.problems) == (None, None, ())


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (b"0", "0"), (b'"0"', "0"), (b"0.0", "0"), (b"0.00", "0"), (b'"0.0"', "0"), (b"-0", "0"), (b"0e5", "0"),
        (b"1032", "1032"), (b'"1032"', "1032"), (b'" 1032 "', "1032"), (b"1032.0", "1032"),
        (b'"SFC_IC0003"', "SFC_IC0003"), (b'"TP40153"', "TP40153"), (b"1.5", "1.5"), (b"-1", "-1"), (b'"00"', "00"),
    ],
)  # fmt: skip
def test_result_codes_of_any_type(told: bytes, code: str) -> None:
    assert parse_stk_callback(body(ResultCode="HERE").replace(b'"HERE"', told)).result_code == code


@pytest.mark.parametrize("told", [True, False, None, "", "  ", [], {}, "zero!", "a" * 41, "\u0660", "0\n1032"])
def test_no_result_code(told: object) -> None:
    with pytest.raises(Malformed, match="ResultCode"):
        parse_stk_callback(body(ResultCode=told))


@pytest.mark.parametrize(
    ("told", "cents"),
    [
        (b"1", 100), (b"1.0", 100), (b"1.00", 100), (b'"1.00"', 100), (b'" 1 "', 100), (b"1000.5", 100_050), (b"1e3", 100_000),
        (b"0.01", 1), (b"249999.99", 24_999_999), (b"1000.0000", 100_000), (b"0.1", 10), (b"1.10", 110),
    ],
)  # fmt: skip
@pytest.mark.requirement("CB-3")
def test_amounts_are_exact_to_the_cent(told: bytes, cents: int) -> None:
    callback = parse_stk_callback(
        body(items=[item("Amount", "HERE"), item("MpesaReceiptNumber", "NLJ7RT61SV")]).replace(b'"HERE"', told)
    )
    assert (callback.amount_cents, callback.problems) == (cents, ())


@given(st.integers(1, 10**12))
def test_any_amount_of_cents_survives(cents: int) -> None:
    text = f"{cents // 100}.{cents % 100:02d}"
    for told in (text.encode(), f'"{text}"'.encode()):
        callback = parse_stk_callback(body(items=[item("Amount", "HERE")]).replace(b'"HERE"', told))
        assert callback.amount_cents == cents == Decimal(text) * 100


@pytest.mark.parametrize(
    "told", [0, -1, 0.001, 1.005, "1.005", True, "", "abc", "1,000", "1 000", "NaN", "٣", [1], {"a": 1}, 10**15, 10**30]
)
def test_amounts_that_are_none(told: object) -> None:
    callback = paid(Amount=told)
    assert callback.amount_cents is None
    assert callback.problems == ("Amount is unreadable",)
    assert callback.receipt == "NLJ7RT61SV", "what can be read is told all the same"


def test_a_digit_beyond_any_rounding_is_seen() -> None:
    told = b"1.000000000000000000000000000000000001"
    callback = parse_stk_callback(body(items=[item("Amount", "HERE")]).replace(b'"HERE"', told))
    assert callback.amount_cents is None


@pytest.mark.parametrize(
    "told", ["OAK0000000", "SKE0000000", "XXX0000000", "", "254712345678", 1234567890, None, ["NLJ7RT61SV"]]
)
def test_a_success_without_a_receipt_is_still_one(told: object) -> None:
    callback = paid(MpesaReceiptNumber=told)
    assert (callback.result_code, callback.receipt) == ("0", None)
    assert len(callback.problems) == 1


def test_a_success_that_tells_nothing() -> None:
    callback = parse_stk_callback(body())
    assert callback.problems == ("Amount is missing", "MpesaReceiptNumber is missing")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("NLJ7RT61SV", True), ("LGR7OWQX0R", True), ("TK60708BHZ", True), ("OAK0000000", False), ("OAK00000000", False),
        ("OAK0000001", True), ("nlj7rt61sv", False), ("NLJ7RT61S ", False), ("", False), ("NLJ", False), ("7LJ7RT61SV", False),
        ("NLJ7RT61SV" * 2, False),
    ],
)  # fmt: skip
def test_receipts(text: str, is_one: bool) -> None:
    assert is_receipt(text) is is_one


@pytest.mark.parametrize(
    ("told", "phone"),
    [
        (254708374149, "254708374149"), ("254708374149", "254708374149"), ("0708374149", "254708374149"),
        (254708374149.0, "254708374149"), ("2547 ***** 126", "2547 ***** 126"), ("2547****5678", "2547****5678"),
        ("a" * 64, "a" * 64), ("a" * 65, None), ("", None), (True, None), ([], None),
    ],
)  # fmt: skip
def test_phones_whole_masked_or_hashed(told: object, phone: str | None) -> None:
    assert paid(PhoneNumber=told).phone == phone


@pytest.mark.parametrize(
    "told", [0, "", "20191319102115", "00010101000000", "99991231235959", 20191219102115.0, "2019-12-19", [], True]
)
def test_any_transaction_date(told: object) -> None:
    at = paid(TransactionDate=told).transaction_at
    assert at is None or at.tzinfo is UTC


class TestOddities:
    def test_items_are_found_by_name(self) -> None:
        items = [
            item("PhoneNumber", 254708374149),
            item("MpesaReceiptNumber", "NLJ7RT61SV"),
            item("New", {}),
            item("Amount", 5),
        ]
        callback = parse_stk_callback(body(items=items))
        assert (callback.amount_cents, callback.phone, callback.problems) == (500, "254708374149", ())

    def test_the_same_item_twice(self) -> None:
        twice = [item("Amount", 5), item("Amount", "5.00"), item("MpesaReceiptNumber", "NLJ7RT61SV")]
        assert parse_stk_callback(body(items=twice)).amount_cents == 500

    def test_two_truths_in_one_callback(self) -> None:
        two = [item("Amount", 5), item("Amount", 6), item("MpesaReceiptNumber", "NLJ7RT61SV")]
        callback = parse_stk_callback(body(items=two))
        assert (callback.amount_cents, callback.problems) == (None, ("Amount is told twice, differently",))

    def test_one_item_instead_of_a_list(self) -> None:
        assert parse_stk_callback(body(items=item("Amount", 5))).amount_cents == 500

    @pytest.mark.parametrize(
        "metadata", [None, [], {}, {"Item": None}, {"Item": []}, {"Item": {}}, "x", 7, [[]], {"Item": [None]}]
    )
    def test_metadata_of_any_shape(self, metadata: object) -> None:
        callback = parse_stk_callback(body(CallbackMetadata=metadata, ResultCode=1))
        assert (callback.result_code, callback.amount_cents) == ("1", None)

    def test_a_byte_order_mark(self) -> None:
        assert parse_stk_callback(b"\xef\xbb\xbf" + SUCCESS) == parse_stk_callback(SUCCESS)

    @pytest.mark.parametrize("told", [None, 7, "x", [], "\x00\ud800"])
    def test_texts_of_any_type(self, told: object) -> None:
        callback = parse_stk_callback(body(ResultDesc=told, MerchantRequestID=told))
        assert "\x00" not in callback.result_desc
        callback.result_desc.encode()
        callback.merchant_request_id.encode()


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"null", b"[]", b'"x"', b"0", b"{}", b"<html>", b"\xff\xfe", b"\x00", b'{"Body":null}', b'{"Body":{}}',
        b'{"Body":{"stkCallback":[]}}', b'{"Body":{"stkCallback":{}}}', b'{"Body":{"stkCallback":{"ResultCode":0}}}',
        b'{"Body":{"stkCallback":{"ResultCode":0,"CheckoutRequestID":""}}}',
        b'{"Body":{"stkCallback":{"ResultCode":0,"CheckoutRequestID":"two words"}}}',
        b'{"Body":{"stkCallback":{"ResultCode":0,"CheckoutRequestID":["x"]}}}',
        b'{"Body":{"stkCallback":{"ResultCode":0,"ResultCode":1032,"CheckoutRequestID":"x"}}}',
        SUCCESS.replace(b"1.00", b"NaN"), SUCCESS.replace(b"1.00", b"Infinity"), SUCCESS.replace(b"1.00", b"1e999999999"),
        SUCCESS.replace(b"1.00", b"1e99999999999999999999999"), SUCCESS.replace(b"1.00", b"9" * 5000),
        SUCCESS.replace(b'"ResultCode":0', b'"ResultCode":1e400'),
        b'{"Body":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b'{"a":' * 50_000,
    ],
)  # fmt: skip
@pytest.mark.requirement("CB-1")
def test_malformed(text: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        parse_stk_callback(text)
    assert caught.value.reason


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["0", 0, "NLJ7RT61SV", 1.0]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["Amount", "MpesaReceiptNumber", "Balance", "TransactionDate", "PhoneNumber"]) | JSON
ITEMS = st.lists(st.fixed_dictionaries({"Name": NAMES}, optional={"Value": JSON}) | JSON, max_size=6) | JSON
CALLBACKS = st.fixed_dictionaries(
    {},
    optional={
        "MerchantRequestID": JSON,
        "CheckoutRequestID": st.just("ws_CO_1") | JSON,
        "ResultCode": st.sampled_from([0, "0", 1032, 0.0]) | JSON,
        "ResultDesc": JSON,
        "CallbackMetadata": st.fixed_dictionaries({"Item": ITEMS}) | JSON,
    },
)


def parsed_or_malformed(text: bytes) -> None:
    try:
        callback = parse_stk_callback(text)
    except Malformed:
        return
    assert callback.amount_cents is None or 0 < callback.amount_cents < 2**63
    assert callback.receipt is None or is_receipt(callback.receipt)
    for told in (callback.result_code, callback.result_desc, callback.checkout_request_id, callback.phone or ""):
        assert "\x00" not in told
        told.encode()


@given(CALLBACKS)
def test_any_callback_is_read_or_malformed(callback: object) -> None:
    parsed_or_malformed(json.dumps({"Body": {"stkCallback": callback}}).encode())


@given(st.binary(max_size=400) | st.builds(lambda value: json.dumps(value).encode(), JSON))
@example(b"\xed\xa0\x80")
def test_any_bytes_are_read_or_malformed(text: bytes) -> None:
    parsed_or_malformed(text)


@given(position=st.integers(0, len(SUCCESS) - 1), byte=st.integers(0, 255))
def test_a_damaged_success_is_read_or_malformed(position: int, byte: int) -> None:
    parsed_or_malformed(SUCCESS[:position] + bytes([byte]) + SUCCESS[position + 1 :])
