"""A payment's whole life, readable top to bottom.

`start` opens or finds the thing, quotes it, and writes one row; where the push is made at once, the same commit says so.
`submit` commits that a push is about to be made, `push` makes it outside of every transaction, and `finish` records
the answer as facts. `apply` is the only door for news: it locks,
adds facts, computes status, reasons and position, and writes the thing, the books and the trail in one transaction.
`close` and `pass_time` end what is no longer waited for. A late proof of payment still wins: nothing here is undone.

Doors are entry points: they own their transaction and must be outermost.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from lib import clock
from lib.db import entry_point, in_transaction
from lib.errors import Refusal
from payments import calls, facts, holding, record, timing
from payments.facts import Fact, Kind, Lot, Source
from payments.holding import Held
from payments.models import Payment
from payments.payable import payable
from payments.phones import phone_of
from payments.project import plan_retry
from payments.providers import Order, Pushed, provider
from payments.states import LIVE, Status


@dataclass(frozen=True, slots=True)
class News:
    """What was learnt about one payment."""

    payment_id: int
    facts: tuple[Fact, ...] = ()
    lots: tuple[Lot, ...] = ()


# --- Submitting ------------------------------------------------------------------------------------------------------


def submit(*, payment_id: int, caller: calls.Caller = calls.NOBODY, now: Callable[[], datetime] = clock.now) -> bool:
    """Make one push, if one may be made: False where it may not (it was perhaps sent, or the payment ended).

    Whatever dies in the middle, the row says "perhaps sent" from before the call on, so no prompt is doubled.
    """
    order = begin(payment_id=payment_id, now=now())
    if order is None:
        return False
    push(order=order, caller=caller, now=now)
    return True


def push(*, order: Order, caller: calls.Caller, now: Callable[[], datetime] = clock.now) -> Payment:
    """Make the push that was committed as about to be sent, and record its end. Once for each `Order`."""
    with calls.collect() as made:
        pushed = _push(order, now())
    return finish(order=order, pushed=pushed, made=made, caller=caller, now=now())


@entry_point
def begin(*, payment_id: int, now: datetime) -> Order | None:
    """Write down that the next submission is about to be sent."""
    held = holding.hold([payment_id]).get(payment_id)
    if held is None or not facts.may_be_sent(held.known):
        return None
    row = held.row
    if now >= row.initiated_at + timing.seconds(timing.UNSENT):  # closed by the clock, never sent late
        return None
    if not _is_wanted(row, now):
        close_within([held], source=Source.CLOCK, code="CALLED_OFF", now=now)
        return None
    held.add(facts=[sent(row, now)])
    record.write({payment_id: held}, now=now)
    return order_of(row, phone_of(row))


def sent(row: Payment, now: datetime) -> Fact:
    """The next submission is about to be sent: the fact of it, and what the row's work columns say."""
    row.attempts += 1
    row.last_submitted_at, row.next_attempt_at = now, None
    return Fact(Kind.SENT, Source.PUSH, row.attempts, at=now)


def _is_wanted(row: Payment, now: datetime) -> bool:
    """May its thing still be paid for? It may have been called off while M-Pesa was busy. Its lock is held."""
    try:
        payable(row.purpose).quote([row.target_id], now=now)
    except Refusal:
        return False
    return True


def order_of(row: Payment, phone: str) -> Order:
    """The push of this payment's last submission."""
    if row.merchant is None:  # cannot be: payment_mpesa_fields
        raise ValueError(f"{row.transaction_id} has no merchant")
    return Order(
        payment_id=row.pk,
        transaction_id=row.transaction_id,
        environment=row.environment,
        purpose=row.purpose,
        target_id=row.target_id,
        merchant=row.merchant,
        amount_cents=row.amount_cents,
        phone=phone,
        account_reference=row.account_reference,
        description=row.description,
        submission=row.attempts,
    )


def _push(order: Order, now: datetime) -> Pushed:
    """A defect of ours in the middle of a call is an uncertain end too: never sent again."""
    try:
        return provider("mpesa").push(order, now=now)
    except Exception as error:
        calls.log.exception("mpesa.push_broke", transaction_id=order.transaction_id)
        return Pushed((Fact(Kind.LOST, Source.PUSH, order.submission, type(error).__name__, at=now),))


@entry_point
def finish(*, order: Order, pushed: Pushed, made: Sequence[calls.Call], caller: calls.Caller, now: datetime) -> Payment:
    """Record what came of a push; refused for good, or too often, is a failure (STK-8). The row as it is then."""
    held = holding.hold_one(
        payment_id=order.payment_id, purpose=order.purpose, target_id=order.target_id, merchant=order.merchant
    )
    held.add(facts=pushed.facts)
    refused = [fact for fact in pushed.facts if fact.kind is Kind.REFUSED]
    if refused and not plan_retry(held.row, passing=pushed.passing, now=now):
        last = refused[-1]
        held.add(facts=[Fact(Kind.FAILED, Source.PUSH, last.submission, last.code, text=last.text, at=now)])
    record.write({order.payment_id: held}, now=now)
    calls.store(
        made,
        environment=order.environment,
        payment_id=order.payment_id,
        transaction_id=order.transaction_id,
        caller=caller,
        now=now,
    )
    return held.row


# --- News ------------------------------------------------------------------------------------------------------------


@entry_point
def apply(*, news: Sequence[News], now: datetime) -> list[Held]:
    """Apply a batch of news. Returns the payments that changed; raises where one of the batch cannot be applied."""
    return apply_within(news=news, now=now)


@in_transaction
def apply_within(*, news: Sequence[News], now: datetime) -> list[Held]:
    """`apply` as a part of the caller's transaction (the inbox marks its rows in the same one)."""
    held = holding.hold(item.payment_id for item in news)
    for item in news:
        if item.payment_id in held:
            held[item.payment_id].add(facts=item.facts, lots=item.lots)
    return record.write(held, now=now)


# --- Ends ------------------------------------------------------------------------------------------------------------


@entry_point
def close(*, payment_id: int, source: Source, code: str, now: datetime, actor: str = "system", text: str = "") -> bool:
    """No longer wait for it. False where it has ended already."""
    held = holding.hold([payment_id])
    return bool(close_within(held.values(), source=source, code=code, now=now, actor=actor, text=text))


@in_transaction
def close_within(
    held: Iterable[Held], *, source: Source, code: str, now: datetime, actor: str = "system", text: str = ""
) -> list[Held]:
    living = {item.row.pk: item for item in held if item.row.status in LIVE}
    for item in living.values():
        item.add(facts=[Fact(Kind.CLOSED, source, code=code, text=text, actor=actor, at=now)])
    return record.write(living, now=now)


@entry_point
def pass_time(*, payment_ids: Sequence[int], now: datetime) -> list[Held]:
    """Let the clock speak: timed out at 120 s (M-Pesa is asked, the payer may replace it), closed at its deadline."""
    held = holding.hold(payment_ids)
    overdue = {key: item for key, item in held.items() if item.row.deadline_at and item.row.deadline_at <= now}
    silent = [item for item in overdue.values() if item.row.status == Status.PROMPTED and not item.row.timed_out_at]
    for item in silent:
        item.row.timed_out_at = now
        item.row.next_query_at = now if facts.may_be_asked(item.known) else None
    record.rewrite(silent, action="payment.timed_out", now=now)
    for item in overdue.values():
        if item.row.deadline_at and item.row.deadline_at <= now and item.row.status in LIVE:
            item.row.timed_out_at = item.row.timed_out_at or now
            item.add(facts=[Fact(Kind.CLOSED, Source.CLOCK, code=_why_closed(item), at=now)])
    return record.write(overdue, now=now)


def _why_closed(item: Held) -> str:
    if facts.may_be_sent(item.known):
        return "UNSENT"
    return "SILENT" if item.known.of(Kind.ACCEPTED) else "LOST"


@in_transaction
def give_back_within(*, payment_id: int, reason: str, actor: str, now: datetime) -> bool:
    """What this payment bought was given back: its worth is owed to the payer. A part of the transaction in which the
    thing is taken back; the caller holds the thing's lock. False where nothing was given for it."""
    held = holding.hold([payment_id])[payment_id]
    if not facts.handed_cents(held.known, held.given):
        return False
    held.add(facts=[Fact(Kind.RETURNED, Source.PERSON, text=reason[:500], actor=actor, at=now)])
    return bool(record.write({payment_id: held}, now=now))


@entry_point
def send_again(*, payment_id: int, now: datetime) -> bool:
    """The payer asks to send this same payment again, 30 s after M-Pesa refused it (STK-8)."""
    held = holding.hold([payment_id])[payment_id]
    row = held.row
    if not facts.may_be_sent(held.known) or row.last_submitted_at is None:
        return False
    if now < row.last_submitted_at + timing.seconds(timing.RETRY_BY_HAND):
        return False
    row.next_attempt_at = now
    row.save(update_fields=["next_attempt_at"])
    return True
