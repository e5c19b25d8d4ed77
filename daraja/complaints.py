"""What M-Pesa's refusals mean (daraja.md 3.3), as one table: the first row that matches code and message counts.

One errorCode means five things, so each row names both. `UNSENT` is claimed only where it is certain that no prompt
was made: the gateway, the firewall or M-Pesa's own checks turned the request away. Whatever the table does not know
is judged by its HTTP status, and of a 5xx nobody can say what happened behind it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Topic(StrEnum):
    """What an error is about: what the payer is told hangs on this."""

    NO_CONNECTION = "NO_CONNECTION"  # the request never left, or never arrived
    BUSY = "BUSY"  # spike arrest, quota, overload, maintenance, the firewall
    ACCESS = "ACCESS"  # the access token was not accepted, or none could be had
    CREDENTIALS = "CREDENTIALS"  # consumer key, secret or passkey are wrong
    SETUP = "SETUP"  # short code, product, URL or another field that is ours to mend
    PHONE = "PHONE"
    AMOUNT = "AMOUNT"
    LOCKED = "LOCKED"  # a prompt or a USSD session is open on the phone
    TOO_SOON = "TOO_SOON"  # the same amount from the same phone within two minutes
    DUPLICATE = "DUPLICATE"  # M-Pesa has this very request already
    PROCESSING = "PROCESSING"  # a query that came before the end
    UNKNOWN_REQUEST = "UNKNOWN_REQUEST"  # a query for an id that M-Pesa does not know (perhaps not yet)
    UNCLEAR = "UNCLEAR"


UNSENT, PERHAPS_SENT = True, False


@dataclass(frozen=True, slots=True)
class Row:
    """`codes` must match the whole errorCode, `words` anywhere in the message; both ignore case."""

    codes: str
    words: str
    unsent: bool
    topic: Topic
    transient: bool = False
    wait_s: int | None = None

    def fits(self, code: str, message: str) -> bool:
        return bool(re.fullmatch(self.codes, code, re.IGNORECASE) and re.search(self.words, message, re.IGNORECASE))


ANY = r"[\s\S]*"
_ACCESS_CODES = (
    r"404\.001\.03|400\.003\.01|401\.002\.01|401\.003\.01|keymanagement\.service\..*|(steps\.)?oauth\.v2\..*"
)

ROWS = (
    # The app lacks the product: no new token and no second try will help.
    Row(ANY, r"apiproduct", UNSENT, Topic.ACCESS),
    # Tokens are made invalid by somebody else's newer one now and then (daraja.md 2), so a later try may pass.
    Row(_ACCESS_CODES, ANY, UNSENT, Topic.ACCESS, transient=True),
    Row(ANY, r"invalid access token", UNSENT, Topic.ACCESS, transient=True),
    Row(r"400\.008\.0[12]", ANY, UNSENT, Topic.CREDENTIALS),
    Row(ANY, r"wrong credentials", UNSENT, Topic.CREDENTIALS),
    Row(ANY, r"merchant does not exist", UNSENT, Topic.SETUP),
    # The payer's phone is in use. It was not our prompt that failed, but only the payer can end what is open there.
    Row(ANY, r"unable to lock subscriber", UNSENT, Topic.LOCKED, wait_s=60),
    Row(r"1001", ANY, UNSENT, Topic.LOCKED, wait_s=60),
    Row(r"17", ANY, UNSENT, Topic.TOO_SOON, wait_s=120),
    Row(ANY, r"being processed|under processing", PERHAPS_SENT, Topic.PROCESSING),
    Row(ANY, r"transaction does not exist|invalid checkoutrequestid", PERHAPS_SENT, Topic.UNKNOWN_REQUEST),
    # The first request with this id was taken: nothing about it is known to have failed.
    Row(ANY, r"duplicate originatorconversationid", PERHAPS_SENT, Topic.DUPLICATE),
    Row(ANY, r"urls? (are|is) already registered|duplicate notification info", UNSENT, Topic.SETUP),
    Row(r"policies\.ratelimit\..*", ANY, UNSENT, Topic.BUSY, transient=True),
    Row(r"500\.003\.0[23]|429|", r"spike arrest|quota violation|too many requests", UNSENT, Topic.BUSY, transient=True),
    Row(r"500\..*|429|26|", r"system (is )?busy", UNSENT, Topic.BUSY, transient=True),
    Row(r"5?00\..*|503|", r"under maintenance", UNSENT, Topic.BUSY, transient=True),
    Row(r"400\.002\.02", r"invalid (phonenumber|party ?a|msisdn)", UNSENT, Topic.PHONE),
    Row(r"400\.002\.02", r"invalid amount", UNSENT, Topic.AMOUNT),
    Row(r"400\..*|404\..*|405\..*", ANY, UNSENT, Topic.SETUP),
)

# A firewall answers 403 in HTML before anything of M-Pesa's saw the request.
BY_STATUS = {
    401: Row("", ANY, UNSENT, Topic.ACCESS, transient=True),
    403: Row("", ANY, UNSENT, Topic.BUSY, transient=True),
    408: Row("", ANY, PERHAPS_SENT, Topic.UNCLEAR),
    409: Row("", ANY, PERHAPS_SENT, Topic.UNCLEAR),
    429: Row("", ANY, UNSENT, Topic.BUSY, transient=True),
    499: Row("", ANY, PERHAPS_SENT, Topic.UNCLEAR),
}
OTHER_4XX = Row("", ANY, UNSENT, Topic.SETUP)
UNKNOWN = Row("", ANY, PERHAPS_SENT, Topic.UNCLEAR)


def row_for(http_status: int, code: str, message: str) -> Row:
    """The meaning of an answer that is no success."""
    for row in ROWS:
        if row.fits(code, message):
            return row
    return BY_STATUS.get(http_status) or (OTHER_4XX if 400 <= http_status < 500 else UNKNOWN)


_SET_UP = (
    "Something is wrong with our M-Pesa set-up, so no request was sent.",
    "Please contact us and we will put it right.",
)
_BUSY = ("M-Pesa is very busy just now, so no request was sent.", "Please try again in half a minute.")
_CHECK = (
    "We do not know yet whether M-Pesa sent the request to your phone.",
    "Please check your phone, and do not pay again before this page tells you how it ended.",
)
PAYER_WORDS = {
    Topic.NO_CONNECTION: (
        "We could not reach M-Pesa just now, so no request was sent.",
        "Please try again in half a minute.",
    ),
    Topic.BUSY: _BUSY,
    Topic.ACCESS: (
        "M-Pesa did not let us in just now, so no request was sent.",
        "Please try again in a minute. If it stays like this, contact us.",
    ),
    Topic.CREDENTIALS: _SET_UP,
    Topic.SETUP: _SET_UP,
    Topic.PHONE: (
        "M-Pesa does not accept this phone number, so no request was sent.",
        "Please check the number, or use another one.",
    ),
    Topic.AMOUNT: (
        "M-Pesa does not accept this amount, so no request was sent.",
        "Please choose another amount.",
    ),
    Topic.LOCKED: (
        "Your phone is still busy with another M-Pesa request, so no new one was sent.",
        "Please finish or close it, wait a minute, then try again.",
    ),
    Topic.TOO_SOON: (
        "M-Pesa takes the same amount from one phone only once in two minutes, so no request was sent.",
        "Please wait two minutes, then try again.",
    ),
    Topic.DUPLICATE: _CHECK,
    Topic.PROCESSING: _CHECK,
    Topic.UNKNOWN_REQUEST: _CHECK,
    Topic.UNCLEAR: _CHECK,
}
