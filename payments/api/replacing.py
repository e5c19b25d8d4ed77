"""A new payment in the place of one that has timed out (REC-2): the old one is closed and the new one started in one step.

The request names the payment that it replaces. "Whatever is in progress" would not do: where the money of a deposit
comes a moment before the request, nothing is in progress any more, and the payer would be asked for it twice.
"""

from dataclasses import replace
from typing import Any

from django.core.validators import RegexValidator

from lib.errors import Refusal
from payments import merchants
from payments.api.fields import TextField
from payments.models import Payment
from payments.payable import payable
from payments.starting import Start
from payments.states import LIVE

_NONE = "You have no such payment for this. Leave `replace` out to start the first one."
_SAME_KEY = "This Idempotency-Key is that of the payment to be replaced. Use a new key for a new payment."


class ReplaceField(TextField):
    """The id of the payment to be replaced; may be left out."""

    def __init__(self, **kwargs: Any) -> None:
        words = (
            "The id, `TXN_…`, of your payment for this that has timed out: it is closed and this one started in one "
        )
        words += "step. If its money has come meanwhile, you are answered with it, and nothing is asked for again."
        given = {"validators": [RegexValidator(r"^TXN_[0-9A-F]{24}\Z", "An id begins with TXN_.")], **kwargs}
        super().__init__(required=False, help_text=words, **given)


def in_place_of(order: Start, transaction_id: str) -> Start:
    """The same order, to replace that payment; without a key of the client's own, once. "" changes nothing.

    Raises Refusal `not_found` where it is no payment of this payer's for the same thing, or `idempotency_conflict`.
    """
    if not transaction_id:
        return order
    rows = Payment.objects.filter(environment=merchants.current_environment(), purpose=order.purpose)
    row = rows.filter(transaction_id=transaction_id, payer_id=order.payer_id).first()
    if row is None or _thing(row.purpose, row.metadata) != _thing(order.purpose, order.fields):
        raise Refusal("not_found", _NONE, status=404, errors={"replace": [_NONE]})
    if order.idempotency_key and order.idempotency_key == row.idempotency_key:
        raise Refusal("idempotency_conflict", _SAME_KEY, status=409)
    key = order.idempotency_key or f"after:{row.transaction_id}"
    return replace(order, replace=row.status in LIVE, instead_of=row.pk, idempotency_key=key)


def _thing(purpose: str, fields: Any) -> str:
    """What a request named; nothing where the payer has one only (a wallet)."""
    name = payable(purpose).request_field
    return str((fields or {}).get(name, "")).upper() if name else ""
