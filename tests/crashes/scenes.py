"""The moments at which a process of the product may die: what went before, and what it is doing."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.crashes.life import Life


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


def timed_out(life: Life) -> dict[str, object]:
    ignored(life)
    life.sweep(121)
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


def unheard_and_expired(life: Life) -> dict[str, object]:
    """The payer approved a moment before the prompt ran out, and nobody has heard of it."""
    prompted(life)
    life.callback_comes = False
    life.pass_time(301, 302)
    life.pay()
    return {}


def settled(life: Life) -> dict[str, object]:
    told(life)
    life.sweep_inbox(20)
    return {}


STARTING = Scene("start", nothing)
AT_ONCE = Scene("start_and_push", nothing)
PUSHING = Scene("submit", started)
REFUSED = Scene("submit", refused_once)
SENDING = Scene("send_queued", queued, after=3)
CALLBACK = Scene("callback", paid, after=20)
INBOX_PAID = Scene("drain", told, after=21)
INBOX_CANCELLED = Scene("drain", cancelled, after=21, unpaid="CANCELLED")
ASKING = Scene("ask", unheard, after=34)
ASKING_LATE = Scene("ask", unheard_and_expired, after=15 * 60 * 1.1)
TIMING_OUT = Scene("close_overdue", ignored, after=121)
EXPIRING = Scene("close_overdue", timed_out, after=301)
DELIVERING = Scene("deliver", settled, after=22)
