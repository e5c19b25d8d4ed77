"""The fifteen faults, as a table. Each says what differs from an undisturbed push, nothing else.

A fault belongs to a family of numbers (`25419FFnnnnn`) or is given to any number by `POST /_sim/faults`; on such a
number the payer still taps, then the fault takes over.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator import messages
from simulator.results import NO_OPERATOR, SUCCESS

if TYPE_CHECKING:
    from simulator.books import Transaction
    from simulator.pushes import Push
    from simulator.world import World


@dataclasses.dataclass(frozen=True)
class Ending:
    """How a prompt truly ended. `transaction` is there where money moved."""

    code: str
    transaction: Transaction | None = None


@dataclasses.dataclass(frozen=True)
class News:
    """Told `after_s` (scaled): a callback body, or None for no callback; from then on the query answers `code`."""

    after_s: float
    body: bytes | None
    code: str | None


Tell = Callable[["World", "Push", Ending], list[News]]


def plain(world: World, push: Push, ending: Ending) -> list[News]:
    body = messages.stk_callback(push, ending, world.switches)
    return [News(world.switches.callback_delay_s, body, ending.code)]


def _callback_lost(world: World, push: Push, ending: Ending) -> list[News]:
    return [News(0.0, None, ending.code)]


def _three_times(world: World, push: Push, ending: Ending) -> list[News]:
    return plain(world, push, ending) * 3


def _late(world: World, push: Push, ending: Ending) -> list[News]:
    """Counted from the acceptance, on a scaled clock."""
    gone = (world.agenda.now() - push.accepted_at) / world.agenda.time_scale
    body = messages.stk_callback(push, ending, world.switches)
    return [News(max(0.0, world.switches.late_s - gone), body, ending.code)]


def _contradicted(world: World, push: Push, ending: Ending) -> list[News]:
    body = messages.stk_callback(push, ending, world.switches)
    return [News(world.switches.contradiction_s, body, None)]


def _malformed_first(world: World, push: Push, ending: Ending) -> list[News]:
    body = messages.stk_callback(push, ending, world.switches)
    return [News(0.0, body[: len(body) * 2 // 3], None), News(world.switches.gap_s, body, ending.code)]


def _two_receipts(world: World, push: Push, ending: Ending) -> list[News]:
    """The money truly moves twice."""
    first = plain(world, push, ending)
    if ending.transaction is None:
        return first
    again = Ending(ending.code, world.move_money(push))
    return [*first, News(world.switches.gap_s, messages.stk_callback(push, again, world.switches), ending.code)]


def _failure_first(world: World, push: Push, ending: Ending) -> list[News]:
    if ending.transaction is None:
        return plain(world, push, ending)
    failure = Ending(world.switches.failure_before_success)
    success = messages.stk_callback(push, ending, world.switches)
    return [*plain(world, push, failure), News(world.switches.gap_s, success, ending.code)]


@dataclasses.dataclass(frozen=True)
class Fault:
    """`refusal` names the refusal (`refusals.py`) at the push; the other fields change what follows acceptance."""

    meaning: str = ""
    refusal: str = ""
    approved_ends_in: str = SUCCESS
    shillings_more: int = 0
    before_the_answer: bool = False  # paid and told before the push is answered
    answer_lost: bool = False
    silent: bool = False
    query_says: str = ""  # whatever happened
    tell: Tell = plain


NONE = Fault()
FAULTS = {
    "01": Fault("callback lost: paid, the query says 0", tell=_callback_lost),
    "02": Fault("callback sent three times", tell=_three_times),
    "03": Fault("paid; the callback comes after the prompt has expired, the query says 4999 until then", tell=_late),
    "04": Fault("paid; the callback comes before the push's own answer", before_the_answer=True),
    "05": Fault("another amount: one shilling more is taken and told", shillings_more=1),
    "06": Fault("push accepted and paid, but the connection closes without its answer", answer_lost=True),
    "07": Fault("the query says 1032 from the start, the callback says paid", query_says="1032", tell=_contradicted),
    "08": Fault("spike arrest at the first pushes", refusal="spike"),
    "09": Fault("the token is called invalid once", refusal="token"),
    "10": Fault("HTML 403 at the first pushes", refusal="html"),
    "11": Fault("a malformed callback first, then a good one", tell=_malformed_first),
    "12": Fault("ends in the alphanumeric code SFC_IC0003", approved_ends_in=NO_OPERATOR),
    "13": Fault("two receipts for one prompt: the money moves twice", tell=_two_receipts),
    "14": Fault("a failure callback, then success", tell=_failure_first),
    "15": Fault("accepted, then silence for ever: the query says pending", silent=True),
}
