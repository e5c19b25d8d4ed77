"""The life of one prompt, from acceptance to the last word said about it.

`accept` decides how it will go: M-Pesa's own rules may end it unseen, a magic number ends it by itself, any other
number shows a prompt that a tap (`answer`) or the clock (`_run_out`) ends. Every end goes through `_finish`: money
moves or not, the handset gets its SMS, and the fault table says who is told what and when.
"""

from __future__ import annotations

import dataclasses
import logging
from datetime import datetime
from typing import TYPE_CHECKING

from lib.phone import masked
from simulator import ids, messages, results
from simulator.agenda import Timer
from simulator.faults import Ending, News
from simulator.merchants import Merchant
from simulator.numbers import Script, script
from simulator.phones import RIGHT_PINS, Phone

if TYPE_CHECKING:
    from simulator.world import World

log = logging.getLogger("simulator")
_LONGEST_PROMPT = 182


class Locked(Exception):
    """The subscriber has an open prompt, or had a push too short a while ago."""


class Closed(Exception):
    """The prompt cannot be tapped (any more)."""


@dataclasses.dataclass(frozen=True)
class Order:
    """A push as asked for, its fields checked. `amount` in whole shillings."""

    merchant: Merchant
    transaction_type: str
    amount: int
    party_b: str
    phone: str
    callback_url: str
    reference: str
    description: str


@dataclasses.dataclass
class Push:
    """`known` is what a query answers (None: still pending), `ended` how it truly ended (None: not yet)."""

    checkout_request_id: str
    merchant_request_id: str
    order: Order
    script: Script
    accepted_at: float
    at: datetime
    expires_at: float = 0.0
    expiry: Timer | None = None
    prompting: bool = False
    ignored: bool = False
    known: str | None = None
    ended: str | None = None

    @property
    def query_says(self) -> str:
        """The code that a query answers; 4999 while nothing is known."""
        return self.script.fault.query_says or self.known or results.PENDING

    @property
    def text(self) -> str:
        return messages.prompt(merchant=self.order.merchant, amount=self.order.amount, reference=self.order.reference)


def check_lock(world: World, order: Order) -> None:
    """Raises Locked. Magic numbers are never locked."""
    phone = world.phone(order.phone)
    if script(order.phone, assigned=world.faults).magic:
        return
    spacing = world.agenda.scaled(world.switches.spacing_s)
    if phone.open_prompt or phone.within(phone.last_push_at, now=world.agenda.now(), seconds=spacing):
        raise Locked


def accept(world: World, order: Order) -> Push:
    at = world.now()
    push = Push(
        ids.checkout_request_id(at, order.phone, taken=world.pushes),
        ids.request_id(),
        order,
        script(order.phone, assigned=world.faults),
        world.agenda.now(),
        at,
    )
    world.pushes[push.checkout_request_id] = push
    log.info("push %s: KES %d asked of %s", push.checkout_request_id[:20], order.amount, masked(order.phone))
    _set_going(world, push)
    return push


def _set_going(world: World, push: Push) -> None:
    fault = push.script.fault
    phone = world.phone(push.order.phone)
    ends_in = _core_refusal(world, push, phone) or push.script.ends_in
    _remember(world, push, phone, refused=ends_in == results.SAME_AMOUNT)
    if fault.before_the_answer and ends_in in (None, results.SUCCESS):
        _finish(world, push, fault.approved_ends_in)
    elif ends_in is None:
        _prompt(world, push, phone)
    else:
        code = fault.approved_ends_in if ends_in == results.SUCCESS else ends_in
        world.agenda.after(world.switches.magic_end_s, lambda: _finish(world, push, code))


def _core_refusal(world: World, push: Push, phone: Phone) -> str | None:
    """Accepted at the gate, refused behind it: the code it will end in, unseen by the payer."""
    order = push.order
    if order.transaction_type != order.merchant.transaction_type:
        return results.WRONG_PRODUCT
    if order.party_b != order.merchant.party_b:
        return results.NO_OPERATOR
    if len(push.text) > _LONGEST_PROMPT:
        return results.TOO_LONG
    if push.script.magic:
        return None
    if world.switches.handsets == "e3008":
        return results.SANDBOX_KILL
    window = world.agenda.scaled(world.switches.same_amount_s)
    same = phone.within(phone.last_amounts.get(order.amount), now=push.accepted_at, seconds=window)
    return results.SAME_AMOUNT if same else None


def _remember(world: World, push: Push, phone: Phone, *, refused: bool) -> None:
    """Who asks for the same too early is refused, and need not wait all over again for having asked."""
    phone.last_push_at = push.accepted_at
    if world.switches.same_amount_counts == "pushes" and not refused:
        phone.last_amounts[push.order.amount] = push.accepted_at


def _prompt(world: World, push: Push, phone: Phone) -> None:
    life = world.switches.prompt_life_s
    push.prompting = phone.shown = True
    push.expires_at = world.agenda.now() + world.agenda.scaled(life)
    push.expiry = world.agenda.after(life, lambda: _run_out(world, push))
    phone.open_prompt, phone.notice = push.checkout_request_id, ""
    world.changed(phone)


def answer(world: World, push: Push, *, action: str, pin: str = "") -> str:
    """A tap: "approve" with a PIN, "cancel" or "ignore". The code it ends in, or "" when ignored. Raises Closed."""
    if not push.prompting or push.ignored:
        raise Closed
    if action == "ignore":
        push.ignored = True
        world.changed(world.phone(push.order.phone))
        return ""
    code = results.CANCELLED if action == "cancel" else _judged(world, push, pin)
    _close_prompt(world, push, "Request cancelled." if action == "cancel" else "Request sent. Wait for an SMS.")
    _finish(world, push, code)
    return code


def _judged(world: World, push: Push, pin: str) -> str:
    if pin not in RIGHT_PINS:
        return results.WRONG_PIN
    if world.phone(push.order.phone).balance < push.order.amount + push.script.fault.shillings_more:
        return results.INSUFFICIENT
    return push.script.fault.approved_ends_in


def _run_out(world: World, push: Push) -> None:
    _close_prompt(world, push, "The request ran out of time.")
    _finish(world, push, world.switches.expiry_code)


def _close_prompt(world: World, push: Push, notice: str) -> None:
    phone = world.phone(push.order.phone)
    push.prompting = False
    if push.expiry is not None:
        push.expiry.cancel()
    phone.open_prompt, phone.notice = "", notice
    world.changed(phone)


def _finish(world: World, push: Push, code: str) -> None:
    fault = push.script.fault
    if fault.silent:
        return
    push.ended = code
    ending = Ending(code, world.move_money(push) if code == results.SUCCESS else None)
    log.info("push %s ended in %s", push.checkout_request_id[:20], code)
    _tell_the_payer(world, push, ending)
    for news in fault.tell(world, push, ending):
        _tell(world, push, news)


def _tell_the_payer(world: World, push: Push, ending: Ending) -> None:
    phone = world.phone(push.order.phone)
    merchant = push.order.merchant
    if ending.transaction is not None:
        phone.last_amounts[push.order.amount] = world.agenda.now()
        text = messages.paid_sms(ending.transaction, merchant, balance=phone.balance)
    else:
        text = messages.failed_sms(ending.code, amount=push.order.amount, merchant=merchant, balance=phone.balance)
    if text:
        phone.notice = ""
        world.send_sms(phone, text)


def _tell(world: World, push: Push, news: News) -> None:
    def now() -> None:
        push.known = news.code or push.known
        if news.body is not None:
            world.courier.send(push, news.body)

    if news.after_s:
        world.agenda.after(news.after_s, now)
    else:
        now()
