"""Reading what M-Pesa sends without trusting any of it.

Bodies come with numbers as strings, strings as numbers, HTML, nothing at all, or from somebody who is not M-Pesa.
Whatever is wrong with one, the only error that leaves this module is `Malformed`; whatever text leaves it can be
stored in a database (no NUL, no lone surrogates).
"""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

_LONGEST_NUMBER = 40
_WHOLE = re.compile(r"(0|[1-9][0-9]*)(\.0+)?", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9_.\-]{1,40}", re.ASCII)
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Malformed(Exception):
    """Not a body that M-Pesa is known to send. `reason` holds nothing of the body but names of fields."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def load(body: bytes | str) -> object:
    """JSON with exact decimals; raises Malformed, also for a key given twice (two truths in one body)."""
    try:
        text = body if isinstance(body, str) else body.decode("utf-8-sig")
        return json.loads(
            text, parse_float=_decimal, parse_int=_integer, parse_constant=_constant, object_pairs_hook=_once
        )
    except json.JSONDecodeError as error:
        raise Malformed(f"not JSON: {error.msg}") from None
    except UnicodeDecodeError:
        raise Malformed("not UTF-8") from None
    except RecursionError:
        raise Malformed("nested too deeply") from None


def load_object(body: bytes | str) -> dict[str, Any]:
    """As `load`, for a JSON object; raises Malformed."""
    value = load(body)
    if not isinstance(value, dict):
        raise Malformed("not a JSON object")
    return value


def clean(value: object, *, limit: int = 500) -> str:
    """A text or number as a storable text of at most `limit` characters; "" for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return ""
    return _UNSTORABLE.sub("", str(value)).strip()[:limit]


def result_code(value: object) -> str:
    """0, 0.0, "0" -> "0"; "SFC_IC0003" stays. Numbers and texts both happen (daraja.md 1). Raises Malformed."""
    text = clean(value, limit=_LONGEST_NUMBER + 1)
    if isinstance(value, int | Decimal) and text and value == int(value):
        return str(int(value))
    if whole := _WHOLE.fullmatch(text):
        return whole[1]
    if not _CODE.fullmatch(text):
        raise Malformed("no readable ResultCode")
    return text


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise Malformed("a number too long to be one of M-Pesa's")
    return int(text)


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise Malformed("an unreadable number") from None
    if len(text) > _LONGEST_NUMBER or abs(value.adjusted()) > _LONGEST_NUMBER:
        raise Malformed("a number too long to be one of M-Pesa's")
    return value


def _constant(text: str) -> object:
    raise Malformed("NaN and Infinity are not numbers")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise Malformed("a key stands twice in one object")
    return values
