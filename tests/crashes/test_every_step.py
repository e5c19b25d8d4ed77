"""A process dies before its first step, before its second, and so on to its last: every schedule, none by luck.

The steps are counted at the edge of the process (`tests.crashes.edge`), so what the core writes or sends tomorrow is
covered without a change here. After each death life goes on and the payment must end as M-Pesa's books say.
"""

import pytest

from tests.crashes import scenes
from tests.crashes.life import Life
from tests.crashes.scenes import Scene

pytestmark = [pytest.mark.requirement("REC-4"), pytest.mark.requirement("P76")]
MOST = 60
SCENES = {
    "a payment is started": scenes.STARTING,
    "a payment is started and sent at once": scenes.AT_ONCE,
    "a push is made": scenes.PUSHING,
    "a callback arrives": scenes.CALLBACK,
    "the inbox is read: paid": scenes.INBOX_PAID,
    "the inbox is read: cancelled": scenes.INBOX_CANCELLED,
    "M-Pesa is asked": scenes.ASKING,
    "the clock says: timed out": scenes.TIMING_OUT,
    "the clock says: expired": scenes.EXPIRING,
    "a delivery is sent": scenes.DELIVERING,
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
