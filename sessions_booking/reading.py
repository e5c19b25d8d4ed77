"""What pages, APIs and notifications read about a session: who may see it, and how its payment stands.

One shape for all of them, so that the therapist's board, the client's list and the API never disagree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from accounts.models import User
from payments.models import Payment
from sessions_booking.models import Booking


@dataclass(frozen=True, slots=True)
class Standing:
    """How a session's payment stands. `payment_status` is the document's word (ruling 1)."""

    payment_status: str  # "" (nothing tried), Pending, Processing, Paid, Failed, Cancelled, Timed Out, Refunded, Owed
    paid: bool
    receipt: str
    payable: bool  # may the client pay now?
    live: Payment | None  # on its way
    attempts: Sequence[Payment]  # oldest first


def visible_to(user: User) -> "QuerySet[Booking]":
    """Those of the client, of the therapist, or all for staff; of the current environment, with therapist, type, client."""
    raise NotImplementedError


def find(*, code: str, user: User) -> Booking:
    """Raises Refusal not_found (404), also where it is somebody else's."""
    raise NotImplementedError


def standings(*, bookings: Sequence[Booking], now: datetime) -> dict[int, Standing]:
    """By booking id, in one query."""
    raise NotImplementedError
