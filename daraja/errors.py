"""The whole error model of money that is asked for: certainly not sent, or perhaps sent.

`Refused` may be tried again (where `transient`), `Uncertain` never: it is asked about. Everything that goes wrong
between us and M-Pesa is one of the two.
"""

import re
from typing import Any

from daraja.complaints import PAYER_WORDS, UNKNOWN, Topic, row_for
from daraja.reading import Malformed, clean, load_object
from lib import phone

__all__ = ["DarajaError", "Refused", "Topic", "Uncertain", "classify", "payer_words"]

_TAGS = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)


class DarajaError(Exception):
    """`code` is M-Pesa's errorCode or ResponseCode, or a word of ours such as "read_timeout"; no phones, no secrets."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        topic: Topic = Topic.UNCLEAR,
        request_id: str = "",
        http_status: int | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.topic = topic
        self.request_id = request_id
        self.http_status = http_status


class Refused(DarajaError):
    """Certainly not sent. `transient`: may be tried again by itself. `wait_s`: M-Pesa's own lock, in seconds."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        transient: bool,
        wait_s: int | None = None,
        topic: Topic = Topic.SETUP,
        request_id: str = "",
        http_status: int | None = None,
    ) -> None:
        super().__init__(code, message, topic=topic, request_id=request_id, http_status=http_status)
        self.transient = transient
        self.wait_s = wait_s

    def saying(self, message: str) -> "Refused":
        """The same refusal in other words."""
        return Refused(
            self.code,
            message,
            transient=self.transient,
            wait_s=self.wait_s,
            topic=self.topic,
            request_id=self.request_id,
            http_status=self.http_status,
        )


class Uncertain(DarajaError):
    """Perhaps sent: never sent again, but asked about."""


def classify(http_status: int, body: bytes | str) -> DarajaError:
    """The meaning of an answer that is no success, by errorCode and message (daraja.md 3.3), then by HTTP status."""
    code, message, request_id = _complaint(body)
    # Words in a page that came with a 2xx prove nothing: behind it a push may have been accepted.
    row = row_for(http_status, code, message) if code or http_status >= 400 else UNKNOWN
    code = code or f"http_{http_status}"
    message = phone.mask_all(message)
    if not row.unsent:
        return Uncertain(code, message, topic=row.topic, request_id=request_id, http_status=http_status)
    return Refused(
        code,
        message,
        transient=row.transient,
        wait_s=row.wait_s,
        topic=row.topic,
        request_id=request_id,
        http_status=http_status,
    )


def payer_words(error: DarajaError) -> tuple[str, str]:
    """What happened and what to do next, for the one who wanted to pay."""
    return PAYER_WORDS[error.topic]


def _complaint(body: bytes | str) -> tuple[str, str, str]:
    """errorCode, message and requestId out of any of the envelopes that were seen."""
    try:
        answer = load_object(body)
    except Malformed:
        return "", _plain(body), ""
    request_id = clean(answer.get("requestId"), limit=128)
    for code_key, message_key in (("errorCode", "errorMessage"), ("ResponseCode", "ResponseDescription")):
        if code_key in answer:
            return clean(answer[code_key], limit=80), clean(answer.get(message_key)), request_id
    fault = _part(answer, "fault")
    if fault:
        return clean(_part(fault, "detail").get("errorcode"), limit=80), clean(fault.get("faultstring")), request_id
    return "", clean(answer.get("errorMessage") or answer.get("message")) or "JSON without an errorCode", request_id


def _part(answer: dict[str, Any], key: str) -> dict[str, Any]:
    value = answer.get(key)
    return value if isinstance(value, dict) else {}


def _plain(body: bytes | str) -> str:
    """HTML and other texts without their tags, short: enough for a person to recognise a firewall's page."""
    text = body if isinstance(body, str) else body[:4000].decode("utf-8", "replace")
    words = " ".join(_TAGS.sub(" ", text[:4000]).split())
    return clean(words, limit=200) or ("an empty answer" if not text.strip() else "an answer without words")
