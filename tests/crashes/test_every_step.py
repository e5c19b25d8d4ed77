"""A process dies before its first step, before its second, and so on to its last: every schedule, none by luck.

The steps are counted at the edge of the process (`tests.crashes.edge`), so what the core writes or sends tomorrow is
covered without a change here. After each death life goes on for an hour and the payment must end as M-Pesa's books say.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.crashes.life import Life

pytestmark = [pytest.mark.requirement("REC-4"), pytest.mark.requirement("P76")]
MOST = 60


@dataclass(frozen=True)
class Scene:
    """`before` leads to the moment at which `job` begins; `after` that many seconds since the start."""

    job: str
    before: Callable[[Life], dict[str, object]]
    after: float = 0
    unpaid: str = "EXPIRED"


def nothing(life: Life) -> dict[str, object]:
    return life.order


def started(life: Life) -> dict[str, object]:
    life.start()
    return {"payment_id": life.payment.pk}


def queued(life: Life) -> dict[str, object]:
    life.start()
    return {}


def refused_once(life: Life) -> dict[str, object]:
    life.m_pesa.refuse("stk_push", "busy", times=1)
    return started(life)


def prompted(life: Life) -> dict[str, object]:
    life.start()
    life.submit()
    return {}


def ignored(life: Life) -> dict[str, object]:
    prompted(life)
    life.pays = life.callback_comes = False
    return {}


def paid(life: Life) -> dict[str, object]:
    prompted(life)
    life.pay()
    life.delivered = True  # by the job, or never
    path, body = life.told()
    return {"path": path, "body": body}


def told(life: Life) -> dict[str, object]:
    prompted(life)
    life.pay()
    life.deliver_callback()
    return {}


def cancelled(life: Life) -> dict[str, object]:
    prompted(life)
    life.m_pesa.cancel(life.phone)
    life.deliver_callback()
    return {}


def unheard(life: Life) -> dict[str, object]:
    prompted(life)
    life.pay()
    life.callback_comes = False
    return {}


def settled(life: Life) -> dict[str, object]:
    told(life)
    life.sweep_inbox(2)
    return {}


SCENES = {
    "a payment is started": Scene("start", nothing),
    "a push is made": Scene("submit", started),
    "a push is refused": Scene("submit", refused_once),
    "a worker makes the push": Scene("send_queued", queued, after=3),
    "a callback arrives": Scene("callback", paid, after=20),
    "the inbox is read: paid": Scene("drain", told, after=21),
    "the inbox is read: cancelled": Scene("drain", cancelled, after=21, unpaid="CANCELLED"),
    "M-Pesa is asked": Scene("ask", unheard, after=34),
    "the clock says: timed out": Scene("close_overdue", ignored, after=121),
    "a delivery is sent": Scene("deliver", settled, after=22),
}


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES.keys())
def test_death_at_every_step(life: Life, scene: Scene) -> None:
    for step in range(1, MOST):
        case = life.another()
        given = scene.before(case)
        end = case.die(scene.job, at=str(step), after=scene.after, **given)
        case.go_on(since=scene.after)
        try:
            case.prove_end(unpaid=scene.unpaid)
        except AssertionError as error:
            raise AssertionError(f"died before step {step}, {end.steps[-1:]}: {error}") from error
        if not end.died:
            assert step > 1
            return
    raise AssertionError(f"more than {MOST} steps: {end.steps}")
