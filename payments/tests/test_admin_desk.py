"""The admin around payments: the first page, the inbox, calls, receipts, wallets; every look is in the trail."""

import json
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit.models import Entry
from audit.watched import LIVE_HEADER
from lib import clock
from payments import calls, chase, lifecycle, merchants
from payments.calls import Call
from payments.facts import Fact, Kind, Source
from payments.models import Callback, Exchange, LotRow, Merchant, Payment
from payments.tests import bodies, factories
from payments.tests.factories import later, lot, prompted, sent, tell
from wallet.models import Wallet

pytestmark = pytest.mark.django_db
LIST = "/admin/payments/payment/"
INBOX = "/admin/payments/callback/"
LOG = "/admin/payments/exchange/"


def staff(role: str) -> Client:
    client = Client()
    person = User.objects.create_user(f"staff-{role.lower()}@malipo.test", "x", role=role, name=f"The {role.title()}")
    client.force_login(person, backend="accounts.backends.RoleBackend")
    return client


def shown(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


@pytest.fixture
def payments() -> tuple[Payment, Payment]:
    """Two: one with an odd amount and a callback, one that was only called for; both of today."""
    now = clock.now()
    odd = tell(prompted(now=now), lot("UKL7RT61SV", 50_000), now=now)
    factories.callback(odd, bodies.success("ws_CO_1", receipt="UKL7RT61SV", phone="254712345678"), now=now)
    order = sent(now=now)
    made = [Call("STK_PUSH", '{"PhoneNumber": "254712345678"}', "<html>", 403, 12, "blocked")]
    lifecycle.finish(order=order, pushed=factories.acceptance(order), made=made, caller=calls.NOBODY, now=now)
    return odd, Payment.objects.get(pk=order.payment_id)


# --- The first page --------------------------------------------------------------------------------------------------


def tiles(page: str) -> dict[str, str]:
    return {words: number for number, words in re.findall(r"<strong>([0-9+]+)</strong> ([^<]+)</a>", page)}


@pytest.mark.requirement("REC-6", "ADM-7")
def test_the_first_page_says_what_needs_somebody(payments: tuple[Payment, Payment]) -> None:
    Callback.objects.update(state="STUCK")
    LotRow.objects.create(
        environment="sandbox", receipt="UKL0000001", amount_cents=100, source="C2B", shortcode="174379",
        recorded_at=clock.now(),
    )  # fmt: skip
    page = shown(staff("SUPPORT"), "/admin/")
    assert tiles(page) == {
        "payment to be looked at": "1",
        "callback that could not be processed": "1",
        "receipt that belongs to no payment": "1",
        "payer to whom KES 500 is owed": "1",
        "payment on its way": "1",
    }
    assert "0708 374 149" in page
    assert "TEST MODE" in page


@pytest.mark.requirement("ADM-7")
def test_in_production_no_test_numbers_are_offered(settings) -> None:  # type: ignore[no-untyped-def]
    fields = {name: getattr(settings.MPESA, name) for name in settings.MPESA.__slots__}
    settings.MPESA = settings.MPESA.__class__(**fields | {"environment": "production"})
    page = shown(staff("SUPPORT"), "/admin/")
    assert "0708 374 149" not in page
    assert "TEST MODE" not in page


@pytest.mark.requirement("REC-6")
def test_the_review_list_says_what_to_do(payments: tuple[Payment, Payment]) -> None:
    page = shown(staff("SUPPORT"), f"{LIST}?review=open")
    assert "Payments to be looked at" in page
    assert "Nothing was bought with it." in page
    assert payments[0].transaction_id in page
    assert payments[1].transaction_id not in page


def test_payments_on_their_way(payments: tuple[Payment, Payment]) -> None:
    page = shown(staff("SUPPORT"), f"{LIST}?live=yes&purpose=deposit")
    assert payments[1].transaction_id in page
    assert payments[0].transaction_id not in page


# --- Looking is recorded ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("SEC-6", "P69")
@pytest.mark.parametrize(
    ("address", "subject"),
    [
        (INBOX, "callback:list"),
        (LOG, "exchange:list"),
        ("/admin/payments/lotrow/", "lotrow:list"),
        ("/admin/wallet/wallet/", "wallet:list"),
        ("/admin/ledger/journal/", "journal:list"),
        ("/admin/ledger/ledgeraccount/", "ledgeraccount:list"),
    ],
)
def test_every_list_of_payment_data_is_watched(address: str, subject: str) -> None:
    shown(staff("SUPPORT"), address)
    assert Entry.objects.get(action="admin.viewed").subject == subject


@pytest.mark.requirement("SEC-6", "ADM-5")
@pytest.mark.usefixtures("clock_stands")
def test_a_live_list_is_one_look_a_minute_not_one_a_change() -> None:
    client = staff("SUPPORT")
    live = {LIVE_HEADER: "1"}
    for _ in range(3):
        client.get(LIST, headers=live)
    assert Entry.objects.filter(action="admin.viewed").count() == 1
    client.get(f"{LIST}?q=0712345678", headers=live)
    client.get(f"{LIST}?q=0712345678", headers=live)
    assert Entry.objects.filter(action="admin.viewed").count() == 2
    client.get(LIST)  # a person's own look is always one
    assert Entry.objects.filter(action="admin.viewed").count() == 3


@pytest.mark.requirement("SEC-4")
@pytest.mark.parametrize("model", ["callback", "exchange"])
def test_bodies_are_shown_masked(payments: tuple[Payment, Payment], model: str) -> None:
    row = Callback.objects.get() if model == "callback" else Exchange.objects.get(type="STK_PUSH")
    page = shown(staff("SUPPORT"), f"/admin/payments/{model}/{row.pk}/change/")
    assert "********5678" in page
    assert "254712345678" not in page


def test_what_cannot_be_opened_any_more_is_said() -> None:
    now = clock.now()
    row = Callback.objects.create(
        environment="sandbox", verdict="DOUBTFUL", body_sealed=b"not sealed by us", size=9, received_at=now, next_attempt_at=now
    )  # fmt: skip
    assert "cannot be opened any more" in shown(staff("SUPPORT"), f"{INBOX}{row.pk}/change/")


# --- Inbox and log ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("FEE-2", "ADM-1")
@pytest.mark.parametrize("address", [INBOX, LOG])
def test_found_by_what_names_the_payment(payments: tuple[Payment, Payment], address: str) -> None:
    payment = payments[0] if address == INBOX else payments[1]
    client = staff("SUPPORT")
    terms = [payment.transaction_id, payment.account_reference, factories.checkout_of(payment.pk)]
    for term in terms:
        assert payment.transaction_id in shown(client, f"{address}?q={term}").partition("<tbody>")[2]
    for term in ("TXN_NOT_THERE", "0799999999", "'"):
        assert "<tbody>" not in shown(client, f"{address}?q={term}")


def test_callbacks_are_found_by_address() -> None:
    factories.callback(None, b"{}", address="196.201.214.200")
    client = staff("SUPPORT")
    assert "<tbody>" in shown(client, f"{INBOX}?q=196.201.214.200")
    assert "<tbody>" not in shown(client, f"{INBOX}?q=10.0.0.1")


@pytest.mark.requirement("CB-6")
def test_stuck_callbacks_come_first_to_the_eye(payments: tuple[Payment, Payment]) -> None:
    client = staff("SUPPORT")
    assert "could not be processed</a>" not in shown(client, INBOX)
    Callback.objects.update(state="STUCK")
    assert "1 could not be processed</a>" in shown(client, INBOX)


@pytest.mark.requirement("TST-3", "SEC-4")
@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"Body": "\\ud800"}', "?"),
        (b'{"Body": "254712345678"}', "********5678"),
        (b"[" * 900 + b"7," * 30_000 + b"7" + b"]" * 900, "["),
        (b"\xff\xfe", "\ufffd"),
        (b"[" * 30_000, "["),
    ],
)
def test_whatever_came_can_be_looked_at(body: bytes, shown: str) -> None:
    row = factories.callback(None, body)
    page = staff("FINANCE").get(f"/admin/payments/callback/{row.pk}/change/")
    assert page.status_code == 200
    text = page.content.decode()
    assert shown in text.partition('<pre class="body">')[2]
    assert len(text) < 100_000
    assert "254712345678" not in text


@pytest.mark.requirement("CB-2", "CB-6")
def test_a_forged_callback_is_never_processed_again() -> None:
    row = factories.callback(None, b"{}", verdict="FORGED", state="DONE")
    fields = {"action": "process_again", "_selected_action": [row.pk]}
    answer = staff("FINANCE").post(INBOX, fields, follow=True)
    assert "Forged callbacks are never processed." in answer.content.decode()
    row.refresh_from_db()
    assert row.state == "DONE"


@pytest.mark.requirement("OPS-6")
@pytest.mark.parametrize("address", [INBOX, LOG, "/admin/payments/lotrow/", "/admin/wallet/wallet/"])
def test_longer_lists_cost_no_more_queries(address: str) -> None:
    client = staff("SUPPORT")
    now = clock.now()

    def more(count: int) -> None:
        for _ in range(count):
            payment = tell(prompted(now=now), lot(), now=now)
            factories.callback(payment, b"{}", now=now)
            made = [Call("STK_QUERY", "{}", "{}", 200, 3, "")]
            calls.store(made, environment="sandbox", payment_id=payment.pk, now=now)

    more(1)
    client.get(address)
    with CaptureQueriesContext(connection) as one:
        client.get(address)
    more(9)
    with CaptureQueriesContext(connection) as ten:
        client.get(address)
    assert len(ten) == len(one)


# --- Wallets ---------------------------------------------------------------------------------------------------------


def test_wallets_show_what_is_in_them() -> None:
    payment = tell(prompted(), lot())
    wallet = Wallet.objects.get(user=payment.payer)
    client = staff("SUPPORT")
    page = shown(client, f"/admin/wallet/wallet/?q={payment.payer.email}")
    assert "KES 1,000" in page
    assert f"wallet:{payment.payer_id}</a>" in page
    assert "KES 1,000" in shown(client, f"/admin/wallet/wallet/{wallet.pk}/change/")


# --- Asking M-Pesa ---------------------------------------------------------------------------------------------------


def ask(client: Client, payment: Payment) -> str:
    return client.post(f"{LIST}{payment.pk}/decide/ask/", follow=True).content.decode()


@pytest.mark.requirement("REC-6", "REC-1")
def test_a_person_has_mpesa_asked() -> None:
    payment = prompted(now=clock.now())
    client = staff("FINANCE")
    assert "M-Pesa is asked within seconds" in ask(client, payment)
    assert [asked.question.payment_id for asked in chase.claim(now=clock.now())] == [payment.pk]
    assert "asked within the last seconds" in ask(client, payment)
    assert Entry.objects.filter(action="payment.asked_by_hand").count() == 1


def test_what_cannot_be_asked_is_said() -> None:
    told = Fact(Kind.FAILED, Source.CALLBACK, code="2001", at=later(9))
    payment = tell(prompted(), told)
    client = staff("FINANCE")
    assert "M-Pesa cannot be asked about it" in ask(client, payment)
    assert "There is no such payment." in client.post(f"{LIST}0/decide/ask/", follow=True).content.decode()


def test_there_is_no_other_decision() -> None:
    answer = staff("FINANCE").post(f"{LIST}{prompted().pk}/decide/refund/", {"reason": "x"}, follow=True)
    assert "There is no such decision." in answer.content.decode()


# --- Merchants -------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("SEC-8", "ADM-3")
@pytest.mark.parametrize(("role", "tests", "edits"), [("SUPPORT", 0, 0), ("FINANCE", 1, 0), ("ADMIN", 1, 1)])
def test_who_may_test_and_who_may_edit(role: str, tests: int, edits: int) -> None:
    merchant = merchants.merchant_for(environment="sandbox", purpose="deposit")
    client = staff(role)
    address = f"/admin/payments/merchant/{merchant.pk}/change/"
    page = shown(client, address)
    assert page.count("Test the connection") == tests
    assert page.count('name="passkey"') == edits
    answer = client.post(address, {"name": "Mine", "passkey": "mine", "is_default": "on"})
    assert answer.status_code == (302 if edits else 403)
    assert (merchants.credentials(Merchant.objects.get()).passkey == "mine") is bool(edits)


@pytest.mark.requirement("ADM-3", "SEC-4")
def test_a_merchant_is_added_with_all_that_mpesa_asks_for() -> None:
    client = staff("ADMIN")
    address = "/admin/payments/merchant/add/"
    fields = {"environment": "production", "name": "Second", "kind": "PAY_BILL", "shortcode": "600100"}
    assert client.post(address, fields).content.decode().count("M-Pesa asks for it") == 3
    keys = {"consumer_key": "key-9", "consumer_secret": "secret-9", "passkey": "pass-9"}
    assert client.post(address, fields | keys).status_code == 302
    merchant = Merchant.objects.get(environment="production")
    assert merchants.credentials(merchant).consumer_secret == "secret-9"
    entry = Entry.objects.get(action="merchant.added")
    assert entry.data["credentials"] == ["consumer_key", "consumer_secret", "passkey"]
    assert "secret-9" not in json.dumps(entry.data)
