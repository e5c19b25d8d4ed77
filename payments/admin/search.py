"""Finding one payment among a million: each kind of search term meets an index of its own."""

import re
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.core.exceptions import ValidationError
from django.core.validators import validate_ipv46_address
from django.db.models import OuterRef, Q, QuerySet, Subquery

from accounts.keys import phone_hash
from accounts.models import User
from lib import phone
from lib.errors import Refusal
from payments import sealing
from payments.models import Payment

HELP = "transaction id, receipt, reference, CheckoutRequestID, phone, or the beginning of an e-mail or a name"
HELP_OF_PAYMENT = "the whole transaction id, receipt, reference, CheckoutRequestID or phone of a payment"
_WORDS = re.compile(r"[^\W_]+")
_MOST_PEOPLE = 200
_MOST_PAYMENTS = 500


def search(rows: "QuerySet[Payment]", term: str) -> "QuerySet[Payment]":
    """The payments that a term names; all of them for an empty one."""
    term = clean(term)
    if not term:
        return rows
    named = _named(term)
    if named is not None:
        return rows.filter(named)
    people = people_named(term)
    return rows.filter(_worded(term) | Q(payer__in=people) | Q(counterparty_id__in=people))


def of_payment(rows: "QuerySet[Any]", term: str, *, address: bool = False) -> "QuerySet[Any]":
    """The callbacks or calls about the payments that a term names exactly; from an address, where that is one."""
    term = clean(term)
    if not term:
        return rows
    if address and _is_address(term):
        return rows.filter(address=term)
    return rows.filter(payment_id__in=list(payments_named(term).values_list("pk", flat=True)[:_MOST_PAYMENTS]))


def payments_named(term: str) -> "QuerySet[Payment]":
    """Those that a term names exactly: by an id, a receipt, a reference, a phone."""
    named = _named(term)
    return Payment.objects.filter(_worded(term) if named is None else named)


def with_transaction(rows: "QuerySet[Any]") -> "QuerySet[Any]":
    """Each row with the transaction id of the payment it is about, as `of_transaction`."""
    ids = Payment.objects.filter(pk=OuterRef("payment_id")).values("transaction_id")[:1]
    return rows.annotate(of_transaction=Subquery(ids))


def clean(term: str) -> str:
    return term.strip().replace("\x00", "")


def _named(term: str) -> Q | None:
    """A term whose form says what it is."""
    if term.upper().startswith("TXN_"):
        return Q(transaction_id=term.upper())
    if term.lower().startswith("ws_co_"):
        return Q(checkout_hash=sealing.checkout_hash(f"ws_CO_{term[6:]}"))
    try:
        return Q(phone_hash=phone_hash(phone.normalise(term)))
    except Refusal:
        return None


def _worded(term: str) -> Q:
    return Q(receipt=term.upper()) | Q(account_reference=term.upper())


def people_named(term: str) -> list[int]:
    """By the beginning of the e-mail address, or of words of the name; each by its own index, so asked one by one."""
    found = User.objects.filter(email__startswith=term.lower()).values_list("pk", flat=True)
    words = " & ".join(f"{word}:*" for word in _WORDS.findall(term))
    if words:
        rows = User.objects.annotate(words=SearchVector("name", config="simple"))
        named = rows.filter(words=SearchQuery(words, config="simple", search_type="raw"))
        found = found.union(named.values_list("pk", flat=True))
    return list(found[:_MOST_PEOPLE])


def _is_address(term: str) -> bool:
    try:
        validate_ipv46_address(term)
    except ValidationError:
        return False
    return True
