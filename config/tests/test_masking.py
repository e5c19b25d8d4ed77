import json
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import masking

SUBSCRIBERS = st.builds(
    lambda first, rest: first + rest, st.sampled_from("17"), st.text("0123456789", min_size=8, max_size=8)
)
PREFIXES = st.sampled_from(["", "0", "254", "+254"])
SEPARATORS = st.sampled_from(["", " ", "-", "  ", " - "])
AROUND = st.sampled_from(
    ["{}", "paid by {}.", "phone={} amount=100", '{{"PhoneNumber":"{}"}}', "({})", "tel:{}\nnext", "'{}', {}"]
)


@st.composite
def phones(draw: st.DrawFn) -> tuple[str, str]:
    """A number as it may be typed, and its digits."""
    subscriber = draw(SUBSCRIBERS)
    separator = draw(SEPARATORS)
    typed = draw(PREFIXES) + separator + subscriber[:3] + separator + subscriber[3:6] + separator + subscriber[6:]
    return typed.strip(), subscriber


# Feature: mpesa-payment-integration, Property 47: Phone Numbers Masked in Logs
@pytest.mark.requirement("P47")
@pytest.mark.requirement("SEC-4")
@settings(max_examples=300)
@given(phone=phones(), around=AROUND)
def test_phones_in_any_form_keep_their_last_four_digits_only(phone: tuple[str, str], around: str) -> None:
    typed, subscriber = phone
    masked = masking.text(around.replace("{}", typed))
    assert masked.count("********" + subscriber[-4:]) == around.count("{}")
    assert subscriber[:5] not in re.sub(r"[\s\-]", "", masked).replace(subscriber[-4:], "")


@pytest.mark.requirement("SEC-4")
@settings(max_examples=200)
@given(
    subscriber=SUBSCRIBERS, key=st.sampled_from(["PhoneNumber", "phone", "msisdn", "PartyA"]), as_number=st.booleans()
)
def test_phones_in_values_of_any_shape(subscriber: str, key: str, as_number: bool) -> None:
    number = int(f"254{subscriber}") if as_number else f"254{subscriber}"
    shapes = [
        number,
        {"Body": {"Item": [{"Name": key, "Value": number}]}},
        (number, {key: number}),
        json.dumps({key: number}).encode(),
    ]
    for shape in shapes:
        assert subscriber[:5] not in str(masking.value(shape, name=key))


@pytest.mark.requirement("SEC-4")
@settings(max_examples=200)
@given(
    secret=st.text("abcdefghijklmnopqrstuvwxyzABCDEF0123456789+/=", min_size=6, max_size=60),
    name=st.sampled_from(
        ["Password", "passkey", "SecurityCredential", "access_token", "consumer_secret", "pin", "MPESA_PASSKEY"]
    ),
    form=st.sampled_from(
        ['{{"{n}": "{s}"}}', "{n}={s}&next=1", "{n}: {s}", "{{'{n}': '{s}'}}", '{{\\"{n}\\":\\"{s}\\"}}']
    ),
)
def test_secrets_never_show(secret: str, name: str, form: str) -> None:
    assert secret not in masking.text(form.format(n=name, s=secret))
    assert masking.value({name: secret}) == {name: masking.HIDDEN}


@pytest.mark.requirement("SEC-4")
@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("ws_CO_21112026011939254712345678 ended", "ws_CO_****5678 ended"),
        ("POST /hooks/01020003abcdef99 200", "POST /hooks/**** 200"),
        ("POST /hooks//01020003abcdef99 404", "POST /hooks/**** 404"),
        ("POST /HOOKS/01020003ABCDEF99/ 404", "POST /HOOKS/**** 404"),
        ("POST /hooks/0102/0003abcdef99 404", "POST /hooks/**** 404"),
        (f"POST /elsewhere/{'0102abcd' * 7} 404", "POST /elsewhere/**** 404"),
        ("GET /reset/MQ/d0xkfz-0123456789abcdef0123456789abcdef/", "GET /reset/MQ/****/"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: **** ****"),
        ("sent Basic dXNlcjpwYXNz=", "sent Basic ****"),
        ("redis://:hush@127.0.0.1:6379/0", "redis://****@127.0.0.1:6379/0"),
        ("the PIN 1234 was typed", "the PIN **** was typed"),
        ("paid KES 1,000 at 2026-11-21 01:19:39, 12 of 1000", "paid KES 1,000 at 2026-11-21 01:19:39, 12 of 1000"),
        ("receipt UKL7RT61SV of TXN_4f1c2a", "receipt UKL7RT61SV of TXN_4f1c2a"),
    ],
)
def test_known_lines(written: str, shown: str) -> None:
    assert masking.text(written) == shown


def _by_every_rule(text: str) -> str:
    """Without the clues that spare most texts the rules."""
    for _, pattern, shown in masking._IN_TEXT:
        text = pattern.sub(shown, text)
    return masking._PHONE.sub(masking._last_four, text)


# What rules speak of, in parts: a text of them is often nearly what a rule means, and sometimes just that. The strange
# letters are to IGNORECASE a k, an s and twice an i.
PARTS = st.sampled_from(
    [
        "ws_CO_", "WS_co_", "/hooks/", "/HooKs/", "/hoo\u212as/", "to\u212aen", "pa\u017f\u017fword", "p\u0131n",
        "p\u0130n", "://", "@", "bearer", "Basic", "basicookie", "passecret", "pin", "PINs", "token", "passkey",
        "api_key", "ApiKey", "session_id", "csrfmiddlewaretoken", "cookie", "authorisation", "signature",
        "credential", "private-key", "is", "=", ":", "'", "\"", "\\\"", "abcdefg-", "254712345678", "0712 345 678",
        "+254-1", "7", "1", "12345678", "1234", "254", "\u00e9", "_", "-", ".", ",", "&", "?", "}", "\n", " ",
    ]
)  # fmt: skip
LONG_HEX = st.sampled_from(["0" * 56, "ab12" * 14, "ABCDEF12" * 7, "0f" * 16, "f" * 31])
TEXTS = st.lists(PARTS | LONG_HEX | st.text(max_size=3), max_size=14).map("".join)


@pytest.mark.requirement("SEC-4")
@settings(max_examples=300)
@given(TEXTS)
def test_no_rule_is_spared_where_it_would_have_masked(text: str) -> None:
    assert masking.text(text) == _by_every_rule(text)


NAMES = [
    "password",
    "passkey",
    "passwd",
    "passphrase",
    "secret",
    "credential",
    "authorisation",
    "authorization",
    "cookie",
    "session_id",
    "sessionkey",
    "csrf",
    "csrfmiddlewaretoken",
    "signature",
    "token",
    "apikey",
    "api_key",
    "consumer_key",
    "private_key",
    "mpesa_pin",
    "pin",
]
ALONE = [
    *[f"{name}=hush" for name in NAMES],
    *["ws_CO_21112026011939254712345678", "/hooks/ab", "x://u:p@h", "bearer ab", "basic ab", "pins 1234"],
    *["ab12" * 14, "abcdefg-" + "0f" * 16],
    *[
        "712345678",
        "1 1234-5678",
        "7 - 1   2---3 - 4 - 5 - 6 - 7 - 8",
        "7\t12345678",
        "7\u00a012345678",
        "+254712345678",
    ],
]


@pytest.mark.requirement("SEC-4")
@pytest.mark.parametrize("written", ALONE)
def test_what_a_rule_means_is_clue_enough_alone(written: str) -> None:
    """No other clue stands beside it: one that is forgotten shows here."""
    assert masking.text(written) != written
    for spelt in (written, written.upper(), written.title(), f"({written})", f"{written}\u00e9"):
        assert masking.text(spelt) == _by_every_rule(spelt)


@pytest.mark.requirement("SEC-4")
@pytest.mark.parametrize(("clue", "pattern", "_"), masking._IN_TEXT)
def test_each_rule_has_its_clue_where_all_are_taken_for_granted(clue: re.Pattern[str], pattern: object, _: str) -> None:
    assert clue.search(masking._EVERY_CLUE)


@pytest.mark.requirement("SEC-4")
def test_a_secret_s_name_may_be_of_any_length() -> None:
    for name in ("passkey", "x" * 100 + "_passkey", "initiatorPassword", "mpesa_pin"):
        assert masking.value({"is": "hush"}, name=name) == masking.HIDDEN
    assert masking.value("seen", name="x" * 100 + "passkeys_are") == "seen"


@pytest.mark.requirement("SEC-4")
@pytest.mark.parametrize(
    ("number", "name", "shown"),
    [
        (254712345678, "", "********5678"),
        (254712345678, "amount", "********5678"),
        (712345678, "phone", "********5678"),
        (712345678, "amount", 712345678),
        (-71234567, "phone", "********4567"),
        (99_999_999, "phone", 99_999_999),
        (200, "status", 200),
    ],
)
def test_numbers(number: int, name: str, shown: object) -> None:
    assert masking.value(number, name=name) == shown


@settings(max_examples=200)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_masking_never_fails(content: object) -> None:
    masking.value(content, name="anything")


@pytest.mark.requirement("TST-3")
@pytest.mark.parametrize("piece", ["-", "a-", "7-", "pin ", "token=", '"', "ws_CO_", "/hooks/", "bearer ", "://", " "])
def test_a_hostile_text_of_any_length_is_masked_at_once(piece: str) -> None:
    """A path or a body may be anybody's: time must grow with its length, not with the square of it."""
    started = time.process_time()
    masking.text(piece * (200_000 // len(piece)))
    assert time.process_time() - started < 5
