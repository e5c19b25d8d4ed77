"""Home, wallet and history: what a payer has, and what happened to it."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from payments.facts import Fact, Kind, Source
from payments.models import Payment
from payments.tests import factories
from payments.tests.factories import AT, UserFactory, later
from wallet.tests.reading import text_of

FAILED = Fact(Kind.FAILED, Source.CALLBACK, code="1")
CANCELLED = Fact(Kind.CANCELLED, Source.CALLBACK, code="1032")


def paid(payer: User, *, now: datetime = AT, receipt: str = "", amount: int = 1000) -> Payment:
    payment = factories.prompted(payer, now=now, amount=amount)
    return factories.tell(payment, factories.lot(receipt, amount * 100), now=now + timedelta(seconds=20))


def ended(payer: User, fact: Fact, *, now: datetime = AT) -> Payment:
    return factories.tell(factories.prompted(payer, now=now), fact, now=now + timedelta(seconds=20))


def rows_of(page: str) -> list[str]:
    return re.findall(r"<tr>\s*<td.*?</tr>", page, re.DOTALL)


@pytest.fixture
def shown(browser: Client) -> Callable[[str], list[str]]:
    """The rows of the history for a query, by their address."""

    def read(query: str = "") -> list[str]:
        page = browser.get(f"/history/{query}")
        assert page.status_code == 200
        return re.findall(r'href="/payments/(TXN_\w+)/"', page.content.decode())

    return read


# --- History ---


@pytest.mark.requirement("DEP-2")
def test_nothing_yet_says_what_to_do(browser: Client) -> None:
    words = text_of(browser.get("/history/"))
    assert "No payments yet" in words
    assert "Make a deposit" in words


@pytest.mark.requirement("DEP-2")
def test_a_row_says_when_what_how_much_how_and_the_receipt(browser: Client, amina: User) -> None:
    paid(amina, receipt="UKL7RT61SV")
    (row,) = rows_of(browser.get("/history/").content.decode())
    for words in ("12:30", "Deposit to your wallet", "KES 1,000", "Paid", "UKL7RT61SV"):
        assert words in row


@pytest.mark.requirement("DEP-2")
def test_a_row_leads_to_its_details_and_without_javascript_to_its_page(browser: Client, amina: User) -> None:
    payment = paid(amina)
    page = browser.get("/history/").content.decode()
    address = f"/payments/{payment.transaction_id}/"
    assert f'<a href="{address}" data-details>' in page
    assert '<dialog class="dialog" id="details"' in page


@pytest.mark.requirement("SEC-1")
def test_only_ones_own_are_listed(shown, amina: User) -> None:
    mine = paid(amina)
    paid(UserFactory())
    assert shown() == [mine.transaction_id]


@pytest.mark.requirement("LED-4")
def test_only_the_current_environment_is_listed(shown, amina: User, settings) -> None:
    paid(amina)
    settings.MPESA = replace(settings.MPESA, environment="production")
    assert shown() == []


@pytest.mark.requirement("DEP-2")
def test_newest_first_and_by_status(shown, amina: User) -> None:
    first = paid(amina, now=AT)
    second = ended(amina, FAILED, now=later(100))
    third = ended(amina, CANCELLED, now=later(200))
    fourth = factories.prompted(amina, now=later(300))
    ids = [row.transaction_id for row in (fourth, third, second, first)]
    assert shown() == ids
    assert shown("?status=COMPLETED") == ids[3:]
    assert shown("?status=FAILED") == ids[2:3]
    assert shown("?status=CANCELLED") == ids[1:2]
    assert shown("?status=PENDING") == ids[:1]
    assert shown("?status=EXPIRED") == []


@pytest.mark.requirement("DEP-2")
def test_by_days_of_east_africa_both_included(shown, amina: User) -> None:
    late = ended(amina, FAILED, now=datetime(2026, 11, 20, 20, 59, tzinfo=UTC))  # 23:59 in Nairobi
    early = ended(amina, FAILED, now=datetime(2026, 11, 20, 21, 0, tzinfo=UTC))  # 00:00 of the 21st
    assert shown("?from=2026-11-21") == [early.transaction_id]
    assert shown("?to=2026-11-20") == [late.transaction_id]
    assert shown("?from=2026-11-20&to=2026-11-21") == [early.transaction_id, late.transaction_id]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?from=yesterday", "Write the day as YYYY-MM-DD."),
        ("?to=2026-13-01", "Write the day as YYYY-MM-DD."),
        ("?from=0001-01-01", "Write the day as YYYY-MM-DD."),
        ("?from=2026-11-21&to=2026-11-20", "The last day comes before the first."),
        ("?status=WAT", "Choose one of"),
        ("?from=1&to=<script>", "Write the day as YYYY-MM-DD."),
    ],
)
def test_wrong_filters_are_said_and_everything_is_shown(browser: Client, amina: User, query: str, words: str) -> None:
    payment = paid(amina)
    answer = browser.get(f"/history/{query}")
    assert answer.status_code == 200
    assert words in text_of(answer)
    assert payment.transaction_id in answer.content.decode()
    assert "<script>" not in answer.content.decode()


def test_a_filter_without_matches_offers_everything(browser: Client, amina: User) -> None:
    paid(amina)
    assert "Nothing matches" in text_of(browser.get("/history/?status=FAILED"))


@pytest.mark.requirement("DEP-2")
def test_pages_keep_the_filter_and_end_where_the_list_ends(browser: Client, shown, amina: User) -> None:
    for n in range(21):
        ended(amina, FAILED, now=later(100 * n))
    assert len(shown("?status=FAILED")) == 20
    assert len(shown("?status=FAILED&page=2")) == 1
    assert shown("?status=FAILED&page=999") == shown("?status=FAILED&page=2")
    page = browser.get("/history/?status=FAILED").content.decode()
    assert "status=FAILED&amp;page=2" in page
    for page_number in ("0", "-1", "x", "9" * 40):
        assert browser.get(f"/history/?page={page_number}").status_code == 200


@pytest.mark.requirement("OPS-6")
@pytest.mark.parametrize("address", ["/history/", "/wallet/", "/"])
def test_queries_do_not_grow_with_the_rows(browser: Client, amina: User, address: str) -> None:
    paid(amina)
    with CaptureQueriesContext(connection) as few:
        browser.get(address)
    for n in range(1, 30):
        paid(amina, now=later(100 * n))
    with CaptureQueriesContext(connection) as many:
        browser.get(address)
    assert len(few) == len(many)
    assert len(many) <= 10


# --- Wallet ---


@pytest.mark.requirement("LED-2")
def test_the_wallet_shows_what_changed_it(browser: Client, amina: User) -> None:
    payment = paid(amina, receipt="UKL7RT61SV")
    paid(amina, now=later(100), amount=500)
    page = browser.get("/wallet/")
    assert "Balance KES 1,500" in text_of(page)
    second, first = rows_of(page.content.decode())
    for words in ("12:30", "Deposit", "+KES 1,000", "KES 0", "UKL7RT61SV", f"/payments/{payment.transaction_id}/"):
        assert words in first
    for words in ("+KES 500", "KES 1,000", "KES 1,500"):
        assert words in second


def test_an_empty_wallet_says_what_to_do(browser: Client) -> None:
    words = text_of(browser.get("/wallet/"))
    assert "Balance KES 0" in words
    assert "Make a deposit" in words


@pytest.mark.requirement("CB-7")
def test_money_that_is_owed_is_shown(browser: Client, amina: User) -> None:
    factories.tell(factories.prompted(amina), factories.lot(cents=90_000))
    words = text_of(browser.get("/wallet/"))
    assert "Balance KES 0" in words
    assert "KES 900 that you paid is kept for you" in words


@pytest.mark.parametrize("page", ["2", "999", "0", "x"])
def test_pages_of_the_wallet_end_where_it_ends(browser: Client, amina: User, page: str) -> None:
    paid(amina)
    assert len(rows_of(browser.get(f"/wallet/?page={page}").content.decode())) == 1


# --- Live parts, and home ---


@pytest.mark.requirement("RT-1")
@pytest.mark.parametrize("address", ["/wallet/", "/history/", "/"])
def test_pages_say_where_their_news_come_from(browser: Client, amina: User, address: str) -> None:
    paid(amina)
    page = browser.get(address).content.decode()
    assert 'data-socket="/ws/me/"' in page
    assert "js/live.js" in page
    (part,) = re.findall(r'data-live-part data-url="([^"]+)"', page)
    fetched = browser.get(part if part.startswith("/") else address + part).content.decode()
    assert "<html" not in fetched
    assert "KES 1,000" in fetched


def test_home_shows_the_balance_and_a_payment_in_progress(browser: Client, amina: User) -> None:
    paid(amina)
    living = factories.prompted(amina, now=later(100), amount=250)
    page = browser.get("/")
    assert "Balance KES 1,000" in text_of(page)
    assert "A payment of KES 250 is in progress." in text_of(page)
    assert f"/payments/{living.transaction_id}/" in page.content.decode()


@pytest.mark.requirement("SEC-1")
@pytest.mark.parametrize("address", ["/wallet/", "/history/", "/wallet/?part=card", "/history/?part=1"])
def test_a_visitor_logs_in_first(client: Client, db, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/log-in/?next=/")


@pytest.mark.parametrize("address", ["/wallet/", "/history/", "/deposit/", "/"])
def test_a_page_with_all_it_loads_is_under_60_kb(browser: Client, amina: User, address: str) -> None:
    for n in range(20):
        paid(amina, now=later(100 * n))
    page = browser.get(address).content.decode()
    loaded = set(re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js|svg))"', page))
    if "/static/js/live.js" in loaded:
        loaded |= {"/static/js/copy.js", "/static/js/countdown.js"}
    sizes = {one: len(b"".join(browser.get(one).streaming_content)) for one in loaded}
    assert len(page.encode()) + sum(sizes.values()) < 60_000, sizes
