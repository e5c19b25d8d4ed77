"""The people of the table and the things it names: one of each, made through the doors of the product."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.test import Client
from django.test.client import ClientHandler
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts.models import User
from accounts.roles import Role
from audit import seal, trail
from lib import clock
from notifications.models import Audience, Channel, Notification, StoredMail
from payments import hooks
from payments.facts import Fact, Kind, Source
from payments.models import Exchange, Merchant, Payment
from payments.tests import bodies
from payments.tests import factories as paying
from sessions_booking.models import Booking, SessionType
from sessions_booking.tests import browsing
from sessions_booking.tests import factories as booked
from tests.access.reading import ROLES

PASSWORD = "a password of their own"
_KINDS = {"support": Role.SUPPORT, "finance": Role.FINANCE, "admin": Role.ADMIN}


@dataclass
class World:
    """`people` by role, `things` by the table's names for them: the values that stand in their addresses."""

    people: dict[str, User | None]
    things: dict[str, dict[str, Any]]
    sessions: dict[str, str]
    handler: ClientHandler = field(default_factory=lambda: ClientHandler(enforce_csrf_checks=False))

    def browser(self, role: str) -> Client:
        """A new one each time: an answer may have taken the cookie away."""
        client = self._asking()
        if self.sessions[role]:
            client.cookies["sessionid"] = self.sessions[role]
        return client

    def secrets(self) -> list[str]:
        """What tells of the client: ids, receipts, codes of sessions, the address, the phone in any form."""
        client = self.people["client"]
        assert client
        payments = Payment.objects.filter(payer=client)
        codes = Booking.objects.filter(client=client).values_list("code", flat=True)
        known = [text for pair in payments.values_list("transaction_id", "receipt") for text in pair]
        return [text for text in (*known, *codes, client.email, client.phone, client.phone[3:]) if text]

    def program(self, role: str) -> Client:
        user = self.people[role]
        headers = {"Authorization": f"Bearer {AccessToken.for_user(user)}"} if user else {}
        return self._asking(headers=headers)

    def _asking(self, **options: Any) -> Client:
        """All are answered by the same chain of middleware: a chain for each of thousands was a twentieth of the work."""
        client = Client(raise_request_exception=False, **options)
        client.handler = self.handler
        return client


def _session_of(user: User | None) -> str:
    client = Client()
    if user:
        client.force_login(user, backend="accounts.backends.RoleBackend")
    return client.cookies["sessionid"].value if user else ""


@contextmanager
def undone() -> Iterator[None]:
    """Whatever happens in here is rolled back, so that every role meets the same world."""
    block = transaction.atomic()
    block._from_testcase = True  # entry points may be outermost in here, as in a TestCase
    with block:
        yield
        transaction.set_rollback(True)


def made() -> World:
    people = {role: None if role == "nobody" else _person(role) for role in ROLES}
    type = _practice(people["therapist"])
    _practice(people["other therapist"])
    things = {"": {}, **_things(people, type), **_rest(people["client"])}
    return World(people, things, {role: _session_of(user) for role, user in people.items()})


def _person(role: str) -> User:
    kind = _KINDS.get(role, Role.THERAPIST if "therapist" in role else Role.CLIENT)
    email = f"the-{role.replace(' ', '-')}@malipo.test"
    user = User.objects.create_user(email, PASSWORD, name=role.title(), role=kind)
    user.set_phone(paying.new_phone())
    user.save(update_fields=User.PHONE_FIELDS)
    return user


def _practice(user: User | None) -> SessionType:
    row = booked.therapist(str(user), user=user)
    return booked.session_type(row)


def _things(people: dict[str, User | None], type: SessionType) -> dict[str, dict[str, Any]]:
    """All of the client's, with the therapist."""
    client, now = people["client"], clock.now()
    assert client
    before = now - timedelta(hours=1)
    failed = Fact(Kind.FAILED, Source.CALLBACK, code="1", at=before)
    deposit = paying.tell(paying.prompted(client, now=before), failed, now=before)
    rows = {
        "requested session": browsing.requested(type, client, browsing.ahead(3, 10)),
        "approved session": browsing.approved(type, client, browsing.ahead(3, 12)),
        "paid session": browsing.confirmed(type, client, browsing.ahead(3, 14)),
    }
    paid = Payment.objects.get(target_id=rows["paid session"].pk, purpose="session")
    return {
        "deposit": _payment(deposit),
        "session payment": _payment(paid),
        **{name: _booking(row) for name, row in rows.items()},
        "practice": {"therapist_id": type.therapist_id, "type_id": type.pk, "at": browsing.ahead(4, 10)},
    }


def _payment(row: Payment) -> dict[str, Any]:
    token = hooks.token(hooks.Hook("STK", row.environment, row.pk, 1))
    return {"transaction_id": row.transaction_id, "payment_id": row.pk, "token": token, "what": "not-paid"}


def _booking(row: Booking) -> dict[str, Any]:
    return {"code": row.code, "session_id": row.code, "booking_id": row.pk}


def _rest(client: User | None) -> dict[str, dict[str, Any]]:
    """What is told, links of mails, and what the admin shows beside payments and sessions."""
    assert client
    now = clock.now()
    told = Notification.objects.create(
        event="session.approved",
        key="access",
        recipient=client,
        audience=Audience.CLIENT,
        channel=Channel.IN_APP,
        booking=Booking.objects.filter(client=client).latest("pk"),
        data={"starts_at": browsing.ahead(3).isoformat()},
        created_at=now,
    )
    mail = StoredMail.objects.create(to=client.email, subject="Hello", text="Hello", html="<p>Hello</p>", at=now)
    _shown_in_the_admin()
    forgetful = _person("forgetful")
    uid = urlsafe_base64_encode(force_bytes(forgetful.pk))
    merchant = Merchant.objects.first()
    assert merchant
    return {
        "notification": {"id": told.pk},
        "mail": {"id": mail.pk},
        "any row": {"content_type_id": 1, "object_id": 1},
        "any room": {"app_label": "payments"},
        "no address": {"url": "nowhere/"},
        "merchant": {"merchant_id": merchant.pk},
        "reset link": {"uidb64": uid, "token": default_token_generator.make_token(forgetful)},
        "wrong link": {"uidb64": uid, "token": "c0ffee-0123456789abcdef"},
        "wrong token": {"token": "0" * hooks.TOKEN_LENGTH},
        "refresh token": {"refresh": str(RefreshToken.for_user(client))},
    }


def _shown_in_the_admin() -> None:
    """One row of each model that nothing above has made."""
    now = clock.now()
    paying.callback(None, bodies.failure("ws_CO_of_nobody"), now=now)
    Exchange.objects.create(environment="sandbox", type="TOKEN", created_at=now)
    AccessAttempt.objects.create(username="somebody", failures_since_start=1)
    AccessLog.objects.create(username="somebody")
    AccessFailureLog.objects.create(username="somebody")
    trail.record(action="access.walked", actor="system", subject="table", at=now)
    seal.seal_new(now=now)
