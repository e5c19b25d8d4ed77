"""What no log may show (SEC-4), taken out of any text and any value before it is written.

Phone numbers keep their last four digits, in each form that a payer may type. CheckoutRequestIDs end in digits of the
phone, `/hooks/<token>` is the signature of a callback, and PINs and secrets are nobody's business: these go whole.
A text that only looks like one of them is masked too: a log is worth less than a phone number.

Most texts have nothing to hide, and each line of the log has several. So what is dear to look for is looked for only
where a clue is: something that stands in every text that the rule means, and is cheap to find.
"""

import functools
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime

HIDDEN = "****"
_WORDS = (
    r"pass(?:word|key|wd|phrase)|secret|credential|authori[sz]ation|cookie|session_?(?:id|key)|csrf\w*|signature"
    r"|token|api_?key|consumer_?key|private_?key|(?:mpesa_?)?pin"
)
_WORD_CLUES = "pass|secret|credential|authori|cookie|session|csrf|signature|token|key|pin"
_SECRET_NAME = re.compile(rf"(?:^|[_\-\s]|(?<=[a-z])(?=[A-Z]))(?i:{_WORDS})s?\d*(?:$|[_\-])|(?i:^(?:{_WORDS})$)")
_LONGEST_WORD = 64
_PHONE_NAME = re.compile(r"phone|msisdn|party_?a|payer_?number", re.IGNORECASE)
_PHONE = re.compile(r"(?<![0-9])(?:\+?254|0)?[\s\-]{0,3}[17](?:[\s\-]{0,3}[0-9]){8}(?![0-9])")
_PHONE_CLUE = re.compile(r"[17](?:[\s\-]{0,3}[0-9]){8}")
_SHORT = 10_000_000  # with its sign it has fewer characters than a phone has digits
_WHOLE_PHONE = re.compile(r"254[17][0-9]{8}")
_QUOTED = r"\\\"[^\"\\]*\\\"|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"  # the first: JSON inside JSON
# "Password": "…", password=…, 'pin': 1234; the name may end a longer one (initiatorPassword)
_NAMED = rf"(?i)((?:{_WORDS})\\?[\"']?\s*(?:[:=]|\bis\b)\s*)(?:{_QUOTED}|[^\s\"',}}&;]+)"


def _after_its_name(found: re.Match[str]) -> str:
    return f"{found[1]}{HIDDEN}"


# The clue, in lower case (a text with other letters than ASCII's has them all); what goes, and what stands there instead.
_LONG_HEX = "[0-9a-f]{32}"
_RULES: list[tuple[str, str, str | Callable[[re.Match[str]], str]]] = [
    ("ws_co_", r"ws_CO_\w*?([0-9]{0,4})(?!\w)", lambda found: f"ws_CO_{HIDDEN}{found[1]}"),
    ("/hooks/", r"(?i)(/hooks/)[^\s\"'?&]+", _after_its_name),  # also where a proxy made its address a wrong one
    (_LONG_HEX, r"(?i)(?<!\w)[0-9a-f]{56}(?!\w)", HIDDEN),  # its token alone
    (_LONG_HEX, r"(?<!\w)[0-9a-z]{6,7}-[0-9a-f]{32}(?!\w)", HIDDEN),  # Django's tokens in links that reset passwords
    ("://", r"(://)[^\s/@\"']*@", lambda found: f"{found[1]}{HIDDEN}@"),
    ("bearer|basic", r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=\-]+", lambda found: f"{found[1]} {HIDDEN}"),
    (_WORD_CLUES, _NAMED, _after_its_name),
    ("pin", r"(?i)\b(pins?\b\W{0,3})[0-9]{4}(?![0-9])", _after_its_name),
]
_IN_TEXT = [(re.compile(clue), re.compile(pattern), shown) for clue, pattern, shown in _RULES]
_HEX_CLUE = re.compile(_LONG_HEX)
_OTHER_CLUES = re.compile("|".join(dict.fromkeys(clue for clue, _, _ in _RULES if clue != _LONG_HEX)))
_EVERY_CLUE = " ".join([*_OTHER_CLUES.pattern.split("|"), "0" * 32])


def text(value: str) -> str:
    """The same text with everything masked that no log may show."""
    # With IGNORECASE some other letters are ASCII's: \u212a is a k, \u017f an s.
    folded = value.lower() if value.isascii() else _EVERY_CLUE
    if _OTHER_CLUES.search(folded) or _HEX_CLUE.search(folded):
        for clue, pattern, shown in _IN_TEXT:
            if clue.search(folded):
                value = pattern.sub(shown, value)
    return _PHONE.sub(_last_four, value) if _PHONE_CLUE.search(value) else value


def value(content: object, *, name: str = "") -> object:
    """A value of a log line, of any shape, under its name."""
    if name and _is_secret(name):
        return HIDDEN
    if isinstance(content, str):
        return text(str(content))
    if content is None or isinstance(content, bool | float | datetime | date):
        return content
    if isinstance(content, int):
        return _number(content, name)
    if isinstance(content, Mapping):
        return {text(str(key)): value(inner, name=str(key)) for key, inner in content.items()}
    if isinstance(content, list | tuple | set | frozenset):
        return [value(inner, name=name) for inner in content]
    if isinstance(content, bytes | bytearray | memoryview):
        return text(bytes(content).decode(errors="replace"))
    return text(str(content))


def _is_secret(name: str) -> bool:
    return _is_secret_word(name) if len(name) <= _LONGEST_WORD else bool(_SECRET_NAME.search(name))


@functools.lru_cache(maxsize=1024)
def _is_secret_word(name: str) -> bool:
    """The names in our own lines are few. A stranger's may be as long as a body, and are not remembered."""
    return bool(_SECRET_NAME.search(name))


def _number(content: int, name: str) -> object:
    if -_SHORT < content < _SHORT:
        return content
    digits = str(content)
    if _WHOLE_PHONE.fullmatch(digits) or (_PHONE_NAME.search(name) and len(digits) >= 9):
        return f"********{digits[-4:]}"
    return content


def _last_four(match: re.Match[str]) -> str:
    digits = [character for character in match[0] if character.isdigit()]
    return f"********{''.join(digits[-4:])}"
