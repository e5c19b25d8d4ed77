"""What M-Pesa accepts in a field: small yes-or-no rules, and the first field that is wrong (daraja.md 3.1).

M-Pesa names one field at a time, in the order of its documentation.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from lib.clock import from_mpesa_stamp
from simulator.gateway import invalid
from simulator.settings import is_loopback
from simulator.switches import Switches

Rule = tuple[str, str, Callable[[Any], bool]]  # the field, the name M-Pesa calls it in the error, what is right

_SHORTCODE = re.compile(r"[0-9]{5,7}")
_MSISDN = re.compile(r"254[17][0-9]{8}")
_FORBIDDEN = ("mpesa", "m-pesa", "safaricom", "exe", "cmd", "sql", "query")  # "exec" holds "exe"
_MOST = 250_000


def check(fields: Mapping[str, Any], rules: Sequence[Rule]) -> None:
    """Raises the GatewayError of the first wrong field."""
    for name, called, right in rules:
        if not right(fields.get(name)):
            raise invalid(called)


def text(value: object) -> str:
    """Numbers and strings are the same to M-Pesa. What cannot be written as UTF-8 becomes "?"."""
    if value is None or isinstance(value, bool | list | dict):
        return ""
    return str(value).strip().encode(errors="replace").decode()


def is_shortcode(value: object) -> bool:
    return _SHORTCODE.fullmatch(text(value)) is not None


def is_msisdn(value: object) -> bool:
    return _MSISDN.fullmatch(text(value)) is not None


def is_filled(value: object) -> bool:
    return isinstance(value, str | int) and text(value) != ""


def is_timestamp(value: object) -> bool:
    return from_mpesa_stamp(text(value)) is not None


def amount(value: object) -> int | None:
    """Whole shillings of 1, "1" or "1.0"; None for anything else."""
    try:
        number = Decimal(text(value))
    except InvalidOperation:
        return None
    if not number.is_finite() or not 1 <= number <= _MOST or number != number.to_integral_value():
        return None
    return int(number)


def is_callback_url(value: object, switches: Switches) -> bool:
    """https anywhere, plain http by switch; some words are refused wherever they stand."""
    url = text(value)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        return False
    if switches.forbidden_words and any(word in url.lower() for word in _FORBIDDEN):
        return False
    if parts.scheme == "http":
        return switches.plain_http == "any" or (switches.plain_http == "loopback" and is_loopback(host))
    return parts.scheme == "https"
