"""A session's life: asked for, approved or declined, paid, held; cancelled or moved on the way.

Each function is one act of one person. It locks the booking, checks who acts, moves it by `states.MOVES`, and publishes
one message (`session.requested`, `.approved`, `.declined`, `.cancelled`, `.rescheduled`, `.expired`, `.confirmed`,
`.completed`, `.reminder`) in the same transaction; what is said to people follows after the commit.
"""

from dataclasses import dataclass
from datetime import datetime

from sessions_booking.models import Booking


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for. `starts_at` is aware."""

    client_id: int
    type_id: int
    starts_at: datetime


def book(*, request: Request, now: datetime) -> Booking:
    """PENDING. Raises Refusal: slot_past, slot_not_offered, slot_taken (409), own_session, not_listed."""
    raise NotImplementedError


def approve(*, code: str, actor_id: int, now: datetime) -> Booking:
    """APPROVED, with `pay_by`. By its therapist. Raises Refusal: not_found (404), wrong_state (409), slot_past."""
    raise NotImplementedError


def decline(*, code: str, actor_id: int, reason: str, now: datetime) -> Booking:
    """DECLINED. By its therapist. Raises Refusal: not_found, wrong_state, reason_needed."""
    raise NotImplementedError


def cancel(*, code: str, actor_id: int, reason: str, now: datetime) -> Booking:
    """CANCELLED. By client, therapist (with a reason) or staff (admin, with a reason); a paid one is owed to the client.

    Raises Refusal: not_found, wrong_state, reason_needed, too_late (it has begun).
    """
    raise NotImplementedError


def reschedule(*, code: str, actor_id: int, starts_at: datetime, now: datetime) -> Booking:
    """Moved to another free time; state and payment stay. By client or therapist. The old time is free at once.

    Raises Refusal: not_found, wrong_state, slot_past, slot_not_offered, slot_taken, same_time.
    """
    raise NotImplementedError


def release_due(*, now: datetime) -> int:
    """EXPIRED: unpaid past `pay_by` with no live payment, or unanswered at their start; how many."""
    raise NotImplementedError


def complete_due(*, now: datetime) -> int:
    """COMPLETED: confirmed sessions whose end has passed; how many."""
    raise NotImplementedError
