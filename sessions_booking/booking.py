"""A session's life: asked for, approved or declined, paid, held; cancelled or moved on the way.

Each function is one act of one person. It locks the booking, checks who acts and (`seen`) on what they saw, moves it by `states.MOVES`, and publishes
one message (`session.requested`, `.approved`, `.declined`, `.cancelled`, `.rescheduled`, `.expired`, `.confirmed`,
`.completed`, `.reminder`) in the same transaction; what is said to people follows after the commit. Money moves a
session too (`payable`): both doors write through `acts`.

A therapist's time is held until a deadline that both know (`deadlines`): for the answer to a request, then for the
payment. What nobody answered or paid for in time is released, but never while a prompt for it may be on a phone.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.utils.translation import gettext as _

from accounts.models import User
from lib.db import entry_point
from lib.errors import Refusal
from lib.rows import read_rows
from payments import lifecycle, merchants
from sessions_booking import acts, checks, deadlines, reminders
from sessions_booking.acts import Act
from sessions_booking.checks import Seen
from sessions_booking.models import Booking
from sessions_booking.states import MAY_MOVE_IN_TIME, State

_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nothing that is misread aloud
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for. `starts_at` is aware."""

    client_id: int
    type_id: int
    starts_at: datetime


# --- What people do --------------------------------------------------------------------------------------------------


@entry_point
def book(*, request: Request, now: datetime) -> Booking:
    """PENDING. Raises Refusal: slot_past, slot_not_offered, slot_taken (409), own_session, not_listed, too_many."""
    type = checks.type_on_offer(request.type_id)
    if type.therapist.user_id == request.client_id:
        raise Refusal("own_session", _("You cannot book a session with yourself."))
    client = read_rows(User, "WHERE id = %s FOR NO KEY UPDATE", [request.client_id])[0]  # counts are taken one by one
    environment = merchants.current_environment()
    checks.refuse_too_many(client, type, environment)
    checks.refuse_unless_free(type, environment, request.starts_at, now)
    row = Booking(
        code="".join(secrets.choice(_LETTERS) for _n in range(10)),
        environment=environment,
        client=client,
        therapist=type.therapist,
        type=type,
        starts_at=request.starts_at,
        ends_at=request.starts_at + timedelta(minutes=type.minutes),
        price_cents=type.price_cents,
        answer_by=deadlines.answer_by(starts_at=request.starts_at, now=now),
        requested_at=now,
        changed_at=now,
    )
    checks.save_in_free_time(row)
    acts.tell(row, Act("requested", by="client", actor_id=client.pk), now=now)
    reminders.plan_answer(row, now=now)
    return row


@entry_point
def approve(*, code: str, actor_id: int, now: datetime, seen: Seen | None = None) -> Booking:
    """APPROVED, with `pay_by`. By its therapist. Raises Refusal: not_found (404), changed (412), wrong_state (409), slot_past."""
    row = checks.locked(code)
    checks.only_therapist(row, actor_id)
    checks.refuse_unless_seen(row, seen)
    checks.refuse_unless(row, State.APPROVED)
    if row.starts_at <= now:
        raise Refusal("slot_past", _("This session's time has passed. It can no longer be approved."), status=409)
    row.approved_at = now
    row.pay_by = deadlines.pay_by(starts_at=row.starts_at, now=now)
    acts.move(row, State.APPROVED, Act("approved", by="therapist", actor_id=actor_id), now=now)
    reminders.call_off(row)
    reminders.plan(row, now=now)
    return row


@entry_point
def decline(*, code: str, actor_id: int, reason: str, now: datetime, seen: Seen | None = None) -> Booking:
    """DECLINED. By its therapist. Raises Refusal: not_found, changed, wrong_state, reason_needed."""
    row = checks.locked(code)
    checks.only_therapist(row, actor_id)
    checks.refuse_unless_seen(row, seen)
    checks.refuse_unless(row, State.DECLINED)
    row.reason = checks.reason_of(reason)
    acts.move(row, State.DECLINED, Act("declined", by="therapist", actor_id=actor_id), now=now)
    reminders.call_off(row)
    return row


@entry_point
def cancel(*, code: str, actor_id: int, reason: str, now: datetime, seen: Seen | None = None) -> Booking:
    """CANCELLED. By client, therapist (with a reason) or staff (admin, with a reason); a paid one is owed to the client.

    Raises Refusal: not_found, not_allowed (403), changed, wrong_state, reason_needed, too_late (it has begun).
    """
    row = checks.locked(code)
    by = checks.party(row, actor_id)
    checks.refuse_unless_seen(row, seen)
    checks.refuse_unless(row, State.CANCELLED)
    if row.starts_at <= now and by != "staff":
        raise Refusal("too_late", _("This session has begun. It can no longer be cancelled."), status=409)
    row.reason = reason.strip()[:300] if by == "client" else checks.reason_of(reason)
    paid_by = row.payment_id
    acts.move(row, State.CANCELLED, Act("cancelled", by, actor_id, {"owed": paid_by is not None}), now=now)
    reminders.call_off(row)
    if paid_by is not None:
        words = f"Session {row.code} was cancelled by the {by}"
        lifecycle.give_back_within(payment_id=paid_by, reason=words, actor=f"user:{actor_id}", now=now)
    return row


@entry_point
def reschedule(*, code: str, actor_id: int, starts_at: datetime, now: datetime, seen: Seen | None = None) -> Booking:
    """Moved to another free time; state and payment stay. By client or therapist. The old time is free at once.

    Raises Refusal: not_found, not_allowed, changed, wrong_state, too_late, slot_past, slot_not_offered, slot_taken, same_time.
    """
    row = checks.locked(code)
    by = checks.party(row, actor_id)
    if by == "staff":
        raise Refusal("not_allowed", _("Only its client or its therapist can move a session."), status=403)
    checks.refuse_unless_seen(row, seen)
    if row.state not in MAY_MOVE_IN_TIME:
        raise checks.wrong_state(row)
    if row.starts_at <= now:
        raise Refusal("too_late", _("This session has begun. It can no longer be moved."), status=409)
    if starts_at == row.starts_at:
        raise Refusal("same_time", _("The session is at this time already. Choose another one."))
    checks.refuse_unless_free(row.type, row.environment, starts_at, now, but=row.pk, minutes=checks.minutes_of(row))
    before = row.starts_at
    row.starts_at, row.ends_at = starts_at, starts_at + (row.ends_at - row.starts_at)
    _hold_on(row, now)
    row.sequence += 1
    row.changed_at = now
    checks.save_in_free_time(row)
    said = {"from": before.isoformat(), "sequence": row.sequence}  # it may be moved more than once
    acts.tell(row, Act("rescheduled", by, actor_id, said), now=now)
    if row.state == State.PENDING:
        reminders.plan_answer(row, now=now)
    else:
        reminders.plan(row, now=now)
    return row


def _hold_on(row: Booking, now: datetime) -> None:
    """Until when its new time is held for what is waited for."""
    if row.state == State.PENDING:
        row.answer_by = deadlines.answer_by_when_moved(requested_at=row.requested_at, starts_at=row.starts_at, now=now)
    elif row.state == State.APPROVED and row.pay_by and row.approved_at:
        row.pay_by = deadlines.pay_by_when_moved(
            pay_by=row.pay_by, approved_at=row.approved_at, starts_at=row.starts_at, now=now
        )


# --- What the clock does ---------------------------------------------------------------------------------------------


def release_due(*, now: datetime) -> int:
    """EXPIRED: unanswered past `answer_by`, or unpaid past `pay_by` with no live payment; how many."""
    unpaid = Booking.objects.filter(state=State.APPROVED, pay_by__lte=now).order_by("pay_by")
    unanswered = Booking.objects.filter(state=State.PENDING, answer_by__lte=now).order_by("answer_by")
    held = checks.live_payments().values("target_id")
    ids = [
        *unpaid.exclude(pk__in=held).values_list("pk", flat=True)[:500],
        *unanswered.values_list("pk", flat=True)[:500],
    ]
    return sum(_each(_release, key, now) for key in ids)


def complete_due(*, now: datetime) -> int:
    """COMPLETED: confirmed sessions whose end has passed; how many."""
    held = Booking.objects.filter(state=State.CONFIRMED, ends_at__lte=now).order_by("ends_at")
    return sum(_each(_complete, key, now) for key in held.values_list("pk", flat=True)[:500])


def _each(step: "acts.Step", key: int, now: datetime) -> bool:
    """One transaction for each: what one session cannot bear stops no other."""
    try:
        return step(key, now)
    except Exception as error:
        log.exception("session.sweep_failed", booking_id=key, error=type(error).__name__)
        return False


@entry_point
def _release(key: int, now: datetime) -> bool:
    row = checks.by_id(key)
    if row is None or not _is_over(row, now):
        return False
    row.ended_by = "system"
    acts.move(row, State.EXPIRED, Act("expired"), now=now)
    reminders.call_off(row)
    return True


def _is_over(row: Booking, now: datetime) -> bool:
    """Asked under the lock that a payment for it takes as well before it starts."""
    if row.state == State.PENDING:
        return bool(row.answer_by and row.answer_by <= now)
    return row.state == State.APPROVED and bool(row.pay_by and row.pay_by <= now) and not checks.has_live_payment(row)


@entry_point
def _complete(key: int, now: datetime) -> bool:
    row = checks.by_id(key)
    if row is None or row.state != State.CONFIRMED or row.ends_at > now:
        return False
    acts.move(row, State.COMPLETED, Act("completed"), now=now)
    return True
