"""What lists and details of the admin show in the same way: times, the payment, sealed bodies."""

import contextlib
import json
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from lib.clock import EAT
from lib.crypto import Unreadable
from lib.phone import mask_all
from payments import calls, sealing

_LONGEST = 20_000  # characters shown; a forger decides how long a body is


def to_the_second(at: datetime) -> str:
    """21 Nov 2026 06:52:58, in East Africa Time."""
    return f"{at.astimezone(EAT):%d %b %Y %H:%M:%S}"


def link_to_payment(row: Any) -> SafeString:
    """From a row of `search.with_transaction`."""
    if not row.of_transaction:
        return format_html("{}", "–")
    url = reverse("admin:payments_payment_change", args=[row.payment_id])
    return format_html('<a class="mono" href="{}">{}</a>', url, row.of_transaction)


def masked_body(sealed: bytes | memoryview) -> SafeString:
    """Indented where it is JSON, every phone number masked."""
    if not sealed:
        return format_html("{}", "–")
    try:
        text = sealing.unseal(bytes(sealed), context=calls.CONTEXT).decode("utf-8", "replace")
    except Unreadable:
        return format_html("<em>{}</em>", "cannot be opened any more")
    with contextlib.suppress(ValueError, RecursionError):
        text = _indented(json.loads(text))
    # A number that the end would cut in two is masked before the cut; JSON may hold halves of letters.
    seen = text[: _LONGEST + 100].encode("utf-8", "replace").decode()
    return format_html('<pre class="body">{}</pre>', mask_all(seen)[:_LONGEST])


def _indented(value: object) -> str:
    """As far as it is shown: indentation makes fifty megabytes of a hostile body of 64 kB."""
    pieces, length = [], 0
    for piece in json.JSONEncoder(indent=2, ensure_ascii=False).iterencode(value):
        pieces.append(piece)
        length += len(piece)
        if length > _LONGEST + 100:
            break
    return "".join(pieces)
