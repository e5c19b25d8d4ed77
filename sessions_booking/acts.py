"""What every change of a session has in common: the lock, the move, and what is said about it.

People's acts (`booking`) and money (`payable`) both change sessions; both write through here, so that nothing changes
without its entry in the trail, its message and its news to the open pages.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from accounts import roles
from accounts.models import User
from audit import trail
from lib.db import in_transaction
from lib.rows import read_related, update_rows
from outbox import box
from payments import live
from sessions_booking.models import Booking
from sessions_booking.states import ENDED, MOVES, State

ONE_AT_A_TIME = "booking_one_at_a_time"
# what a move may change
_MOVED = ("state", "reason", "ended_by", "pay_by", "payment_id", "paid_at", "sequence", "approved_at", "changed_at")
Step = Callable[[int, datetime], bool]


@dataclass(frozen=True, slots=True)
class Act:
    """What was done, and by whom: the topic `session.<name>` and its payload."""

    name: str
    by: str = "system"  # client, therapist, staff or system
    actor_id: int = 0
    more: Mapping[str, object] = field(default_factory=dict)


def locked(where: str, params: Sequence[object], *, skip_locked: bool = False) -> list[Booking]:
    """As payments lock the thing that they pay for; with therapist, type and client. The session is called `one`."""
    tail = f"WHERE {where} ORDER BY one.id FOR NO KEY UPDATE OF one{' SKIP LOCKED' if skip_locked else ''}"
    return read_related(Booking, ("therapist", "type", "client"), tail, params)


def party(row: Booking, user: User) -> str:
    """client, therapist, staff (may change it), reader (staff that may only look), or "" for a stranger."""
    if user.pk == row.client_id:
        return "client"
    if user.pk == row.therapist.user_id:
        return "therapist"
    if roles.may_cancel_sessions(user):
        return "staff"
    return "reader" if roles.may_see_all_payments(user) else ""


@in_transaction
def move(row: Booking, to: State, act: Act, *, now: datetime) -> None:
    """To another state: saved, and said. The caller holds the lock and has checked that it may."""
    if to not in MOVES[row.state]:
        raise ValueError(f"{row.code} does not move from {row.state} to {to}")
    row.state = to
    if to in ENDED:
        row.ended_by = act.by
    row.sequence += 1
    row.changed_at = now
    update_rows([row], _MOVED)
    tell(row, act, now=now)


@in_transaction
def tell(row: Booking, act: Act, *, now: datetime) -> None:
    """To the trail, the outbox and both parties' open pages. No content: ids and states."""
    actor = f"user:{act.actor_id}" if act.actor_id else "system"
    data = {"state": row.state, "by": act.by, "starts_at": row.starts_at.isoformat(), **act.more}
    trail.record(
        action=f"session.{act.name}", actor=actor, subject=f"session:{row.code}", data=data,
        environment=row.environment, at=now,
    )  # fmt: skip
    box.publish(topic=f"session.{act.name}", key=f"{row.code}:{row.sequence}", payload=_payload(row, act))
    show(row, now=now)


@in_transaction
def note(row: Booking, act: Act, *, key: str, now: datetime) -> None:
    """Something that concerns a session and does not change it; `key` says which of its kind."""
    box.publish(topic=f"session.{act.name}", key=key, payload=_payload(row, act))
    show(row, now=now)


def _payload(row: Booking, act: Act) -> dict[str, object]:
    return {"booking_id": row.pk, "by": act.by, "actor_id": act.actor_id, **act.more}


def show(row: Booking, *, now: datetime) -> None:
    """Open pages of both fetch what the server says now."""
    said = {"type": "session_update", "sessionId": row.code, "status": row.state}
    live.tell_people([row.client_id, row.therapist.user_id], said, now=now)
