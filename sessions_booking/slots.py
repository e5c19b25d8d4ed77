"""Which times are free: a therapist's weekly hours in Nairobi, less exceptions and what is booked."""

from dataclasses import dataclass
from datetime import date, datetime

from sessions_booking.models import SessionType, Therapist

STEP_MINUTES = 30  # slots begin on this grid from the opening on
NOTICE_MINUTES = 60  # a session is booked at least so long before it starts
HORIZON_DAYS = 60


@dataclass(frozen=True, slots=True)
class Slot:
    """A free time, aware."""

    starts_at: datetime
    ends_at: datetime


def free_slots(*, type: SessionType, environment: str, first: date, days: int, now: datetime) -> list[Slot]:
    """In order of time, from the day `first` in Nairobi; a constant number of queries."""
    raise NotImplementedError


def is_free(*, type: SessionType, environment: str, starts_at: datetime, now: datetime, but: int | None = None) -> bool:
    """Is exactly this time offered? `but`: the id of a booking that does not count (it is being moved)."""
    raise NotImplementedError


def next_free(*, therapists: list[Therapist], environment: str, now: datetime) -> dict[int, datetime]:
    """The first free time of each, by therapist id; for the list of therapists."""
    raise NotImplementedError
