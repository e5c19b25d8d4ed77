"""What the outbox calls for each topic (config/wiring.py): news become rows. Everything here is the database, so whatever
goes wrong was certainly not done, and is tried again."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from lib import clock
from notifications.announcing import announce_payment, announce_session
from outbox.errors import Refused

Payload = Mapping[str, Any]


class Announce(Protocol):
    def __call__(self, *, event: str, payload: Payload, now: datetime) -> None: ...


def _reaction(event: str, announce: Announce) -> Callable[[Payload], None]:
    def handler(payload: Payload) -> None:
        try:
            announce(event=event, payload=payload, now=clock.now())
        except Exception as error:
            raise Refused(f"{type(error).__name__}: {error}") from error

    return handler


session_requested = _reaction("session.requested", announce_session)
session_approved = _reaction("session.approved", announce_session)
session_declined = _reaction("session.declined", announce_session)
session_cancelled = _reaction("session.cancelled", announce_session)
session_rescheduled = _reaction("session.rescheduled", announce_session)
session_expired = _reaction("session.expired", announce_session)
session_confirmed = _reaction("session.confirmed", announce_session)
session_owed = _reaction("session.owed", announce_session)
session_reminder = _reaction("session.reminder", announce_session)
session_unanswered = _reaction("session.unanswered", announce_session)
payment_completed = _reaction("payment.completed", announce_payment)
payment_receipt = _reaction("payment.receipt", announce_payment)
payment_owed = _reaction("payment.owed", announce_payment)
payment_failed = _reaction("payment.failed", announce_payment)
payment_expired = _reaction("payment.expired", announce_payment)
payment_cancelled = _reaction("payment.cancelled", announce_payment)
