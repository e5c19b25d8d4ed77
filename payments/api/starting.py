"""Starting any payment from a request: one domain call, one attempt to send, and where it stands after that.

Every document's route is this with its own field names and words.
"""

from dataclasses import dataclass

from rest_framework.request import Request

from lib import clock
from lib.errors import Refusal
from lib.pages import caller_of
from payments import sending, starting
from payments.models import Payment
from payments.providers import provider
from payments.states import Status

KEY_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Outcome:
    """`sent` False: M-Pesa has not answered yet (HTTP 202)."""

    payment: Payment
    created: bool
    sent: bool


def start_and_send(request: Request, order: starting.Start) -> Outcome:
    """Raises Refusal: what was wrong with the request, or why the push failed for good."""
    started = starting.start(order=order, now=clock.now())
    if started.created:
        sending.send_now(payment_id=started.payment_id, caller=caller_of(request))
    payment = Payment.objects.get(pk=started.payment_id)
    if started.created and payment.status == Status.FAILED:
        raise _failed(payment)
    return Outcome(payment, started.created, sent=payment.status != Status.SENDING)


def idempotency_key(request: Request) -> str:
    """The `Idempotency-Key` header; empty where there is none. Raises Refusal."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise Refusal("invalid_idempotency_key", f"An Idempotency-Key has at most {KEY_LENGTH} printable characters.")
    return key


def _failed(payment: Payment) -> Refusal:
    words = provider(payment.provider).explain_refusal(payment.result_code)
    status = 409 if words.wait_s else 502
    return Refusal("push_refused", f"{words.happened} {words.next_step}", status=status, retry_after=words.wait_s)
