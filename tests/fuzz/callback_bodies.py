"""What may be posted as a callback: M-Pesa's own shapes (daraja.md 4) with a known meaning, the same shapes spoilt in
every way a wire, a proxy or an attacker can think of, and plain noise."""

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

LIMIT = 64 * 1024
RECEIPTS = {f"UKL{n}RT61SV": 100_000 for n in range(3)} | {"UKL7RT61SW": 99_900, "UKL8RT61SX": 1_000_000}  # cents
ENDS: dict[object, str] = {  # what a ResultCode says about a payment (daraja.md 4.3)
    0: "COMPLETED",
    1032: "CANCELLED",
    1: "FAILED",
    2001: "FAILED",
    1037: "FAILED",
    "SFC_IC0003": "FAILED",
    4999: "PROMPTED",
    "ZZ_9": "PROMPTED",
    31337: "PROMPTED",
}
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@dataclass(frozen=True)
class Whose:
    """What a body has to say to be about one payment."""

    checkout: str
    phone: str


@dataclass(frozen=True)
class Sentence:
    """A body in M-Pesa's shape, and what it means."""

    body: dict[str, Any]
    status: str
    receipt: str = ""
    wrong_phone: bool = False

    def raw(self, **how: Any) -> bytes:
        return json.dumps(self.body, **how).encode("utf-8", "replace")


@st.composite
def sentences(draw: st.DrawFn, whose: Whose) -> Sentence:
    """A valid callback about a payment."""
    code = draw(st.sampled_from([0, 0, *ENDS]))
    paid = code == 0
    receipt = draw(st.sampled_from(sorted(RECEIPTS))) if paid else ""
    phone = draw(st.sampled_from(["none", "own", "own", "masked", "wrong"])) if paid else "none"
    callback: dict[str, Any] = {
        "MerchantRequestID": draw(st.sampled_from(["29115-34620561-1", "", None]) | _TEXTS),
        "CheckoutRequestID": whose.checkout,
        "ResultCode": draw(st.sampled_from([code, str(code)])),
        "ResultDesc": draw(_TEXTS),
    }
    if paid:
        callback["CallbackMetadata"] = {"Item": draw(st.permutations(_items(draw, receipt, phone, whose)))}
    return Sentence({"Body": {"stkCallback": callback}}, ENDS[code], receipt, phone == "wrong")


def _items(draw: st.DrawFn, receipt: str, phone: str, whose: Whose) -> list[dict[str, Any]]:
    shillings = RECEIPTS[receipt] // 100
    amount = draw(st.sampled_from([shillings, float(shillings), str(shillings), f"{shillings}.00"]))
    items = [{"Name": "Amount", "Value": amount}, {"Name": "MpesaReceiptNumber", "Value": receipt}]
    items += draw(st.sampled_from([[], [{"Name": "Balance"}], [{"Name": "Balance", "Value": None}]]))
    said = {"own": int(whose.phone), "masked": "2547****149", "wrong": 254799999999}
    if phone != "none":
        items.append({"Name": "PhoneNumber", "Value": said[phone]})
    return items


# --- Spoilt ----------------------------------------------------------------------------------------------------------

JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**39, 10**400, -1, 0, 2**63, -(2**63) - 1, 1e300, 1e-300, float("nan"), float("inf"), -0.0])
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(["\x00", "\ud800", "‮", "0", "1e5", " 0 ", "٠", "' OR 1=1 --", "<script>", "A" * 5000, "0" * 200]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) inside a JSON value."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [place for key in keys for place in [(value, key), *_places(value[key])]]


@st.composite
def spoilt(draw: st.DrawFn, whose: Whose) -> bytes:
    """A valid callback with up to three things wrong inside, and perhaps one outside."""
    body = json.loads(draw(sentences(whose)).raw())
    for _ in range(draw(st.integers(0, 3))):
        container, key = draw(st.sampled_from(_places(body) or [([0], 0)]))
        match draw(st.sampled_from(["replace", "replace", "drop", "wrap", "rename", "text"])):
            case "replace":
                container[key] = draw(JUNK)
            case "drop":
                del container[key]
            case "wrap":
                container[key] = draw(st.sampled_from([[container[key]], {"Value": container[key]}]))
            case "rename" if isinstance(container, dict):
                container[draw(st.text(max_size=8))] = container.pop(key)
            case _:
                container[key] = str(container[key])
    return _on_the_wire(draw, json.dumps(body, ensure_ascii=draw(st.booleans())))


def _on_the_wire(draw: st.DrawFn, text: str) -> bytes:
    raw = text.encode("utf-8", "surrogatepass")
    at = draw(st.integers(0, len(raw)))
    match draw(st.sampled_from(["as it is", "as it is", "cut", "flip", "insert", "encode", "twice", "again", "bom"])):
        case "cut":
            return raw[:at]
        case "flip":
            return raw[:at] + bytes([(raw[at] if at < len(raw) else 0) ^ draw(st.integers(1, 255))]) + raw[at + 1 :]
        case "insert":
            return raw[:at] + draw(st.binary(max_size=6)) + raw[at:]
        case "encode":
            return text.encode(draw(st.sampled_from(["utf-16", "utf-32", "utf-7", "latin-1", "cp037"])), "replace")
        case "twice":
            return _key_twice(draw, text).encode("utf-8", "surrogatepass")
        case "again":
            return raw + raw
        case "bom":
            return b"\xef\xbb\xbf" + raw
    return raw


def _key_twice(draw: st.DrawFn, text: str) -> str:
    name = draw(st.sampled_from(["Body", "stkCallback", "ResultCode", "CheckoutRequestID", "Item", "Value", "Name"]))
    return text.replace(f'"{name}":', f'"{name}": {json.dumps(draw(JUNK))}, "{name}":', 1)


def _deep(opening: bytes, closing: bytes) -> st.SearchStrategy[bytes]:
    return st.integers(1, 30_000).map(lambda n: (opening * n + b"0" + closing * n)[:LIMIT])


HOSTILE = [
    b'{"Body": "\\ud800"}',  # half a letter: JSON that no encoding can write
    b'{"Body": "\\u0000"}',
    b"ws_CO_" * 10_000,  # slow to mask, if masking is naive
    b"[" * 900 + b"0," * 30_000 + b"0" + b"]" * 900,  # small, and vast when indented
    b"9" * 5000,
]
NOISE = (
    st.sampled_from(HOSTILE)
    | st.binary(max_size=300)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
    | JUNK.map(lambda junk: json.dumps(junk).encode())
    | _deep(b"[", b"]")
    | _deep(b'{"Body":', b"}")
    | st.sampled_from([b"", b" ", b"\xef\xbb\xbf", b"\xff\xfe", b"null", b"[]", b"{}", b'""', b"NaN", b"<html></html>"])
    | st.integers(LIMIT - 2, LIMIT).map(lambda size: b" " * size)
)
