"""A payer's own history as a CSV file (DEP-2, ADM-2)."""

import csv
import io
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from audit.models import Entry
from lib import clock
from payments import reports
from payments.facts import Fact, Kind, Source
from payments.tests import factories
from payments.tests.factories import UserFactory, later

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.requirement("DEP-2"),
    pytest.mark.requirement("ADM-2"),
]
FILE = "/history/csv/"
CANCELLED = Fact(Kind.CANCELLED, Source.CALLBACK, code="1032")


def table(response: Any) -> list[dict[str, str]]:
    assert response.status_code == 200
    return list(csv.DictReader(io.StringIO(response.getvalue().decode("utf-8-sig"), newline="")))


def test_a_line_says_what_a_row_of_the_page_says(browser: Client, amina: User) -> None:
    payment = factories.prompted(amina)
    factories.tell(payment, factories.lot("UKL7RT61SV"), now=later(20))
    assert table(browser.get(FILE)) == [
        {
            "When": "2026-11-21T12:30:00+03:00", "What": "Deposit to your wallet", "Amount KES": "1000.00",
            "Received KES": "1000.00",
            "Status": "Paid", "Receipt": "UKL7RT61SV", "Phone": f"•••• {payment.phone_tail}",
            "Paid": "2026-11-21T12:30:20+03:00", "Transaction": payment.transaction_id,
        }
    ]  # fmt: skip


def test_what_came_stands_beside_what_was_asked_for(browser: Client, amina: User) -> None:
    """M-Pesa's statement has the other one; what has not come is not zero but empty."""
    factories.tell(factories.prompted(amina), factories.lot("UKL7RT61SV", cents=100_100), now=later(20))
    factories.started(amina, now=later(60))
    asked = [(row["Amount KES"], row["Received KES"]) for row in table(browser.get(FILE))]
    assert asked == [("1000.00", ""), ("1000.00", "1001.00")]
    assert "KES 1,001 came" in browser.get("/history/").content.decode()


@pytest.mark.requirement("SEC-1")
def test_only_their_own(browser: Client, amina: User) -> None:
    mine, _others = factories.started(amina), factories.started(UserFactory())
    answer = table(browser.get(f"{FILE}?payer={UserFactory().pk}&user_id=1&q=TXN"))
    assert [row["Transaction"] for row in answer] == [mine.transaction_id]


def test_it_is_filtered_as_the_page_is_and_has_all_pages(browser: Client, amina: User) -> None:
    for number in range(23):
        factories.tell(factories.prompted(amina, now=later(600 * number)), CANCELLED, now=later(600 * number + 20))
    live = factories.started(amina, now=later(90_000))
    assert len(table(browser.get(f"{FILE}?status=CANCELLED&page=2&limit=1"))) == 23
    assert [row["Transaction"] for row in table(browser.get(f"{FILE}?status=PENDING"))] == [live.transaction_id]
    assert table(browser.get(f"{FILE}?from=2999-01-01")) == []
    page = browser.get("/history/?status=CANCELLED&page=2").content.decode()
    assert f'href="{FILE}?status=CANCELLED"' in page


@pytest.mark.parametrize("asked", ["status=NONSENSE", "from=yesterday", "from=2026-11-21&to=2026-11-20"])
def test_a_wrong_filter_is_said_instead_of_a_file(browser: Client, asked: str) -> None:
    response = browser.get(f"{FILE}?{asked}")
    assert response.status_code == 400
    assert "Nothing was downloaded" in response.content.decode()
    assert not Entry.objects.filter(action="report.begun").exists()


@pytest.mark.requirement("SEC-6")
def test_the_trail_has_it(browser: Client, amina: User) -> None:
    browser.get(f"{FILE}?status=PENDING").getvalue()
    begun = Entry.objects.get(action="report.begun")
    assert (begun.actor, begun.subject, begun.data) == (f"user:{amina.pk}", f"user:{amina.pk}", {"status": "PENDING"})


def test_one_at_a_time(browser: Client, amina: User) -> None:
    first = browser.get(FILE)
    refused = browser.get(FILE)
    assert (refused.status_code, refused["Retry-After"]) == (429, "10")
    assert reports.BUSY_YOURSELF in refused.content.decode()
    first.getvalue()
    assert browser.get(FILE).getvalue()


@pytest.mark.usefixtures("clock_stands")
def test_the_file_has_a_name_and_nobody_keeps_it(browser: Client) -> None:
    response = browser.get(f"{FILE}?status=PENDING&from=2026-11-01")
    day = f"{clock.now().astimezone(clock.EAT):%Y%m%d}"
    assert f'filename="history-sandbox-pending-2026-11-01-made-{day}-' in response["Content-Disposition"]
    assert "no-store" in response["Cache-Control"]
    response.getvalue()


def test_nobody_is_sent_to_log_in_and_nothing_is_posted(browser: Client, client: Client) -> None:
    assert browser.post(FILE).status_code == 405
    assert Client().get(FILE)["Location"].startswith("/log-in/")
