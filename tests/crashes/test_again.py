"""A person has something sent again and the process dies in the middle: sent again once, and the trail says so."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from audit.models import Entry
from config import wiring
from lib.errors import Refusal
from notifications import sending
from notifications.models import Notification, StoredMail
from outbox import box
from outbox.models import Delivery
from tests.crashes import said, scenes
from tests.crashes.life import Life
from tests.crashes.test_every_step import MOST
from tests.crashes.test_sessions import SEND

pytestmark = [pytest.mark.requirement("NOT-2"), pytest.mark.requirement("SEC-6")]
ACTOR, REASON = "user:1", "They say that nothing came."


@dataclass(frozen=True)
class Left:
    """What a person can tell of one row: has it been made anew, and is that in the trail?"""

    made: int
    trail: int


def test_a_doubtful_delivery_is_sent_again_once(life: Life) -> None:
    for step in range(1, MOST):
        case = life.another()
        scenes.settled(case)
        Delivery.objects.filter(state="WAITING").update(state="DOUBTFUL")
        old = Delivery.objects.latest("pk").pk
        given = {"delivery_id": old, "reason": REASON, "actor": ACTOR}
        end = case.die("send_again", at=str(step), after=30, **given)
        left = deliveries(old)
        assert left in (Left(0, 0), Left(1, 1)), f"died before step {step}, {end.steps[-1:]}"
        assert refused(box.send_again, case, given) == ("cannot_send_again" if left.made else "")
        assert deliveries(old) == Left(1, 1)
        case.sweep(32)
        assert [word["payment_id"] for word in said.everything()] == [case.payment.pk]
        if not end.died:
            return
    raise AssertionError("it never came to an end")


def test_a_doubtful_mail_is_sent_again_once(life: Life, settings) -> None:  # type: ignore[no-untyped-def]
    """By the real reactions: the mail's row is made by one worker, and would be sent by another one that died."""
    settings.REACTIONS = wiring.REACTIONS
    settings.EMAIL_BACKEND = "notifications.stored_mail.Backend"
    for step in range(1, MOST):
        case = life.another()
        scenes.settled(case)
        box.deliver_due(now=case.at(22), limit=100, slow=False)
        Delivery.objects.filter(handler=SEND, state="WAITING").update(state="DOUBTFUL")
        old = Notification.objects.get(recipient=case.payer, event="payment.completed", channel="EMAIL").pk
        given = {"notification_id": old, "reason": REASON, "actor": ACTOR}
        end = case.die("tell_again", at=str(step), after=30, **given)
        left = notifications(old)
        assert left in (Left(0, 0), Left(1, 1)), f"died before step {step}, {end.steps[-1:]}"
        assert refused(sending.send_again, case, given) == ("cannot_send_again" if left.made else "")
        assert notifications(old) == Left(1, 1)
        case.sweep(32)
        assert StoredMail.objects.filter(to__contains=case.payer.email).count() == 1
        if not end.died:
            return
    raise AssertionError("it never came to an end")


def deliveries(old: int) -> Left:
    made = Delivery.objects.filter(again_of=old)
    return Left(made.count(), trail("outbox.sent_again", f"delivery:{old}"))


def notifications(old: int) -> Left:
    """With its delivery, or not at all."""
    made = list(Notification.objects.filter(again_of=old).values_list("pk", flat=True))
    sends = Delivery.objects.filter(handler=SEND, payload__notification_id__in=made)
    assert sends.count() == len(made)
    return Left(len(made), trail("notification.sent_again", f"notification:{old}"))


def trail(action: str, subject: str) -> int:
    return Entry.objects.filter(action=action, subject=subject, actor=ACTOR).count()


def refused(again, life: Life, given: Mapping[str, object]) -> str:  # type: ignore[no-untyped-def]
    try:
        again(now=life.at(31), **given)
    except Refusal as refusal:
        return str(refusal.code)
    return ""
