"""Starting any payment from a request: one domain call, one attempt to send, and where it stands after that.

Every document's route is this with its own field names and words.
"""

from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from lib import clock
from lib.errors import Refusal
from lib.pages import caller_of
from payments import sending, starting
from payments.facts import Source
from payments.models import Payment
from payments.providers import provider
from payments.states import Status

KEY_LENGTH = 100
KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "maxLength": KEY_LENGTH, "pattern": "^[ -~]*$"},
    OpenApiParameter.HEADER,
    description="Up to 100 characters of your own. The same key answers with the same payment, as it stands by then; "
    "the same key with another body is a 409.",
)
_CHECK_PHONE = (
    "We cannot reach our records at the moment, but your request may be on its way. Check your phone, and do not pay "
    "again: your payment will be found."
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`created` False: it was there already. `sent` False: M-Pesa has not answered yet (HTTP 202)."""

    payment: Payment
    created: bool
    sent: bool


def start_and_send(request: Request, order: starting.Start) -> Outcome:
    """Raises Refusal: what was wrong with the request, or why the push failed for good."""
    with sending.turn() as turn:
        started = starting.start(order=order, now=clock.now(), at_once=turn.given)
        try:
            payment = turn.push(order=started.push, caller=caller_of(request)) if started.push else None
            payment = payment or Payment.objects.get(pk=started.payment_id)
        except (DatabaseError, InterfaceError) as error:  # from here on "nothing was stored" would not be true (OPS-1)
            raise Refusal("check_phone", _CHECK_PHONE, status=503) from error
    if started.created and payment.status == Status.FAILED and payment.result_source == Source.PUSH:
        raise _refused_by_mpesa(payment)
    return Outcome(payment, started.created, sent=payment.status != Status.SENDING)


def idempotency_key(request: Request) -> str:
    """The `Idempotency-Key` header; empty where there is none. Raises Refusal."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise Refusal("invalid_idempotency_key", f"An Idempotency-Key has at most {KEY_LENGTH} printable characters.")
    return key


def _refused_by_mpesa(payment: Payment) -> Refusal:
    """409 where waiting helps (the phone is busy, or it was the same amount too soon), else 502."""
    words = provider(payment.provider).explain_refusal(payment.result_code)
    status = 409 if words.wait_s else 502
    return Refusal("push_refused", f"{words.happened} {words.next_step}", status=status, retry_after=words.wait_s)
