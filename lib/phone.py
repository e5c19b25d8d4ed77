"""Kenyan mobile numbers: one stored form, `2547XXXXXXXX` or `2541XXXXXXXX` (STK-1).

A prefix says nothing about the network (numbers are ported), so it never decides. Full numbers do not belong in
logs, errors or pages: `masked` is for logs, `hidden` for pages, `spaced` for the owner's own input field.
"""

import re

from lib.errors import Refusal

ACCEPTED = "0712 345 678, 0112 345 678, 712 345 678 or +254 712 345 678"
MESSAGE = f"Please enter a valid Kenyan phone number: {ACCEPTED}"
_FORM = re.compile(r"(?:tel:)?(?:(?:\+|00)?254|0)?([17][0-9]{8})", re.ASCII | re.IGNORECASE)
_CHECKOUT = re.compile(r"ws_CO_[0-9A-Za-z_]+")
# Also what comes along when a number is copied from a contact: brackets, other dashes, and marks of the writing
# direction. static/js/spellings.js reads numbers by the same rules.
_SEPARATORS = re.compile("[\\s()\\-\u2010-\u2015\u2212\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")
# A dot stands between groups; before the last digit it is a decimal point, and the number is not a phone's.
_DOTS = re.compile(r"\.(?=[0-9]{2})")
# Bare digits are masked only where they are grouped as a phone is: an amount in cents has nine digits too. Behind an
# escaped line break, as in the repr of a text, the "n" is no part of a word.
_ANYWHERE = re.compile(
    r"(?:(?<![0-9A-Za-z])|(?<=\\[nrt]))"
    r"(?:(?:(?:\+|00)?254[ .()\-]{0,2}|0)[17][0-9]{2}(?:[ .)\-]{0,2}[0-9]){2}"
    r"|[17][0-9]{2}(?P<gap>[ \-])[0-9]{2}(?=[0-9](?P=gap)[0-9]{3}))"
    r"(?P<last>(?:[ .\-]?[0-9]){4})(?![0-9])"
)
# What every such number has in it. To look for this alone is ten times faster, and most texts have none.
_ENOUGH_DIGITS = re.compile(r"[17][0-9]{2}(?:[ .)\-]{0,2}[0-9]){6}")
_BETWEEN = re.compile(r"[ .\-]")


def normalise(text: object, *, message: str = MESSAGE) -> str:
    """Any Kenyan form, "(0712) 345-678", to "254712345678". Raises Refusal `invalid_phone` with `message`."""
    cleaned = _DOTS.sub("", _SEPARATORS.sub("", str(text))) if not isinstance(text, bool | float) else ""
    match = _FORM.fullmatch(cleaned) if cleaned.isascii() else None
    if match is None:
        raise Refusal("invalid_phone", message, errors={"phoneNumber": [message]})
    return f"254{match[1]}"


def masked(number: str) -> str:
    """For logs and audit: the last four digits. "254712345678" -> "********5678"."""
    return "*" * 8 + number[-4:] if len(number) >= 8 else "*" * len(number)


def hidden(number: str) -> str:
    """For pages: "254712345678" -> "•••• 678"."""
    return f"•••• {number[-3:]}"


def spaced(number: str) -> str:
    """For the owner's input field: "254712345678" -> "0712 345 678"."""
    local = "0" + number[3:]
    return f"{local[:4]} {local[4:7]} {local[7:]}"


def mask_all(text: str) -> str:
    """Mask every phone number inside a text, also in the tail of a CheckoutRequestID."""
    if "ws_CO_" in text:
        text = _CHECKOUT.sub(_checkout_tail, text)
    return _ANYWHERE.sub(_last_four, text) if _ENOUGH_DIGITS.search(text) else text


def _last_four(found: re.Match[str]) -> str:
    return f"********{_BETWEEN.sub('', found['last'])}"


def _checkout_tail(found: re.Match[str]) -> str:
    tail = found[0][-4:]
    return f"ws_CO_****{tail if tail.isdigit() else ''}"
