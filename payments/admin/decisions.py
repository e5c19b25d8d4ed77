"""What a person may decide about a payment: each is one domain call, with a sentence that says what was done."""

from collections.abc import Mapping

from audit import trail
from lib import clock, money
from lib.errors import Refusal
from payments import chase, review
from payments.models import Payment


def take(what: str, said: Mapping[str, str], *, payment_id: int, actor: str) -> str:
    """Do it; what to tell the person. Raises Refusal."""
    if what == "ask":
        return _ask(payment_id, actor)
    now, reason = clock.now(), said.get("reason", "")
    match what:
        case "paid":
            cents = money.parse(said.get("amount", ""), minimum=1, maximum=250_000)
            receipt = said.get("receipt", "")
            review.paid(payment_id=payment_id, receipt=receipt, amount_cents=cents, reason=reason, actor=actor, now=now)
            return "Recorded as paid. The books and the payer's page have followed."
        case "not-paid":
            review.not_paid(payment_id=payment_id, reason=reason, actor=actor, now=now)
            return "Recorded as not paid."
        case "close":
            review.close(payment_id=payment_id, reason=reason, actor=actor, now=now)
            return "Closed: the payer may start another payment."
        case "looked-at":
            review.answer(payment_id=payment_id, key=said.get("key", ""), reason=reason, actor=actor, now=now)
            return "Taken off the review list."
        case _:
            raise Refusal("unknown_decision", "There is no such decision.", status=404)


def _ask(payment_id: int, actor: str) -> str:
    now = clock.now()
    chase.ask_soon(payment_ids=[payment_id], now=now)
    row = Payment.objects.filter(pk=payment_id).first()
    if row is None:
        raise Refusal("not_found", "There is no such payment.", status=404)
    if row.next_query_at is None:
        raise Refusal("not_askable", "M-Pesa cannot be asked about it: it was not accepted, or its end is known.")
    if row.next_query_at > now:
        raise Refusal("asked_just_now", "M-Pesa was asked within the last seconds. Look at the timeline.")
    trail.record(
        action="payment.asked_by_hand",
        actor=actor,
        subject=f"payment:{row.transaction_id}",
        environment=row.environment,
        at=now,
    )
    return "M-Pesa is asked within seconds. Its answer will stand in the timeline."
