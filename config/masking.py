"""What no log may show (SEC-4), taken out of any text and any value before it is written.

Phone numbers keep their last four digits, in each form that a payer may type. CheckoutRequestIDs end in digits of the
phone, `/hooks/<token>` is the signature of a callback, and PINs and secrets are nobody's business: these go whole.
A text that only looks like one of them is masked too: a log is worth less than a phone number.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime

HIDDEN = "****"
_WORDS = (
    r"pass(?:word|key|wd|phrase)|secret|credential|authori[sz]ation|cookie|session_?(?:id|key)|csrf\w*|signature"
    r"|token|api_?key|consumer_?key|private_?key|(?:mpesa_?)?pin"
)
_SECRET_NAME = re.compile(rf"(?:^|[_\-\s]|(?<=[a-z])(?=[A-Z]))(?i:{_WORDS})s?\d*(?:$|[_\-])|(?i:^(?:{_WORDS})$)")
_PHONE_NAME = re.compile(r"phone|msisdn|party_?a|payer_?number", re.IGNORECASE)
_PHONE = re.compile(r"(?<![0-9])(?:\+?254|0)?[\s\-]{0,3}[17](?:[\s\-]{0,3}[0-9]){8}(?![0-9])")
_WHOLE_PHONE = re.compile(r"254[17][0-9]{8}")
_QUOTED = r"\\\"[^\"\\]*\\\"|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"  # the first: JSON inside JSON
# "Password": "…", password=…, 'pin': 1234; the name may end a longer one (initiatorPassword)
_NAMED = re.compile(rf"(?i)((?:{_WORDS})\\?[\"']?\s*(?:[:=]|\bis\b)\s*)(?:{_QUOTED}|[^\s\"',}}&;]+)")
_IN_TEXT = [
    (re.compile(r"ws_CO_\w*?([0-9]{0,4})(?!\w)"), rf"ws_CO_{HIDDEN}\1"),
    (re.compile(r"(?i)(/hooks/)[^\s\"'?&]+"), rf"\1{HIDDEN}"),  # also where a proxy made its address a wrong one
    (re.compile(r"(?i)(?<!\w)[0-9a-f]{56}(?!\w)"), HIDDEN),  # its token alone
    (re.compile(r"(?<!\w)[0-9a-z]{6,7}-[0-9a-f]{32}(?!\w)"), HIDDEN),  # Django's tokens in links that reset passwords
    (re.compile(r"(://)[^\s/@\"']*@"), rf"\1{HIDDEN}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=\-]+"), rf"\1 {HIDDEN}"),
    (_NAMED, rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(pins?\b\W{0,3})[0-9]{4}(?![0-9])"), rf"\1{HIDDEN}"),
]


def text(value: str) -> str:
    """The same text with everything masked that no log may show."""
    for pattern, replacement in _IN_TEXT:
        value = pattern.sub(replacement, value)
    return _PHONE.sub(_last_four, value)


def value(content: object, *, name: str = "") -> object:
    """A value of a log line, of any shape, under its name."""
    if name and _SECRET_NAME.search(name):
        return HIDDEN
    if isinstance(content, Mapping):
        return {text(str(key)): value(inner, name=str(key)) for key, inner in content.items()}
    if isinstance(content, list | tuple | set | frozenset):
        return [value(inner, name=name) for inner in content]
    if content is None or isinstance(content, bool | float | datetime | date):
        return content
    if isinstance(content, int):
        return _number(content, name)
    if isinstance(content, bytes | bytearray | memoryview):
        return text(bytes(content).decode(errors="replace"))
    return text(str(content))


def _number(content: int, name: str) -> object:
    digits = str(content)
    if _WHOLE_PHONE.fullmatch(digits) or (_PHONE_NAME.search(name) and len(digits) >= 9):
        return f"********{digits[-4:]}"
    return content


def _last_four(match: re.Match[str]) -> str:
    digits = [character for character in match[0] if character.isdigit()]
    return f"********{''.join(digits[-4:])}"
