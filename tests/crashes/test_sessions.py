"""Deaths around sessions, and around what people are told: confirmed with the money, reminded once, told once."""

from collections import Counter

import pytest
from django.db.models import QuerySet

from config import wiring
from notifications.models import Notification, StoredMail
from outbox.models import Delivery
from sessions_booking.models import Reminder
from tests.crashes import scenes
from tests.crashes.life import Life
from tests.crashes.session_life import SessionLife
from tests.crashes.test_every_step import MOST

pytestmark = [pytest.mark.requirement("REC-4"), pytest.mark.requirement("P76")]
SEND = "notifications.sending.send"


@pytest.fixture
def session(life: Life) -> SessionLife:
    return SessionLife(life.victims, life.m_pesa)


# Where the worker dies that reads "paid" from the inbox: after the step, and how the session stands then.
SETTLING = {
    "claimed": ("INSERT payments_lot", "APPROVED"),
    "money in the books": ("after INSERT ledger_transfer", "APPROVED"),
    "session confirmed": ("after UPDATE sessions_booking_booking", "APPROVED"),
    "news published": ("after INSERT outbox_delivery", "APPROVED"),
    "not committed": ("COMMIT", "APPROVED"),
    "nobody woken": ("after COMMIT", "CONFIRMED"),
}


@pytest.mark.requirement("P22")
@pytest.mark.parametrize(("at", "left"), SETTLING.values(), ids=SETTLING.keys())
def test_a_session_is_confirmed_with_its_money_or_not_at_all(session: SessionLife, at: str, left: str) -> None:
    assert session.die("drain", at=at, after=21, **scenes.told(session)).died
    assert session.booking.state == left
    session.go_on(since=21)
    session.prove_end()
    assert session.booking.state == "CONFIRMED"


@pytest.mark.requirement("P64")
def test_a_reminder_is_said_once(session: SessionLife) -> None:
    for step in range(1, MOST):
        case = session.another()
        due = (case.starts_at - case.begun).total_seconds() - 23 * 3600
        end = case.die("remind", at=str(step), after=due)
        case.remind(after=due + 1)
        assert list(reminders_of(case).values_list("kind", "state")) == [("1h", "WAITING"), ("24h", "SENT")]
        assert Delivery.objects.filter(topic="session.reminder", key__startswith=case.code).count() == 1
        if not end.died:
            return
    raise AssertionError("it never came to an end")


@pytest.mark.requirement("SES-3")
def test_an_unpaid_session_is_released_once(session: SessionLife) -> None:
    for step in range(1, MOST):
        case = session.another()
        end = case.die("release", at=str(step), after=25 * 3600)
        assert case.booking.state in ("APPROVED", "EXPIRED")
        case.release(after=25 * 3600 + 1)
        assert case.booking.state == "EXPIRED"
        assert set(reminders_of(case).values_list("state", flat=True)) == {"OFF"}
        assert Delivery.objects.filter(topic="session.expired", key__startswith=case.code).count() == 1
        if not end.died:
            return
    raise AssertionError("it never came to an end")


@pytest.mark.requirement("P73")
def test_people_are_told_once_or_a_person_knows(life: Life, settings) -> None:
    """The real reactions: news become rows, which may be repeated; an e-mail may not."""
    settings.REACTIONS = wiring.REACTIONS
    settings.EMAIL_BACKEND = "notifications.stored_mail.Backend"
    undisturbed = life.another()
    scenes.settled(undisturbed)
    undisturbed.go_on(since=22)
    expected = told(undisturbed)
    assert ("payment.completed", "EMAIL", "") in expected
    for step in range(1, MOST):
        case = life.another()
        scenes.settled(case)
        end = case.die("deliver", at=str(step), after=22)
        case.go_on(since=22)
        assert told(case) == expected
        sends = Delivery.objects.filter(handler=SEND, payload__notification_id__in=ids_of(case))
        states = Counter(sends.values_list("state", flat=True))
        mails = Counter(StoredMail.objects.filter(to__contains=case.payer.email).values_list("subject", flat=True))
        assert set(mails.values()) <= {1}
        assert states["DONE"] <= mails.total() <= states["DONE"] + states["DOUBTFUL"] == states.total()
        assert not Delivery.objects.exclude(handler=SEND).exclude(state="DONE").exists()
        if not end.died:
            return
    raise AssertionError("it never came to an end")


def reminders_of(life: SessionLife) -> "QuerySet[Reminder]":
    """Those that M-Pesa's money leads to: not the one to the therapist, to answer."""
    return Reminder.objects.filter(booking__code=life.code).exclude(kind="answer").order_by("kind")


def told(life: Life) -> list[tuple[str, str, str]]:
    rows = Notification.objects.filter(recipient=life.payer).order_by("event", "channel")
    return list(rows.values_list("event", "channel", "skipped"))


def ids_of(life: Life) -> list[int]:
    return list(Notification.objects.filter(recipient=life.payer).values_list("pk", flat=True))
