"""Sessions in the admin: who may look, finding, the payment beside each, cancelling for a reason, therapists' hours."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from accounts.roles import Role
from audit.models import Entry
from ledger import books, chart
from payments.tests.factories import UserFactory
from sessions_booking.admin.history import _LOOKS
from sessions_booking.models import Booking, HoursException, OpeningHours, Reminder, SessionType, Therapist
from sessions_booking.states import State
from sessions_booking.tests import factories

pytestmark = pytest.mark.django_db
LIST = "/admin/sessions_booking/booking/"
THERAPISTS = "/admin/sessions_booking/therapist/"


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(factories.AT, tick=True):
        yield


def signed_in(role: Role) -> Client:
    client = Client()
    client.force_login(UserFactory(role=role), backend="accounts.backends.RoleBackend")
    return client


def text(answer: HttpResponse) -> str:
    assert answer.status_code == 200
    return answer.content.decode()


def detail(row: Booking) -> str:
    return reverse("admin:sessions_booking_booking_change", args=[row.pk])


def paid(**given: Any) -> Booking:
    row = factories.approved(**given)
    factories.money(factories.prompted(row, phone="254712345678"), receipt="UKL7RT61SV")
    row.refresh_from_db()
    return row


# --- Who -------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("SEC-8")
@pytest.mark.parametrize(
    ("role", "status"), [("CLIENT", 302), ("THERAPIST", 302), ("SUPPORT", 200), ("FINANCE", 200), ("ADMIN", 200)]
)
@pytest.mark.parametrize("page", ["booking", "therapist", "reminder"])
def test_who_may_look(role: str, status: int, page: str) -> None:
    row = factories.approved()
    client = signed_in(Role(role))
    assert client.get(f"/admin/sessions_booking/{page}/").status_code == status
    pk = {"booking": row.pk, "therapist": row.therapist_id, "reminder": Reminder.objects.first().pk}[page]
    assert client.get(f"/admin/sessions_booking/{page}/{pk}/change/").status_code == status


@pytest.mark.requirement("SEC-6", "P69")
def test_looking_is_recorded() -> None:
    row = factories.approved()
    client = signed_in(Role.SUPPORT)
    client.get(f"{LIST}?q=0712345678")
    client.get(detail(row))
    entries = list(Entry.objects.filter(action="admin.viewed").order_by("id").values_list("subject", "data"))
    assert entries == [("booking:list", {"q": "********5678"}), (f"session:{row.code}", {})]


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.ADMIN])
def test_a_session_is_not_edited(role: Role) -> None:
    row = factories.approved()
    client = signed_in(role)
    assert client.post(detail(row), {"state": "COMPLETED"}).status_code == 403
    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(f"{detail(row).removesuffix('change/')}delete/", {"post": "yes"}).status_code == 403
    row.refresh_from_db()
    assert row.state == State.APPROVED


# --- The list --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("ADM-1", "SES-5")
def test_the_list_shows_the_payment_beside_each() -> None:
    row = paid(by=UserFactory(name="Amina Client"))
    page = text(signed_in(Role.SUPPORT).get(LIST))
    payment = row.client.payments.get()
    for words in (row.code, "Amina Client", "Tabitha Therapist", "Confirmed", "Paid", "UKL7RT61SV", "KES 2,500",
                  "Tue 24 Nov 2026 10:00", payment.transaction_id,
                  reverse("admin:payments_payment_change", args=[payment.pk])):  # fmt: skip
        assert words in page
    assert "254712345678" not in page


@pytest.mark.requirement("ADM-1", "P39")
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("q=UKL7RT61SV", True), ("q=ukl7rt61sv", True), ("q=0712 345 678", True), ("q=Amina", True), ("q=Client", True),
        ("q=amina@", True), ("q=Tabitha", True), ("q=tabby@", True), ("q=UKL7RT61XX", False), ("q=0799999999", False),
        ("q=' OR 1=1 --", False),  ("state=CONFIRMED", True), ("state=PENDING", False),
        ("state__exact=CONFIRMED", True), ("mode=production", False), ("from=2026-11-24&to=2026-11-24", True),
        ("from=2026-11-25", False), ("to=2026-11-23", False), ("from=nonsense&to=2026-99-99", True),
    ],
)  # fmt: skip
def test_search_and_filters(asked: str, found: bool) -> None:
    user = factories.TherapistUserFactory(email="tabby@malipo.test")
    row = paid(
        type=factories.session_type(factories.therapist(user=user)),
        by=UserFactory(name="Amina Client", email="amina@malipo.test"),
    )
    answer = signed_in(Role.SUPPORT).get(f"{LIST}?{asked}")
    assert (row.code in text(answer)) is found


def test_search_by_code_and_transaction() -> None:
    row, other = paid(), factories.requested()
    client = signed_in(Role.SUPPORT)
    for term in (row.code.lower(), row.client.payments.get().transaction_id):
        page = text(client.get(f"{LIST}?q={term}"))
        assert row.code in page
        assert other.code not in page


@pytest.mark.requirement("OPS-6")
def test_thirty_rows_cost_the_queries_of_one() -> None:
    type = factories.session_type()
    paid(type=type, starts_at=factories.at(1, 10))
    client = signed_in(Role.SUPPORT)
    addresses = (LIST, "/admin/sessions_booking/reminder/", THERAPISTS)

    def asked(address: str) -> tuple[int, str]:
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            page = text(client.get(address))
        return len(queries), page

    one = {address: asked(address)[0] for address in addresses}
    for number in range(29):
        factories.confirmed(type=factories.session_type(), starts_at=factories.at(2 + number, 10))
    for address in addresses:
        thirty, page = asked(address)
        assert page.count("action-checkbox") >= 30 or page.count('class="field-') >= 30
        assert thirty == one[address]


@pytest.mark.requirement("ADM-1", "P37", "P38", "P39")
def test_payments_show_and_find_the_therapist() -> None:
    user = factories.TherapistUserFactory(name="Tabitha Therapist", email="tabby@malipo.test")
    musa = factories.TherapistUserFactory(name="Musa Counsellor", email="musa@malipo.test")
    row = paid(type=factories.session_type(factories.therapist(user=user)), by=UserFactory(name="Amina Client"))
    payment = row.client.payments.get()
    other = factories.prompted(factories.approved(type=factories.session_type(factories.therapist("Musa", user=musa))))
    client = signed_in(Role.SUPPORT)
    page = text(client.get("/admin/payments/payment/"))
    for words in ("Amina Client", "Tabitha Therapist", "KES 2,500", "UKL7RT61SV"):
        assert words in page
    for asked in ("q=Tabitha+Therapist", "q=Therapist", "q=tabby@", "purpose=session&q=Amina"):
        page = text(client.get(f"/admin/payments/payment/?{asked}"))
        assert payment.transaction_id in page
        assert other.transaction_id not in page


# --- One session -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("ADM-1", "SEC-6", "P66")
def test_the_detail_tells_everything_that_happened() -> None:
    row = factories.approved(by=UserFactory(name="Amina Client"))
    factories.failure(factories.prompted(row), code="1")
    row = Booking.objects.get(pk=row.pk)
    factories.money(factories.prompted(row), receipt="UKL7RT61SV")
    page = text(signed_in(Role.SUPPORT).get(detail(row)))
    for words in ("Amina Client with Tabitha Therapist", "Requested", "Approved", "Confirmed", "Not paid", "UKL7RT61SV",
                  "Reminder 24h before", "Reminder 1h before", "Will be sent when its time comes", "KES 2,500"):  # fmt: skip
        assert words in page
    assert page.count("Asked •••• ") == 2
    assert "Cancel the session" not in page


def test_every_act_has_its_look() -> None:
    said = {"requested", "approved", "declined", "cancelled", "rescheduled", "expired", "confirmed", "completed"}
    assert set(_LOOKS) == said


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.FINANCE])
def test_only_an_admin_cancels(role: Role) -> None:
    row = factories.approved()
    address = reverse("admin:sessions_booking_booking_cancel", args=[row.pk])
    assert signed_in(role).post(address, {"reason": "x"}).status_code == 403
    assert signed_in(Role.THERAPIST).post(address, {"reason": "x"}).status_code == 302
    assert signed_in(Role.ADMIN).get(address).status_code == 405
    row.refresh_from_db()
    assert row.state == State.APPROVED


@pytest.mark.requirement("SES-2")
def test_an_admin_cancels_a_paid_session_for_a_reason() -> None:
    row = paid()
    admin = signed_in(Role.ADMIN)
    assert "It is paid: KES 2,500 will be owed to the client" in text(admin.get(detail(row)))
    address = reverse("admin:sessions_booking_booking_cancel", args=[row.pk])
    assert "Please say why" in text(admin.post(address, {"reason": " "}, follow=True))
    assert "Cancelled. Its client" in text(admin.post(address, {"reason": "The therapist fell ill\x00"}, follow=True))
    row.refresh_from_db()
    assert (row.state, row.ended_by, row.reason) == (State.CANCELLED, "staff", "The therapist fell ill")
    assert books.balance(environment="sandbox", code=chart.owed(row.client_id)) == 250_000
    page = text(admin.post(address, {"reason": "again"}, follow=True))
    assert "This session is Cancelled" in page
    assert "Kept for the client" in page
    assert "Cancel the session" not in page


@pytest.mark.parametrize("address", [f"{LIST}0/cancel/", f"{LIST}{2**40}/cancel/"])
def test_cancelling_nothing(address: str) -> None:
    assert signed_in(Role.ADMIN).post(address, {"reason": "x"}).status_code == 404


# --- Therapists ------------------------------------------------------------------------------------------------------


def form(rows: dict[str, list[dict[str, object]]], *, initial: dict[str, int] | None = None, **fields: object) -> Any:
    """What a browser posts: the therapist's fields and the rows of each inline."""
    sent = {
        "name": "Tabitha Therapist",
        "title": "",
        "bio": "",
        "specialties": "Couples,Sleep",
        "listed": "on",
        **fields,
    }
    for prefix in ("types", "hours", "exceptions"):
        made = rows.get(prefix, [])
        sent |= {f"{prefix}-TOTAL_FORMS": len(made), f"{prefix}-INITIAL_FORMS": (initial or {}).get(prefix, 0)}
        for number, row in enumerate(made):
            sent |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return sent


def new_therapist() -> User:
    user: User = factories.TherapistUserFactory()
    return user


WHOLE = {
    "types": [{"name": "Session", "minutes": 50, "price": 2500, "offered": "on"}],
    "hours": [{"weekday": 0, "opens": "09:00", "closes": "17:00"}],
    "exceptions": [
        {"kind": "CLOSED", "starts_at": "2026-12-24T00:00", "ends_at": "2026-12-27T00:00", "note": ""}
    ],
}  # fmt: skip


def test_an_admin_adds_a_therapist_with_hours() -> None:
    user = new_therapist()
    answer = signed_in(Role.ADMIN).post(f"{THERAPISTS}add/", form(WHOLE, user=user.pk))
    assert answer.status_code == 302, answer.content.decode()
    row = Therapist.objects.get()
    assert (row.user, row.specialties) == (user, ["Couples", "Sleep"])
    assert SessionType.objects.get().price_cents == 250_000
    assert OpeningHours.objects.get().closes.hour == 17
    assert HoursException.objects.get().starts_at == factories.at(33, 0)  # midnight in Nairobi
    entry = Entry.objects.get(action="therapist.added")
    assert entry.subject == f"therapist:{row.pk}"
    assert entry.data["rows"] == ["sessiontype", "openinghours", "hoursexception"]


@pytest.mark.requirement("STK-2")
@pytest.mark.parametrize("price", [0, -1, 250_001, "2500.50", "x", ""])
def test_a_price_is_whole_shillings(price: object) -> None:
    rows = {"types": [{"name": "Session", "minutes": 50, "price": price, "offered": "on"}]}
    answer = signed_in(Role.ADMIN).post(f"{THERAPISTS}add/", form(rows, user=new_therapist().pk))
    assert answer.status_code == 200
    assert not Therapist.objects.exists()


@pytest.mark.parametrize(
    "rows",
    [
        {"hours": [{"weekday": 0, "opens": "17:00", "closes": "09:00"}]},
        {"hours": [{"weekday": 9, "opens": "09:00", "closes": "17:00"}]},
        {"hours": WHOLE["hours"] * 2},
        {"types": [{"name": "Session", "minutes": 10, "price": 100, "offered": "on"}]},
        {"types": WHOLE["types"] * 2},
    ],
)
def test_hours_and_types_that_cannot_be(rows: dict[str, Any]) -> None:
    answer = signed_in(Role.ADMIN).post(f"{THERAPISTS}add/", form(rows, user=new_therapist().pk))
    assert answer.status_code == 200
    assert not Therapist.objects.exists()


def test_a_price_is_changed_for_those_who_book_later() -> None:
    row = factories.requested()
    type = row.type
    page = f"{THERAPISTS}{row.therapist_id}/change/"
    admin = signed_in(Role.ADMIN)
    assert 'value="2500"' in text(admin.get(page))
    rows = {"types": [{"id": type.pk, "therapist": row.therapist_id, "name": type.name, "minutes": 60, "price": 3000}]}
    OpeningHours.objects.filter(therapist=row.therapist).delete()
    answer = admin.post(page, form(rows, initial={"types": 1}))
    assert answer.status_code == 302, answer.content.decode()
    type.refresh_from_db()
    row.refresh_from_db()
    assert (type.price_cents, type.offered, row.price_cents) == (300_000, False, 250_000)
    assert Entry.objects.get(action="therapist.changed").data["rows"] == ["sessiontype"]


def test_support_reads_therapists_and_changes_nothing() -> None:
    row = factories.session_type().therapist
    support = signed_in(Role.SUPPORT)
    page = text(support.get(f"{THERAPISTS}{row.pk}/change/"))
    assert "KES 2,500" in page
    assert 'name="_save"' not in page
    assert support.post(f"{THERAPISTS}{row.pk}/change/", form({}, name="Other")).status_code == 403
    assert support.get(f"{THERAPISTS}add/").status_code == 403
    assert signed_in(Role.ADMIN).post(f"{THERAPISTS}{row.pk}/delete/", {"post": "yes"}).status_code == 403
