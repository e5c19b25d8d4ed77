"""Where automatic recovery ends, a person decides (REC-6): always with a reason, always audited.

A person asserts facts of the same kinds that M-Pesa tells, through the same door. Nothing is undone: who finds that a
payment was paid says so with its receipt, and the thing, the books and the payer's page follow by themselves.
"""

import re
from datetime import datetime

from django.db.models import QuerySet

from audit import trail
from lib.db import entry_point
from lib.errors import Refusal
from payments import chase, holding, record
from payments.facts import Fact, Kind, Lot, Source
from payments.holding import Held
from payments.models import LotRow, Payment
from payments.states import LIVE, Status

_RECEIPT = re.compile(r"[A-Z0-9]{10}")


def waiting() -> "QuerySet[Payment]":
    """Payments that a person should look at, newest first."""
    return Payment.objects.exclude(reasons=[]).order_by("-initiated_at")


@entry_point
def paid(*, payment_id: int, receipt: str, amount_cents: int, reason: str, actor: str, now: datetime) -> None:
    """M-Pesa moved `amount_cents` for this payment under `receipt`. Raises Refusal."""
    receipt = receipt.strip().upper()
    if not _RECEIPT.fullmatch(receipt) or receipt.endswith("0000000"):
        raise Refusal("invalid_receipt", "An M-Pesa receipt has 10 letters and digits, such as UKL7RT61SV.")
    if amount_cents <= 0:
        raise Refusal("invalid_amount", "Say how much M-Pesa moved, in shillings.")
    held = _hold(payment_id)
    known = LotRow.objects.filter(environment=held.row.environment, receipt=receipt).first()
    if known and known.payment_id not in (None, payment_id):
        raise Refusal("receipt_used", f"Receipt {receipt} belongs to another payment already.", status=409)
    if known and known.amount_cents != amount_cents:
        raise Refusal("amount_differs", f"Receipt {receipt} is known with another amount.", status=409)
    held.add(
        facts=[_said(Kind.ANSWERED, f"PAID:{receipt}", reason, actor, now)],
        lots=[Lot(receipt, amount_cents, Source.PERSON, occurred_at=None)],
    )
    record.write({payment_id: held}, now=now)


@entry_point
def not_paid(*, payment_id: int, reason: str, actor: str, now: datetime) -> None:
    """No money was moved for this payment. Refused where we know of money."""
    held = _hold(payment_id)
    if held.known.paid:
        raise Refusal("already_paid", "M-Pesa moved money for this payment; refund it instead.", status=409)
    held.add(facts=[_said(Kind.FAILED, "PERSON", reason, actor, now)])
    record.write({payment_id: held}, now=now)


@entry_point
def close(*, payment_id: int, reason: str, actor: str, now: datetime) -> None:
    """Wait for it no longer: the payer may start another one."""
    held = _hold(payment_id)
    if held.row.status not in LIVE:
        raise Refusal("not_live", f"This payment has ended already: {Status(held.row.status).label}.", status=409)
    held.add(facts=[_said(Kind.CLOSED, "PERSON", reason, actor, now)])
    record.write({payment_id: held}, now=now)


@entry_point
def answer(*, payment_id: int, key: str, reason: str, actor: str, now: datetime) -> None:
    """A person looked at one of the payment's reasons for review and found it settled."""
    held = _hold(payment_id)
    if key not in held.row.reasons:
        raise Refusal("not_open", "This is not open for review (any more).", status=409)
    held.add(facts=[_said(Kind.ANSWERED, key, reason, actor, now)])
    record.write({payment_id: held}, now=now)


@entry_point
def ask(*, payment_id: int, actor: str, now: datetime) -> None:
    """Have M-Pesa asked within seconds. Refused where that changes nothing: what the trail has, happened."""
    row = Payment.objects.select_for_update(no_key=True).filter(pk=payment_id).first()
    if row is None:
        raise _not_found()
    if row.next_query_at is None:
        raise Refusal("not_askable", "M-Pesa cannot be asked about it: it was not accepted, or its end is known.")
    if row.next_query_at <= now:
        raise Refusal("asked_soon", "M-Pesa is asked within seconds already. Look at the timeline.", status=409)
    chase.ask_soon(payment_ids=[payment_id], now=now)
    row.refresh_from_db(fields=["next_query_at"])
    if row.next_query_at > now:
        raise Refusal("asked_just_now", "M-Pesa was asked within the last seconds. Look at the timeline.", status=409)
    trail.record(
        action="payment.asked_by_hand",
        actor=actor,
        subject=f"payment:{row.transaction_id}",
        environment=row.environment,
        at=now,
    )


def _hold(payment_id: int) -> Held:
    held = holding.hold([payment_id]).get(payment_id)
    if held is None:
        raise _not_found()
    return held


def _not_found() -> Refusal:
    return Refusal("not_found", "There is no such payment.", status=404)


def _said(kind: Kind, code: str, reason: str, actor: str, now: datetime) -> Fact:
    if not reason.strip():
        raise Refusal("reason_needed", "Say why, in a sentence: it is kept with the payment.")
    return Fact(kind, Source.PERSON, code=code[:240], text=reason.strip()[:500], actor=actor, at=now)
