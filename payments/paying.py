"""From a form to the page of its payment: what every page that pays does after its form is in order."""

from collections.abc import Callable

from django.contrib import messages
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

from lib import clock
from lib.errors import Refusal
from lib.pages import caller_of, nothing_stored, see_other
from payments import sending, starting


def pay(request: HttpRequest, order: starting.Start) -> HttpResponse:
    """Start the payment, send it at once, and go to its page. Raises Refusal where it cannot be started."""
    with sending.turn() as turn:
        try:
            started = starting.start(order=order, now=clock.now(), at_once=turn.given)
        except (OperationalError, InterfaceError):
            return nothing_stored(request)
        if started.push:
            push = started.push
            _send(request, lambda: turn.push(order=push, caller=caller_of(request)))
    return see_other("payments:payment", started.transaction_id)


def send(request: HttpRequest, payment_id: int) -> None:
    """Have a payment that is due sent now."""
    _send(request, lambda: sending.send_now(payment_id=payment_id, caller=caller_of(request)))


def _send(request: HttpRequest, attempt: Callable[[], object]) -> None:
    try:
        attempt()
    except Refusal as refusal:  # perhaps sent: the payment's page says how it stands
        messages.error(request, refusal.message)
