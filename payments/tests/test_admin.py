"""The admin of payments: who may see what, finding, deciding, and that looking is recorded."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from audit.models import Entry
from ledger import books, chart
from lib import clock
from payments import inbox, lifecycle, merchants, sealing, starting
from payments.admin.search import people_named
from payments.facts import Fact, Kind, Lot, Source
from payments.lifecycle import News
from payments.models import Callback, Payment
from payments.providers import Pushed
from simulator.testing import running_simulator

pytestmark = pytest.mark.django_db
LIST = "/admin/payments/payment/"


def person(role: str, name: str = "") -> User:
    return User.objects.create_user(f"{name or role.lower()}@malipo.test", "x", role=role, name=name or role.title())


def signed_in(role: str) -> Client:
    client = Client()
    client.force_login(person(role, f"staff-{role.lower()}"), backend="accounts.backends.RoleBackend")
    return client


@pytest.fixture
def make() -> Callable[..., Payment]:
    def make(payer: User, phone: str = "254712345678", shillings: int = 500) -> Payment:
        order = starting.Start("deposit", payer.pk, phone, shillings)
        return Payment.objects.get(pk=starting.start(order=order, now=clock.now()).payment_id)

    return make


def prompted(payment: Payment, checkout: str = "ws_CO_1") -> None:
    order = lifecycle.begin(payment_id=payment.pk, now=clock.now())
    assert order is not None
    fact = Fact(
        Kind.ACCEPTED,
        Source.PUSH,
        1,
        checkout_hash=sealing.checkout_hash(checkout),
        checkout_id=checkout,
        at=clock.now(),
    )
    lifecycle.finish(order=order, pushed=Pushed((fact,)), made=[], caller=lifecycle.calls.NOBODY, now=clock.now())


def paid(payment: Payment, receipt: str = "UKL7RT61SV", cents: int | None = None) -> None:
    lot = Lot(receipt, cents or payment.amount_cents, Source.CALLBACK)
    lifecycle.apply(news=[News(payment.pk, lots=(lot,))], now=clock.now())


def decide(client: Client, payment: Payment, what: str, **fields: object) -> str:
    address = reverse("admin:payments_payment_decide", args=[payment.pk, what])
    return client.post(address, fields, follow=True).content.decode()


@pytest.mark.requirement("SEC-8", "P50")
@pytest.mark.parametrize(
    ("role", "status"), [("CLIENT", 302), ("THERAPIST", 302), ("SUPPORT", 200), ("FINANCE", 200), ("ADMIN", 200)]
)
@pytest.mark.parametrize("page", ["payment", "callback", "exchange", "lotrow", "merchant"])
def test_who_may_look(role: str, status: int, page: str) -> None:
    assert signed_in(role).get(f"/admin/payments/{page}/").status_code == status


@pytest.mark.requirement("ADM-1", "P37", "P38", "P43")
def test_the_list_shows_what_is_asked_for(make: Callable[..., Payment]) -> None:
    payment = make(person("CLIENT", "wanjiku"))
    prompted(payment)
    failed = Fact(Kind.FAILED, Source.CALLBACK, code="2001", text="The initiator information is invalid.")
    lifecycle.apply(news=[News(payment.pk, facts=(failed,))], now=clock.now())
    page = signed_in("SUPPORT").get(LIST).content.decode()
    for words in ("KES 500", "wanjiku", payment.transaction_id, "2001", "The initiator information is invalid."):
        assert words in page
    assert "254712345678" not in page


@pytest.mark.requirement("ADM-1", "P39", "OPS-6")
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("q=UKL7RT61SV", True),
        ("q=ukl7rt61sv", True),
        ("q=0712 345 678", True),
        ("q=%2B254712345678", True),
        ("q=ws_CO_77", True),
        ("q=wanjiku@", True),
        ("q=Wanji", True),
        ("q=UKL7RT61XX", False),
        ("q=0799999999", False),
        ("q=' OR 1=1 --", False),
        ("mode=production", False),
        ("status=COMPLETED", True),
        ("status=FAILED", False),
        ("from=2000-01-01&to=2999-12-31", True),
        ("from=2999-01-01", False),
        ("from=nonsense&to=2026-99-99", True),
        ("review=open", False),
    ],
)
def test_search_and_filters(make: Callable[..., Payment], asked: str, found: bool) -> None:
    payment = make(person("CLIENT", "wanjiku"))
    prompted(payment, "ws_CO_77")
    paid(payment)
    answer = signed_in("SUPPORT").get(f"{LIST}?{asked}")
    assert answer.status_code == 200
    assert (payment.transaction_id in answer.content.decode()) is found


def test_search_by_transaction_id(make: Callable[..., Payment]) -> None:
    payment, other = make(person("CLIENT", "a1")), make(person("CLIENT", "b1"), "254712345679")
    page = signed_in("SUPPORT").get(f"{LIST}?q={payment.transaction_id.lower()}").content.decode()
    assert payment.transaction_id in page
    assert other.transaction_id not in page


@pytest.mark.requirement("OPS-6")
def test_thirty_rows_cost_the_queries_of_one(make: Callable[..., Payment]) -> None:
    client = signed_in("SUPPORT")
    make(person("CLIENT", "first"))
    client.get(LIST)
    with CaptureQueriesContext(connection) as one:
        client.get(LIST)
    for number in range(29):
        make(person("CLIENT", f"more{number}"), f"2547000001{number:02d}")
    with CaptureQueriesContext(connection) as thirty:
        page = client.get(LIST).content.decode()
    assert page.count("TXN_") >= 30
    assert len(thirty) == len(one)


@pytest.mark.requirement("SEC-6", "P69")
def test_looking_is_recorded(make: Callable[..., Payment]) -> None:
    payment = make(person("CLIENT", "seen"))
    client = signed_in("SUPPORT")
    client.get(f"{LIST}?q=0712345678")
    client.get(f"{LIST}{payment.pk}/change/")
    entries = list(Entry.objects.filter(action="admin.viewed").order_by("id").values_list("subject", "data"))
    assert entries == [("payment:list", {"q": "********5678"}), (f"payment:{payment.transaction_id}", {})]


@pytest.mark.requirement("ADM-1", "CB-4", "P42")
def test_the_detail_says_why_and_shows_the_timeline(make: Callable[..., Payment]) -> None:
    payment = make(person("CLIENT", "why"))
    prompted(payment)
    paid(payment, cents=49_900)
    page = signed_in("SUPPORT").get(f"{LIST}{payment.pk}/change/").content.decode()
    for words in (
        "receipt UKL7RT61SV of KES 499",
        "owed to the payer",
        "Another amount than was asked",
        "Push 1 was accepted",
        "credit owed:",
    ):
        assert words in page
    assert "Record as paid" not in page


@pytest.mark.requirement("REC-6")
def test_finance_settles_with_a_reason(make: Callable[..., Payment]) -> None:
    payer = person("CLIENT", "settled")
    payment = make(payer)
    prompted(payment)
    finance = signed_in("FINANCE")
    assert "Say why" in decide(finance, payment, "paid", receipt="UKL7RT61SV", amount="500", reason=" ")
    assert "10 letters and digits" in decide(finance, payment, "paid", receipt="OAK", amount="500", reason="statement")
    assert "Recorded as paid" in decide(
        finance, payment, "paid", receipt="ukl7rt61sv", amount="500", reason="statement"
    )
    assert books.balance(environment="sandbox", code=chart.wallet(payer.pk)) == 50_000
    entry = Entry.objects.get(action="payment.person.answered")
    assert entry.data["reason"] == "statement"
    assert "M-Pesa moved money" in decide(finance, payment, "not-paid", reason="no")
    payment.refresh_from_db()
    assert payment.status == "COMPLETED"


@pytest.mark.requirement("REC-6")
def test_an_answer_takes_one_reason_off_the_list(make: Callable[..., Payment]) -> None:
    payment = make(person("CLIENT", "odd"))
    prompted(payment)
    paid(payment, cents=100)
    finance = signed_in("FINANCE")
    assert payment.transaction_id in finance.get(f"{LIST}?review=open").content.decode()
    assert "Taken off" in decide(finance, payment, "looked-at", key="ODD_AMOUNT:UKL7RT61SV", reason="refunded by hand")
    assert "not open" in decide(finance, payment, "looked-at", key="ODD_AMOUNT:UKL7RT61SV", reason="again")
    paid(payment, receipt="UKL7RT62AB", cents=100)
    payment.refresh_from_db()
    assert payment.reasons == ["ODD_AMOUNT:UKL7RT61SV,UKL7RT62AB", "SEVERAL_LOTS:2"]


@pytest.mark.requirement("SEC-8")
def test_support_may_not_settle(make: Callable[..., Payment]) -> None:
    payment = make(person("CLIENT", "kept"))
    address = reverse("admin:payments_payment_decide", args=[payment.pk, "close"])
    assert signed_in("SUPPORT").post(address, {"reason": "x"}).status_code == 403
    assert signed_in("FINANCE").get(address).status_code == 405
    payment.refresh_from_db()
    assert payment.status == "SENDING"


@pytest.mark.requirement("CB-6")
def test_a_stuck_callback_is_processed_again(make: Callable[..., Payment]) -> None:
    payment = make(person("CLIENT", "stuck"))
    prompted(payment)
    past = clock.now() - timedelta(minutes=1)
    row = Callback.objects.create(
        environment="sandbox", payment_id=payment.pk, verdict="TRUSTED", body_sealed=sealing.seal(b"{}", context="exchange"),
        size=2, received_at=past, next_attempt_at=past, state="STUCK", attempts=4, error="it broke",
    )  # fmt: skip
    fields = {"action": "process_again", "_selected_action": [row.pk]}
    signed_in("SUPPORT").post("/admin/payments/callback/", fields)
    row.refresh_from_db()
    assert row.state == "STUCK"
    signed_in("FINANCE").post("/admin/payments/callback/", fields)
    assert inbox.drain(now=clock.now()) == 1
    row.refresh_from_db()
    assert row.state == "DONE"


@pytest.mark.requirement("ADM-3", "P41", "P45")
def test_connection_and_credentials(settings) -> None:  # type: ignore[no-untyped-def]
    merchant = merchants.merchant_for(environment="sandbox", purpose="deposit")
    admin = signed_in("ADMIN")
    page = f"/admin/payments/merchant/{merchant.pk}/"
    secret = merchants.credentials(merchant).consumer_secret
    assert secret not in admin.get(f"{page}change/").content.decode()
    fields = {"environment": "sandbox", "name": "New", "kind": "PAY_BILL", "is_default": "on", "purposes": ["deposit"]}
    admin.post(f"{page}change/", {**fields, "passkey": "fresh-passkey"})
    merchant.refresh_from_db()
    assert merchants.credentials(merchant).passkey == "fresh-passkey"
    assert merchants.credentials(merchant).consumer_secret == secret
    entry = Entry.objects.get(action="merchant.changed")
    assert entry.data == {"credentials": ["passkey"], "fields": ["name", "purposes"]}
    with running_simulator() as simulator:
        settings.MPESA = merchants.settings.MPESA.__class__(
            **{name: getattr(settings.MPESA, name) for name in settings.MPESA.__slots__} | {"base_url": simulator.url}
        )
        assert "Connected" in admin.post(f"{page}check/", follow=True).content.decode()
    assert "M-Pesa API connection failed" in admin.post(f"{page}check/", follow=True).content.decode()
    assert signed_in("SUPPORT").post(f"{page}check/").status_code == 403


@pytest.mark.requirement("ADM-1")
def test_people_are_found_by_the_beginning_of_any_word_of_their_name() -> None:
    person = User.objects.create_user("wanjiku@malipo.test", name="Grace Wanjikũ O'Brien-Otieno")
    for term in ("grace", "Wanj", "obri", "brien", "OTIE", "grace ot", person.email[:6]):
        found = people_named(term)
        assert (person.pk in found) == (term != "obri"), term
    assert people_named("race") == people_named("'; --") == []
