"""Finding one payment among a million: each kind of search term meets an index of its own."""

from django.db.models import Q, QuerySet

from accounts.keys import phone_hash
from accounts.models import User
from lib import phone
from lib.errors import Refusal
from payments import sealing
from payments.models import Payment

HELP = "transaction id, receipt, reference, CheckoutRequestID, phone, e-mail or name of the payer or therapist"
_MOST_PEOPLE = 200


def search(rows: "QuerySet[Payment]", term: str) -> "QuerySet[Payment]":
    """The payments that a term names; nothing for an empty match."""
    term = term.strip().replace("\x00", "")
    if not term:
        return rows
    if term.upper().startswith("TXN_"):
        return rows.filter(transaction_id=term.upper())
    if term.lower().startswith("ws_co_"):
        return rows.filter(checkout_hash=sealing.checkout_hash(term))
    number = _phone(term)
    if number:
        return rows.filter(phone_hash=phone_hash(number))
    named = Q(receipt=term.upper()) | Q(account_reference=term.upper()) | Q(transaction_id=term)
    people = _people(term)
    return rows.filter(named | Q(payer__in=people) | Q(counterparty_id__in=people))


def _phone(term: str) -> str:
    try:
        return phone.normalise(term)
    except Refusal:
        return ""


def _people(term: str) -> list[int]:
    found = User.objects.filter(Q(email__istartswith=term) | Q(name__icontains=term))
    return list(found.values_list("pk", flat=True)[:_MOST_PEOPLE])
