"""People of each role who log in, and things of theirs that an address or a body may name."""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from django.test import Client
from schemathesis.core.parameters import ParameterLocation

from accounts.models import User
from accounts.roles import Role
from lib import clock
from lib.clock import EAT
from payments.models import Payment
from payments.states import LIVE
from payments.tests import factories as paying
from sessions_booking.models import SessionType
from sessions_booking.tests import factories as sessions

PASSWORD = "a-long-password-of-theirs"
ROLES = [None, *Role]  # None: nobody


def _time(days: int, hour: int) -> datetime:
    day = clock.now().astimezone(EAT).date() + timedelta(days=days)
    return datetime.combine(day, time(hour), tzinfo=EAT)


@dataclass
class World:
    """A client, their therapist and staff; sessions and payments that stand in several ways."""

    people: dict[Role, User] = field(default_factory=dict)
    tokens: dict[str | None, str] = field(default_factory=lambda: {None: ""})
    sessions: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for role in Role:
            email = f"{role.lower()}@malipo.test"
            self.people[role] = User.objects.create_user(email, PASSWORD, role=role, name=role.label)
            self.tokens[role] = log_in(email)
        client = self.people[Role.CLIENT]
        self.type = sessions.session_type(sessions.therapist(user=self.people[Role.THERAPIST]), shillings=500)
        now = clock.now()
        asked = [sessions.requested(self.type, by=client, starts_at=_time(day, 10), now=now) for day in range(3, 7)]
        for row in asked[1:]:
            sessions.approved(row, now=now)
        sessions.confirmed(asked[2], now=now)
        self.sessions = [row.code for row in asked]
        paying.prompted(client, now=now)

    def names(self, pick: int) -> dict[str, Any]:
        """What there is for a name in an address or a body; `pick` says which of several."""
        payments = list(Payment.objects.order_by("-pk").values_list("transaction_id", flat=True)[:5])
        session = self.sessions[pick % len(self.sessions)]
        return {
            "transaction_id": payments[pick % len(payments)],
            "replace": payments[pick % len(payments)],
            "session_id": session,
            "sessionId": session,
            "therapist_id": self.type.therapist_id,
            "sessionTypeId": SessionType.objects.order_by("pk")[0].pk,
            "If-Match": "*",
            "startsAt": _time(7 + pick, 9 + pick % 8).isoformat(),
        }


def log_in(email: str) -> str:
    answer = Client().post("/api/auth/token", {"email": email, "password": PASSWORD}, "application/json")
    return f"Bearer {answer.json()['access']}"


def end_what_is_open() -> None:
    """The money comes for every payment that is on its way, so that its payer may start another."""
    for payment in Payment.objects.filter(status__in=LIVE):
        paying.tell(payment, paying.lot(cents=payment.amount_cents), now=clock.now())


def make_real(case: Any, names: dict[str, Any]) -> None:
    """A request that fits the description gets to name things that are there; one that is to be wrong stays so."""
    wrong = case.meta.is_negative_at
    if not wrong(ParameterLocation.PATH):
        _fill(case.path_parameters, names)
    if not wrong(ParameterLocation.QUERY):
        _fill(case.query, names)
    if not wrong(ParameterLocation.HEADER) and case.operation.method != "get":
        _fill(case.headers, names)
    if not wrong(ParameterLocation.BODY):
        _fill(case.body, names)


def _fill(given: object, names: dict[str, Any]) -> None:
    if isinstance(given, dict):
        given.update({name: value for name, value in names.items() if name in given})
