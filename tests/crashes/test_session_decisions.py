"""A session is cancelled and the process dies in the middle: what was paid for it is given for or owed, never both."""

import pytest

from audit.models import Entry
from ledger import chart
from lib.errors import Refusal
from outbox.models import Delivery
from payments import owed
from sessions_booking import booking
from sessions_booking.models import Reminder
from tests.crashes import scenes
from tests.crashes.life import SHILLINGS, Life, held, prove_world
from tests.crashes.session_life import SessionLife
from tests.crashes.test_every_step import MOST

pytestmark = [pytest.mark.requirement("REC-6"), pytest.mark.requirement("P76"), pytest.mark.requirement("P66")]
PRICE = SHILLINGS * 100
STANDS = ("CONFIRMED", "GIVEN", 0)
CALLED_OFF = ("CANCELLED", "RETURNED", PRICE)


@pytest.fixture
def session(life: Life) -> SessionLife:
    return SessionLife(life.victims, life.m_pesa)


@pytest.mark.parametrize("by", ["client", "therapist"])
def test_a_paid_session_is_cancelled_with_its_money_or_not_at_all(session: SessionLife, by: str) -> None:
    for step in range(1, MOST):
        case = session.another()
        scenes.settled(case)
        given = {"code": case.code, "actor_id": who(case, by), "reason": "The room is flooded"}
        end = case.die("cancel_session", at=str(step), after=60, **given)
        happened = case.booking.state == "CANCELLED"
        assert standing(case) == (CALLED_OFF if happened else STANDS), f"died before step {step}, {end.steps[-1:]}"
        assert told(case) == (happened, happened, happened)
        assert pressed(case, **given) == ("wrong_state" if happened else "")
        assert (standing(case), told(case)) == (CALLED_OFF, (True, True, True))
        assert set(Reminder.objects.filter(booking__code=case.code).values_list("state", flat=True)) == {"OFF"}
        case.sweep(70)
        assert (standing(case), held(chart.revenue("session"))) == (CALLED_OFF, 0)
        prove_world(case.m_pesa)
        if not end.died:
            return
    raise AssertionError("it never came to an end")


@pytest.mark.requirement("CB-7")
def test_money_that_comes_for_a_session_that_is_being_cancelled_is_owed(session: SessionLife) -> None:
    """The prompt is on the phone, the client cancels, the process dies, and then they pay after all."""
    for step in range(1, MOST):
        case = session.another()
        scenes.prompted(case)
        given = {"code": case.code, "actor_id": case.payer.pk, "reason": ""}
        end = case.die("cancel_session", at=str(step), after=10, **given)
        happened = case.booking.state == "CANCELLED"
        case.pay()
        case.deliver_callback()
        case.sweep(21)
        assert standing(case) == (("CANCELLED", "REFUSED", PRICE) if happened else STANDS)
        assert pressed(case, **given) == ("wrong_state" if happened else "")
        assert standing(case) == (("CANCELLED", "REFUSED", PRICE) if happened else CALLED_OFF)
        case.sweep(70)
        prove_world(case.m_pesa)
        if not end.died:
            return
    raise AssertionError("it never came to an end")


def who(case: SessionLife, by: str) -> int:
    return case.payer.pk if by == "client" else case.booking.therapist.user_id


def standing(case: SessionLife) -> tuple[str, str, int]:
    """Of the session, of its payment, and what stands in the list of what is owed."""
    rows = owed.waiting(environment="sandbox").filter(code=chart.owed(case.payer.pk))
    return case.booking.state, case.payment.answer, sum(row.balance_cents or 0 for row in rows)


def told(case: SessionLife) -> tuple[bool, bool, bool]:
    """Of the session in the trail, of its payment in the trail, and to be said to people: each once at most."""
    session = Entry.objects.filter(action="session.cancelled", subject=f"session:{case.code}")
    payment = Entry.objects.filter(action="payment.person.returned", subject=f"payment:{case.payment.transaction_id}")
    news = Delivery.objects.filter(topic="session.cancelled", key__startswith=case.code)
    counts = [rows.count() for rows in (session, payment, news)]
    assert max(counts) <= 1
    return counts[0] == 1, counts[1] == 1, counts[2] == 1


def pressed(case: SessionLife, **given: object) -> str:
    """How it was refused; "" where it was not."""
    try:
        booking.cancel(now=case.at(61), **given)  # type: ignore[arg-type]
    except Refusal as refusal:
        return refusal.code
    return ""
