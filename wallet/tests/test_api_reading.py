"""DEP-3, DEP-5: status, history and wallet by the API, from our own record."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from payments import lifecycle
from payments.facts import Fact, Kind, Source
from payments.models import Payment
from payments.payable import payable
from payments.tests import factories
from payments.tests.factories import AT, later
from wallet.tests.test_api import program, refusal

pytestmark = pytest.mark.django_db
HISTORY = "/api/deposits/history"


@pytest.fixture
def api(amina: User) -> Client:
    return program(amina)


def status_of(api: Client, payment: Payment) -> dict[str, Any]:
    answer = api.get(f"/api/deposits/status/{payment.transaction_id}")
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    return answer.json()["transaction"]


def fact(kind: Kind, code: str = "", source: Source = Source.CALLBACK) -> Fact:
    return Fact(kind, source, code=code)


# --- Status ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("DEP-3")
@pytest.mark.requirement("PAY-1")
def test_a_deposit_that_was_paid(api: Client, amina: User) -> None:
    payment = factories.prompted(amina, phone="254712345678", description="WealthRise Deposit")
    factories.tell(payment, factories.lot("UKL7RT61SV"), now=later(20))
    assert status_of(api, payment) == {
        "transactionId": payment.transaction_id,
        "checkoutRequestId": factories.checkout_of(payment.pk),
        "status": "COMPLETED",
        "amount": 1000,
        "currency": "KES",
        "phoneNumber": "*********678",
        "description": "WealthRise Deposit",
        "mpesaReceiptNumber": "UKL7RT61SV",
        "message": "KES 1,000 is in your wallet. There is nothing more to do.",
        "resultDesc": "KES 1,000 is in your wallet.",
        "retryCount": 0,
        "maxRetries": 6,
        "lastRetryAt": None,
        "initiatedAt": "2026-11-21T09:30:00Z",
        "completedAt": "2026-11-21T09:30:20Z",
        "failedAt": None,
        "timedOutAt": None,
    }


@pytest.mark.requirement("DEP-3")
def test_a_deposit_that_is_on_its_way(api: Client, amina: User) -> None:
    shown = status_of(api, factories.started(amina))
    assert (shown["status"], shown["checkoutRequestId"], shown["mpesaReceiptNumber"]) == ("PENDING", None, None)
    assert (shown["resultDesc"], shown["completedAt"], shown["failedAt"]) == (None, None, None)


@pytest.mark.requirement("STK-10")
@pytest.mark.parametrize(
    ("news", "status", "words"),
    [
        (fact(Kind.CANCELLED, "1032"), "CANCELLED", "was cancelled"),
        (fact(Kind.FAILED, "1"), "FAILED", "There was not enough money"),
        (fact(Kind.FAILED, "2001"), "FAILED", "PIN"),
    ],
)
def test_how_it_ended_is_said_in_words(api: Client, amina: User, news: Fact, status: str, words: str) -> None:
    payment = factories.tell(factories.prompted(amina), news)
    shown = status_of(api, payment)
    assert shown["status"] == status
    assert words in shown["resultDesc"]
    assert shown["message"].startswith(shown["resultDesc"])
    assert len(shown["message"]) > len(shown["resultDesc"])
    assert shown["failedAt"] is not None


@pytest.mark.requirement("REC-2")
def test_timed_out_is_told_while_it_may_still_be_paid(api: Client, amina: User) -> None:
    payment = factories.prompted(amina)
    lifecycle.pass_time(payment_ids=[payment.pk], now=later(121))
    shown = status_of(api, payment)
    assert (shown["status"], shown["timedOutAt"]) == ("PENDING", "2026-11-21T09:32:01Z")
    assert "Check your M-Pesa messages" in shown["message"]
    lifecycle.pass_time(payment_ids=[payment.pk], now=later(301))
    assert status_of(api, payment)["status"] == "EXPIRED"


@pytest.mark.requirement("STK-8")
def test_tries_are_counted(api: Client, amina: User) -> None:
    first = factories.sent(factories.started(amina))
    factories.answered(first, factories.refusal(first, passing=True))
    again = factories.sent(Payment.objects.get(pk=first.payment_id), now=later(1))
    factories.answered(again, factories.acceptance(again), now=later(1))
    shown = status_of(api, Payment.objects.get(pk=first.payment_id))
    assert (shown["retryCount"], shown["maxRetries"], shown["lastRetryAt"]) == (1, 6, "2026-11-21T09:30:01Z")


@pytest.mark.requirement("SEC-1")
@pytest.mark.requirement("TST-3")
@pytest.mark.parametrize("known", [True, False])
def test_other_peoples_deposits_are_not_there(api: Client, known: bool) -> None:
    transaction_id = factories.prompted().transaction_id if known else "TXN_0"
    answer = api.get(f"/api/deposits/status/{transaction_id}")
    assert refusal(answer) == (404, "not_found")
    assert answer.json()["message"] == "You have no deposit with this id."


@pytest.mark.requirement("SEC-1")
def test_staff_read_other_peoples_in_the_admin_not_here(amina: User) -> None:
    admin = User.objects.create_superuser("admin@malipo.test")
    payment = factories.prompted(amina)
    assert program(admin).get(f"/api/deposits/status/{payment.transaction_id}").status_code == 404


@pytest.mark.requirement("TST-3")
@pytest.mark.parametrize("text", ["%00", "TXN_%00", "'%20OR%201=1", "x" * 3000, "%ff%fe", "%F0%9F%98%80", "..", "%0a"])
def test_any_text_may_be_asked_for(api: Client, text: str) -> None:
    assert api.get(f"/api/deposits/status/{text}").status_code in {400, 404}


# --- History ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def some(amina: User) -> list[Payment]:
    """One of each end, a day apart, and somebody else's."""
    ends = [
        factories.lot(),
        fact(Kind.FAILED, "1"),
        fact(Kind.CANCELLED, "1032"),
        fact(Kind.CLOSED, "SILENT", Source.CLOCK),
    ]
    payments = []
    for day, end in enumerate(ends):
        payment = factories.prompted(amina, now=AT + timedelta(days=day))
        payments.append(factories.tell(payment, end, now=AT + timedelta(days=day)))
    payments.append(factories.prompted(amina, now=AT + timedelta(days=4)))
    factories.prompted()
    return payments


def ids(answer: HttpResponse) -> list[str]:
    assert answer.status_code == 200
    return [one["transactionId"] for one in answer.json()["transactions"]]


@pytest.mark.requirement("DEP-3")
def test_newest_first_in_pages(api: Client, some: list[Payment]) -> None:
    newest_first = [payment.transaction_id for payment in reversed(some)]
    body = api.get(HISTORY).json()
    assert (body["success"], body["page"], body["pages"], body["total"]) == (True, 1, 1, 5)
    assert ids(api.get(HISTORY)) == newest_first
    assert ids(api.get(f"{HISTORY}?limit=2&page=2")) == newest_first[2:4]
    assert api.get(f"{HISTORY}?limit=2&page=99").json()["page"] == 3


@pytest.mark.requirement("DEP-3")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=PENDING", [4]),
        ("status=completed", [0]),
        ("status=FAILED", [1]),
        ("status=CANCELLED", [2]),
        ("status=EXPIRED", [3]),
        ("from=2026-11-23", [4, 3, 2]),
        ("to=2026-11-22", [1, 0]),
        ("from=2026-11-22&to=2026-11-22", [1]),
        ("from=2026-11-22&to=2026-11-22&status=COMPLETED", []),
    ],
)
def test_filters(api: Client, some: list[Payment], query: str, found: list[int]) -> None:
    assert ids(api.get(f"{HISTORY}?{query}")) == [some[n].transaction_id for n in found]


@pytest.mark.requirement("DEP-3")
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=PAID", "status"),
        ("from=yesterday", "from"),
        ("to=2026-13-01", "to"),
        ("from=0001-01-01", "from"),
        ("from=2026-11-23&to=2026-11-22", "to"),
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=99999999999999999999", "page"),
        ("page=١", "page"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
    ],
)
def test_a_wrong_filter_is_said(api: Client, query: str, field: str) -> None:
    answer = api.get(f"{HISTORY}?{query}")
    assert refusal(answer) == (400, "invalid_filter")
    assert list(answer.json()["errors"]) == [field]


@pytest.mark.requirement("OPS-6")
def test_many_cost_as_many_queries_as_one(api: Client, amina: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            answer = api.get(f"{HISTORY}?limit=100")
        assert answer.status_code == 200
        return len(asked)

    payable("deposit")
    factories.tell(factories.prompted(amina), factories.lot())
    one = queries()
    for day in range(1, 30):
        factories.tell(factories.prompted(amina, now=AT + timedelta(days=day)), factories.lot())
    assert queries() == one <= 8


# --- Wallet ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("DEP-5")
def test_the_balance_is_a_number_of_shillings(api: Client, amina: User) -> None:
    assert api.get("/api/wallet").json() == {"balance": 0, "currency": "KES"}
    factories.tell(factories.prompted(amina, amount=2500), factories.lot(cents=250_000))
    factories.tell(factories.prompted(), factories.lot())
    assert api.get("/api/wallet").json() == {"balance": 2500, "currency": "KES"}
