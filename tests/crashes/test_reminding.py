"""A worker dies while it reminds somebody by SMS: the phone rings once; or perhaps not, and then a person knows."""

from collections.abc import Callable

import pytest
from django.conf import settings

from config import wiring
from lib.errors import Refusal
from notifications import sending
from notifications.models import Notification
from outbox import box
from outbox.models import Delivery
from tests.crashes.life import Life
from tests.crashes.session_life import SessionLife
from tests.crashes.test_every_step import MOST
from tests.crashes.test_sessions import SEND
from tests.stack import until

pytestmark = [pytest.mark.requirement("REC-4", "P76"), pytest.mark.requirement("P64")]
SMS = "/_sim/sms"
DAY_BEFORE = 23 * 3600  # s before the session, by which only the client's reminder of the day before is due
LEASE_OVER = settings.OUTBOX_LEASE_S + 60


class Reminded(SessionLife):
    """Somebody with a phone and a session tomorrow; the reminder is published, and no worker has taken it yet."""

    @property
    def due(self) -> float:
        return (self.starts_at - self.begun).total_seconds() - DAY_BEFORE

    def deliver(self, *, after: float) -> None:
        """What beat has workers do."""
        box.deliver_due(now=self.at(self.due + after), limit=100)

    @property
    def notification(self) -> Notification:
        """There is one, however often its row was written; in the app it is there already."""
        return Notification.objects.get(recipient=self.payer, event="session.reminder", channel="SMS")

    @property
    def sends(self) -> list[str]:
        """The states of what was to be sent to this phone."""
        ids = Notification.objects.filter(recipient=self.payer, channel="SMS").values_list("pk", flat=True)
        found = Delivery.objects.filter(handler=SEND, payload__notification_id__in=list(ids)).order_by("pk")
        return list(found.values_list("state", flat=True))

    def texts(self) -> list[str]:
        return self.m_pesa.sms(self.phone)


@pytest.fixture
def reminded(life: Life, settings) -> Callable[[], Reminded]:  # type: ignore[no-untyped-def]
    def another() -> Reminded:
        """By the real reactions from here on: before, nobody was told that the session is approved."""
        settings.REACTIONS = {}
        made = Reminded(life.victims, life.m_pesa)
        made.payer.set_phone(made.phone)
        made.payer.save()
        settings.REACTIONS = wiring.REACTIONS
        made.remind(after=made.due)
        return made

    return another


def test_the_phone_rings_once_or_a_person_knows(reminded: Callable[[], Reminded]) -> None:
    for step in range(1, MOST):
        case = reminded()
        end = case.die("deliver", at=str(step), after=case.due + 1)
        for after in (30, LEASE_OVER, 2 * LEASE_OVER):
            case.deliver(after=after)
        (state,), rung = case.sends, len(case.texts())
        died_at = f"died before step {step}, {end.steps[-1:]}"
        assert (state, rung) == ("DONE", 1) or (state == "DOUBTFUL" and rung <= 1), died_at
        assert case.notification.skipped == "", died_at
        assert not Delivery.objects.exclude(handler=SEND).exclude(state="DONE").exists(), died_at
        if not end.died:
            assert SMS in " ".join(end.steps)
            assert (state, bool(case.notification.sent_at)) == ("DONE", True)
            return
    raise AssertionError("it never came to an end")


# Where it dies, and how often the phone has rung by then.
DEATHS = {
    "just before it is sent": (f"send {SMS}", 0),
    "taken, no answer yet": (f"await {SMS}", 1),
    "answered, not written": (f"after await {SMS}", 1),
}


AGAIN = {"reason": "They say that nothing came.", "actor": "user:1"}


@pytest.mark.requirement("NOT-2")
@pytest.mark.parametrize(("at", "rung"), DEATHS.values(), ids=DEATHS.keys())
def test_what_is_doubtful_is_sent_again_by_a_person_alone(reminded: Callable[[], Reminded], at: str, rung: int) -> None:
    case = reminded()
    assert case.die("deliver", at=at, after=case.due + 1).died
    if rung:
        until(case.texts, what="the phone to ring")
    case.deliver(after=LEASE_OVER)
    assert (case.sends, len(case.texts())) == (["DOUBTFUL"], rung)
    now = case.at(case.due + LEASE_OVER + 1)
    sending.send_again(notification_id=case.notification.pk, now=now, **AGAIN)
    case.deliver(after=LEASE_OVER + 2)
    assert (case.sends, len(case.texts())) == (["DOUBTFUL", "DONE"], rung + 1)


@pytest.mark.requirement("NOT-2")
def test_what_is_known_to_have_been_sent_is_sent_again_by_nobody(reminded: Callable[[], Reminded]) -> None:
    """The message's own row says so already, its delivery does not yet."""
    case = reminded()
    assert case.die("deliver", at="after UPDATE notifications_notification", after=case.due + 1).died
    case.deliver(after=LEASE_OVER)
    assert (case.sends, len(case.texts())) == (["DOUBTFUL"], 1)
    now = case.at(case.due + LEASE_OVER + 1)
    with pytest.raises(Refusal, match="Only a failed or doubtful"):
        sending.send_again(notification_id=case.notification.pk, now=now, **AGAIN)
    delivery = Delivery.objects.get(handler=SEND, payload__notification_id=case.notification.pk)
    box.send_again(delivery_id=delivery.pk, now=now, **AGAIN)
    case.deliver(after=LEASE_OVER + 2)
    assert (case.sends, len(case.texts())) == (["DOUBTFUL", "DONE"], 1)
