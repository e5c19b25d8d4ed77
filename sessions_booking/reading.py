"""What pages, APIs and notifications read about a session: who may see it, and how its payment stands.

One shape for all of them, so that the therapist's board, the client's list and the API never disagree.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet, Sum

from accounts import roles
from accounts.models import User
from lib.rows import read_related, read_rows
from payments import merchants
from payments.api.words import word
from payments.facts import Kind
from payments.models import Payment, PaymentFact
from payments.situation import unspent_cents
from payments.states import LIVE, Status
from sessions_booking.checks import PURPOSE, not_found
from sessions_booking.models import Booking
from sessions_booking.payable import refusal
from sessions_booking.states import PAID

_WITH = ("therapist", "therapist__user", "type", "client")
_SEEN_BY = "WHERE one.code = %s AND one.environment = %s AND (%s OR one.client_id = %s OR therapist.user_id = %s)"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a session's payment stands. `payment_status` is the document's word (ruling 1)."""

    payment_status: str  # "" (nothing tried), Pending, Processing, Paid, Failed, Cancelled, Timed Out, Refunded, Owed
    paid: bool
    receipt: str
    payable: bool  # may the client pay now?
    live: Payment | None  # on its way
    attempts: Sequence[Payment]  # oldest first
    kept_cents: int  # what came, over all attempts, and was neither given for nor taken or given back
    refunded_cents: int


def visible_to(user: User) -> "QuerySet[Booking]":
    """Those of the client, of the therapist, or all for staff; of the current environment, with therapist, type, client."""
    rows = Booking.objects.filter(environment=merchants.current_environment())
    rows = rows.select_related("therapist__user", "type", "client")
    if roles.may_see_all_payments(user):
        return rows
    return rows.filter(Q(client=user) | Q(therapist__user=user))


def find(*, code: str, user: User) -> Booking:
    """Raises Refusal not_found (404), also where it is somebody else's."""
    asked = [code[:12].upper(), merchants.current_environment(), roles.may_see_all_payments(user), user.pk, user.pk]
    rows = read_related(Booking, _WITH, _SEEN_BY, asked)
    if not rows:
        raise not_found()
    return rows[0]


def standings(*, bookings: Sequence[Booking], now: datetime) -> dict[int, Standing]:
    """By booking id; one query for any number, and one more where money came that was not given for."""
    if not bookings:
        return {}
    attempts: dict[int, list[Payment]] = defaultdict(list)
    of_these = "WHERE purpose = %s AND target_id = ANY(%s) ORDER BY initiated_at, id"
    payments = read_rows(Payment, of_these, [PURPOSE, [row.pk for row in bookings]])
    taken_back = _taken_back([payment.pk for payment in payments if unspent_cents(payment, 0)])
    for payment in payments:
        attempts[payment.target_id].append(payment)
    return {row.pk: _standing(row, attempts[row.pk], taken_back, now) for row in bookings}


def _taken_back(payment_ids: Sequence[int]) -> dict[int, int]:
    """In cents, by payment; asked only where money seems to be kept."""
    if not payment_ids:
        return {}
    facts = PaymentFact.objects.filter(payment_id__in=payment_ids, kind=Kind.REVERSED).values("payment_id")
    return {one["payment_id"]: one["cents"] for one in facts.annotate(cents=Sum("amount_cents"))}


def _standing(row: Booking, attempts: Sequence[Payment], taken_back: Mapping[int, int], now: datetime) -> Standing:
    live = next((payment for payment in attempts if payment.status in LIVE), None)
    payer = next((payment for payment in attempts if payment.pk == row.payment_id), None)
    deciding = payer or live or next((p for p in reversed(attempts) if p.received_cents), None)
    deciding = deciding or (attempts[-1] if attempts else None)
    refused = refusal(row, now, prompted=live is not None)
    return Standing(
        payment_status=payment_word(deciding) if deciding else "",
        paid=row.state in PAID,
        receipt=payer.receipt if payer else "",
        payable=refused is None and live is None,
        live=live,
        attempts=attempts,
        kept_cents=sum(unspent_cents(payment, taken_back.get(payment.pk, 0)) for payment in attempts),
        refunded_cents=sum(payment.refunded_cents for payment in attempts),
    )


def payment_word(payment: Payment) -> str:
    """Of ruling 1, and "Owed" where money came and bought nothing, or what it bought was given back."""
    if payment.received_cents and payment.refunded_cents >= payment.received_cents:
        return "Refunded"
    if payment.received_cents and payment.answer != Payment.Answer.GIVEN:
        return "Owed"
    if payment.status in LIVE and payment.timed_out_at:  # it may still be paid, but nothing was heard (REC-2)
        return word(Status.EXPIRED, "001")
    return word(payment.status, "001")
