"""What is asked before a session changes: who acts, in which state it is, whether the time is free.

Each question is answered under the session's lock, and each refusal says what to do next.
"""

from collections.abc import Callable
from datetime import datetime

from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from lib.clock import EAT
from lib.db import refused_by
from lib.errors import Refusal
from lib.rows import insert_row, read_related, read_rows, update_rows
from payments import merchants
from payments.models import Payment
from payments.states import LIVE
from sessions_booking import acts, slots
from sessions_booking.models import Booking, SessionType
from sessions_booking.states import MOVES, State

PURPOSE = "session"  # of payments
Seen = Callable[[Booking], bool]  # is it as whoever decides has seen it?
_RESCHEDULED = ("starts_at", "ends_at", "answer_by", "pay_by", "sequence", "changed_at")
_OPEN_REQUESTS = 5  # unpaid ones of one client with one therapist: nobody blocks a calendar


def type_on_offer(type_id: int) -> SessionType:
    found = read_related(SessionType, ("therapist", "therapist__user"), "WHERE one.id = %s", [type_id])
    type = found[0] if found else None
    if type is None or not type.offered or not type.therapist.listed or not type.therapist.user.is_active:
        raise Refusal("not_listed", _("This session is not offered (any more). Choose another one."), status=404)
    return type


def refuse_too_many(client: User, type: SessionType, environment: str) -> None:
    rows = Booking.objects.filter(client=client, therapist_id=type.therapist_id, environment=environment)
    if rows.filter(state__in=[State.PENDING, State.APPROVED]).count() >= _OPEN_REQUESTS:
        words = _("You have %(count)s unpaid requests with this therapist. Pay for one or cancel one first.")
        raise Refusal("too_many", words % {"count": _OPEN_REQUESTS}, status=409)


def refuse_unless_free(
    type: SessionType,
    environment: str,
    starts_at: datetime,
    now: datetime,
    *,
    but: int | None = None,
    minutes: int | None = None,
) -> None:
    if starts_at <= now:
        raise Refusal("slot_past", _("This time has passed. Choose another one."))
    asked = SessionType(therapist_id=type.therapist_id, minutes=minutes or type.minutes)
    if not slots.is_offered(type=asked, environment=environment, starts_at=starts_at, now=now):
        raise Refusal("slot_not_offered", _("This time is not offered. Choose one of the free times."))
    if slots.is_taken(type=asked, environment=environment, starts_at=starts_at, but=but):
        raise taken()


def minutes_of(row: Booking) -> int:
    """As it was booked: its type may have changed since."""
    return int((row.ends_at - row.starts_at).total_seconds()) // 60


def save_in_free_time(row: Booking) -> None:
    """Whoever else looked at the same free time at the same moment: the database lets one in. Who is refused writes
    nothing more: the refusal ends the whole transaction."""
    try:
        if row.pk is None:
            insert_row(row)
        else:
            update_rows([row], _RESCHEDULED)
    except IntegrityError as error:
        if refused_by(error) == acts.ONE_AT_A_TIME:
            raise taken() from None
        raise


def taken() -> Refusal:
    return Refusal("slot_taken", _("That time has just been taken. Choose another one."), status=409)


def locked(code: str) -> Booking:
    asked = [code[:12].upper(), merchants.current_environment()]
    rows = acts.locked("one.code = %s AND one.environment = %s", asked)
    if not rows:
        raise not_found()
    return rows[0]


def by_id(key: int) -> Booking | None:
    rows = acts.locked("one.id = %s", [key], skip_locked=True)
    return rows[0] if rows else None


def not_found() -> Refusal:
    return Refusal("not_found", _("There is no such session among yours."), status=404)


def only_therapist(row: Booking, actor_id: int) -> None:
    if party(row, actor_id) != "therapist":
        raise Refusal("not_allowed", _("Only its therapist can answer a request."), status=403)


def party(row: Booking, actor_id: int) -> str:
    """client, therapist or staff; anybody else does not learn that the session exists."""
    actors = read_rows(User, "WHERE id = %s", [actor_id])
    found = acts.party(row, actors[0]) if actors else ""
    if not found:
        raise not_found()
    if found == "reader":
        raise Refusal("not_allowed", _("You can see this session, but not change it."), status=403)
    return found


def refuse_unless(row: Booking, to: State) -> None:
    if to not in MOVES[row.state]:
        raise wrong_state(row)


def at_sequence(number: int) -> Seen:
    """Neither its state nor its time has changed since."""
    return lambda row: row.sequence == number


def refuse_unless_seen(row: Booking, seen: Seen | None) -> None:
    """Nobody decides about what they never saw: a request that was moved, an unpaid session that has been paid."""
    if seen and not seen(row):
        words = _("This session has changed since you looked at it. It is %(state)s, %(time)s: look at it again.")
        said = {"state": row.get_state_display(), "time": f"{row.starts_at.astimezone(EAT):%a %-d %b, %H:%M}"}
        raise Refusal("changed", words % said, status=412)


def wrong_state(row: Booking) -> Refusal:
    words = _("This session is %(state)s. Look at it again: it has changed.") % {"state": row.get_state_display()}
    return Refusal("wrong_state", words, status=409)


def reason_of(text: str) -> str:
    if not text.strip():
        raise Refusal("reason_needed", _("Please say why."), errors={"reason": [_("Please say why.")]})
    return text.strip()[:300]


def has_live_payment(row: Booking) -> bool:
    """May a prompt for this session be on a phone?"""
    return live_payments().filter(environment=row.environment, target_id=row.pk).exists()


def live_payments() -> "QuerySet[Payment]":
    """Those for any session whose prompt may be on a phone."""
    return Payment.objects.filter(purpose=PURPOSE, status__in=LIVE)
