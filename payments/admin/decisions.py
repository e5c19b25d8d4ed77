"""What a person may decide about a payment: each is one domain call, with a sentence that says what was done."""

from collections.abc import Mapping

from lib import clock, money
from lib.errors import Refusal
from payments import review
from payments.admin.search import clean


def take(what: str, said: Mapping[str, str], *, payment_id: int, actor: str) -> str:
    """Do it; what to tell the person. Raises Refusal."""
    said = {name: clean(text) for name, text in said.items()}
    now, reason = clock.now(), said.get("reason", "")
    match what:
        case "ask":
            review.ask(payment_id=payment_id, actor=actor, now=now)
            return "M-Pesa is asked within seconds. Its answer will stand in the timeline."
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
            return "Taken off the review list. If anything is owed to the payer, it stays under Money owed to payers."
        case _:
            raise Refusal("unknown_decision", "There is no such decision.", status=404)
