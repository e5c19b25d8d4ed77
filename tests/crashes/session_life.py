"""A session's life around a death: booked, approved and paid for, in three days."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ledger import chart
from lib import clock
from sessions_booking import booking, reminders
from sessions_booking.models import Booking
from sessions_booking.tests import browsing, factories
from tests.crashes.life import SHILLINGS, Life, held


@dataclass
class SessionLife(Life):
    """Each has a therapist of its own."""

    starts_at: datetime = field(default_factory=lambda: browsing.ahead(3))
    code: str = ""

    def __post_init__(self) -> None:
        type = factories.session_type(shillings=SHILLINGS)
        row = factories.requested(type, by=self.payer, starts_at=self.starts_at, now=clock.now())
        self.code = factories.approved(row, now=clock.now()).code

    @property
    def order(self) -> dict[str, Any]:
        return {**super().order, "purpose": "session", "amount": None, "fields": {"sessionId": self.code}}

    @property
    def booking(self) -> Booking:
        return Booking.objects.get(code=self.code)

    def remind(self, *, after: float) -> None:
        reminders.remind_due(now=self.at(after))

    def release(self, *, after: float) -> None:
        booking.release_due(now=self.at(after))

    def prove_given(self, cents: int) -> None:
        """Its money is the only one that the business has earned since the session before."""
        assert self.booking.state == ("CONFIRMED" if cents else "APPROVED")
        assert self.booking.payment_id == (self.payment.pk if cents else None)
        assert held(chart.revenue("session")) == 100 * sum(round(float(row["amount"])) for row in self.m_pesa.books())
