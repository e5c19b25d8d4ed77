"""What follows a change of a payment: the audit trail, the thing that is free again, the outbox, the open pages."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from audit import trail
from lib.db import in_transaction
from outbox import box
from payments import live
from payments.facts import Source
from payments.holding import Held
from payments.payable import Paid, payable
from payments.states import LIVE


@in_transaction
def tell(changed: Sequence[Held], *, now: datetime) -> None:
    """Said within the transaction; it reaches the world after the commit, open pages first."""
    tell_pages(changed, now=now)
    trail.record_many([entry for item in changed for entry in _entries(item, now)])
    moved = [item for item in changed if item.row.status != item.old_status]
    box.publish_many(
        box.Message(f"payment.{item.row.status.lower()}", item.row.transaction_id, {"payment_id": item.row.pk})
        for item in moved
    )
    box.publish_many(message for item in changed for message in _more_money(item))
    _free_things(moved, now)


@in_transaction
def note(items: Sequence[Held], *, action: str, now: datetime) -> None:
    """Something happened to payments that changes no status."""
    trail.record_many([_entry(item, action, "system", {"status": item.row.status}, now) for item in items])
    tell_pages(items, now=now)


def tell_pages(items: Sequence[Held], *, now: datetime) -> None:
    live.tell([live.changed(item.row) for item in items], now=now)


def _more_money(item: Held) -> Iterable[box.Message]:
    """Money for what was completed already: its receipt, or more than was asked for."""
    if item.known.paid and item.new_lots:
        topic = "payment.owed" if item.known.lots else "payment.receipt"
        key = f"{item.row.transaction_id}:{min(lot.receipt for lot in item.new_lots)}"
        yield box.Message(topic, key, {"payment_id": item.row.pk, "key": key})


def _free_things(moved: Sequence[Held], now: datetime) -> None:
    """A payment leaves LIVE once, as its status only rises: `ended` is called at most once."""
    ended: dict[str, list[Paid]] = defaultdict(list)
    for item in moved:
        if item.old_status in LIVE and item.row.status not in LIVE and not item.after.paid:
            ended[item.row.purpose].append(item.paid)
    for purpose in sorted(ended):
        payable(purpose).ended(ended[purpose], now=now)


def _entries(item: Held, now: datetime) -> Iterable[trail.Row]:
    if item.row.status != item.old_status:
        change = {"from": item.old_status, "to": item.row.status, "reason": _reason(item), "receipt": item.row.receipt}
        yield _entry(item, "payment.status", _actor(item), change, now)
    for fact in item.new_facts:
        if fact.source is Source.PERSON:
            action = f"payment.person.{fact.kind.lower()}"
            yield _entry(item, action, fact.actor, {"code": fact.code, "reason": fact.text}, now)


def _entry(item: Held, action: str, actor: str, data: dict[str, str], now: datetime) -> trail.Row:
    subject = f"payment:{item.row.transaction_id}"
    return trail.Row(action, actor, subject, data=data, environment=item.row.environment, at=now)


def _actor(item: Held) -> str:
    people = [fact.actor for fact in item.new_facts if fact.actor != "system"]
    return people[0] if people else "system"


def _reason(item: Held) -> str:
    told = [*(str(fact.source) for fact in item.new_facts), *(f"receipt {lot.receipt}" for lot in item.new_lots)]
    codes = [fact.code for fact in item.new_facts if fact.code]
    return " ".join(dict.fromkeys([*told, *codes]))[:300]  # two facts of one answer say it once
