"""A person decides and the process dies in the middle: decided as a whole or not at all, and the trail says which.

Whoever pressed the button sees an error and presses again. That must do what was not done, and never do it twice.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from audit.models import Entry
from ledger import chart
from lib.errors import Refusal
from payments import owed, review
from payments.models import Callback, PaymentFact
from payments.tests import factories
from tests.crashes import scenes
from tests.crashes.life import Life, held, prove_world
from tests.crashes.test_every_step import MOST

pytestmark = [pytest.mark.requirement("REC-6"), pytest.mark.requirement("SEC-6"), pytest.mark.requirement("P66")]
ACTOR, REASON = "user:1", "It stands in the statement."


@dataclass(frozen=True)
class Decision:
    """`what` is decided (`payments.review`) `after` so many seconds; the trail calls it `action`.

    `again`: how a second press is refused, "" where it is taken and changes nothing.
    """

    what: str
    before: Callable[[Life], dict[str, object]]
    after: float
    happened: Callable[[Life], bool]
    action: str
    again: str
    end: Callable[[Life], None]


def lost_and_paid(life: Life) -> dict[str, object]:
    """The push's answer met a dead process and the callback too; the payer paid, and the payment timed out."""
    life.callback_comes = False
    life.die("submit", at="COMMIT #2", **scenes.started(life))
    assert life.asked_for(1) == 1
    life.pay()
    life.pass_time(121, 122)
    return in_the_statement(life)


def in_the_statement(life: Life) -> dict[str, object]:
    assert (life.status(), life.payment.received_cents) == ("EXPIRED", 0)
    (found,) = [row for row in life.m_pesa.books() if row["phone"] == life.phone]
    return {"receipt": found["receipt"], "amount_cents": round(float(found["amount"]) * 100), "reason": REASON}


def in_suspense(life: Life) -> dict[str, object]:
    """As above, but M-Pesa's callback came on an address that names no payment: its money is held."""
    life.die("submit", at="COMMIT #2", **scenes.started(life))
    life.pay()
    factories.callback(None, life.told()[1].encode(), now=life.at(20))
    life.delivered = True
    life.sweep_inbox(21)
    life.sweep(55)
    life.pass_time(121, 122)
    assert held(chart.SUSPENSE) == life.moved()
    return in_the_statement(life)


def unpaid(life: Life) -> dict[str, object]:
    scenes.timed_out(life)
    life.pass_time(301)
    assert life.status() == "EXPIRED"
    return {"reason": REASON}


def prompted(life: Life) -> dict[str, object]:
    scenes.ignored(life)
    return {"reason": REASON}


def another_amount(life: Life) -> dict[str, object]:
    life.m_pesa.fault(life.phone, "05")
    scenes.told(life)
    life.sweep_inbox(20)
    (key,) = life.payment.reasons
    return {"key": key, "reason": REASON}


def unheard(life: Life) -> dict[str, object]:
    return scenes.unheard(life)


# --- What must be true afterwards ---


def all_is_found(life: Life) -> None:
    life.sweep(5001)
    assert (life.status(), held(chart.SUSPENSE)) == ("COMPLETED", 0)
    life.prove_end()


def it_was_not_paid(life: Life) -> None:
    assert (life.status(), life.payment.result_source, life.moved()) == ("FAILED", "PERSON", 0)
    life.prove_given(0)


def another_may_begin(life: Life) -> None:
    closed = life.payment
    life.start(at=40, idempotency_key="another click")
    assert (closed.status, life.payment.pk != closed.pk, life.status()) == ("EXPIRED", True, "SENDING")


def it_is_owed_all_the_same(life: Life) -> None:
    (row,) = owed.waiting(environment="sandbox").filter(code=chart.owed(life.payer.pk))
    assert (life.payment.reasons, row.balance_cents) == ([], life.moved())
    life.prove_given(0)


def it_was_asked(life: Life) -> None:
    life.sweep(16)
    assert life.status() == "COMPLETED"
    life.prove_end()


def said_by_person(life: Life) -> bool:
    return PaymentFact.objects.filter(payment=life.payment, source="PERSON").exists()


def is_due(life: Life) -> bool:
    row = life.payment
    return row.next_query_at is not None and row.next_query_at <= life.at(15)


DECISIONS = {
    "paid": Decision("paid", lost_and_paid, 5000, said_by_person, "payment.person.answered", "", all_is_found),
    "money adopted from suspense": Decision(
        "paid", in_suspense, 5000, said_by_person, "payment.person.answered", "", all_is_found
    ),
    "not paid": Decision("not_paid", unpaid, 400, said_by_person, "payment.person.failed", "", it_was_not_paid),
    "closed": Decision("close", prompted, 30, said_by_person, "payment.person.closed", "not_live", another_may_begin),
    "taken off the list": Decision(
        "answer", another_amount, 30, said_by_person, "payment.person.answered", "not_open", it_is_owed_all_the_same
    ),
    "asked again": Decision("ask", unheard, 15, is_due, "payment.asked_by_hand", "asked_soon", it_was_asked),
}


@pytest.mark.parametrize("decision", DECISIONS.values(), ids=DECISIONS.keys())
def test_it_is_decided_as_a_whole_once_and_the_trail_says_so(life: Life, decision: Decision) -> None:
    seen = []
    for step in range(1, MOST):
        case = life.another()
        given = {**decision.before(case), "payment_id": case.payment.pk, "actor": ACTOR}
        end = case.die("decide", at=str(step), after=decision.after, what=decision.what, **given)
        happened = decision.happened(case)
        assert entries(case, decision.action) == happened, f"died before step {step}, {end.steps[-1:]}"
        refused = pressed(decision.what, now=case.at(decision.after), **given)
        assert refused == (decision.again if happened else "")
        assert decision.happened(case)
        assert entries(case, decision.action) == 1
        decision.end(case)
        prove_world(case.m_pesa)
        seen.append(happened)
        if not end.died:
            assert (seen[0], seen) == (False, sorted(seen)), "nothing was half decided"
            return
    raise AssertionError("it never came to an end")


def entries(life: Life, action: str) -> int:
    subject = f"payment:{life.payment.transaction_id}"
    return Entry.objects.filter(action=action, subject=subject, actor=ACTOR).count()


def pressed(what: str, **given: object) -> str:
    """How it was refused; "" where it was not."""
    try:
        getattr(review, what)(**given)
    except Refusal as refusal:
        return refusal.code
    return ""


@pytest.mark.requirement("CB-6")
def test_a_callback_is_processed_again_once(life: Life) -> None:
    for step in range(1, MOST):
        case = life.another()
        scenes.told(case)
        row = Callback.objects.latest("pk")
        Callback.objects.filter(pk=row.pk).update(state="STUCK", attempts=4)
        end = case.die("process_again", at=str(step), after=60, callback_id=row.pk, actor=ACTOR)
        row.refresh_from_db()
        happened = row.state == "WAITING"
        trail = Entry.objects.filter(action="callback.process_again", subject=f"callback:{row.pk}", actor=ACTOR)
        assert trail.count() == happened
        if not happened:
            assert case.die("process_again", at="", after=61, callback_id=row.pk, actor=ACTOR).died is False
        assert trail.count() == 1
        case.go_on(since=121)
        case.prove_end()
        if not end.died:
            return
    raise AssertionError("it never came to an end")
