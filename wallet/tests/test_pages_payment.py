"""The page of one payment: live words, its parts, and what can be done there. Only the payer sees it."""

import re

import pytest
from django.contrib.auth import get_user
from django.test import Client
from django.urls import reverse

from accounts.models import User
from ledger import books, chart
from lib import clock
from payments import lifecycle
from payments.facts import Fact, Kind, Source
from payments.models import Payment
from payments.states import Status
from payments.tests import factories
from payments.tests.factories import UserFactory
from simulator.testing import Sim
from wallet.tests.reading import text_of

CANCELLED = Fact(Kind.CANCELLED, Source.CALLBACK, code="1032")
TOO_LITTLE = Fact(Kind.FAILED, Source.CALLBACK, code="1")
PAGES = ["payment", "status", "details"]


def at(name: str, payment: Payment) -> str:
    return reverse(f"payments:{name}", args=[payment.transaction_id])


@pytest.fixture
def prompted(amina: User) -> Payment:
    """On Amina's phone since just now."""
    return factories.prompted(amina, now=clock.now(), phone="254712345678")


@pytest.fixture
def silent(prompted: Payment) -> Payment:
    """For two minutes."""
    ago = clock.now() - factories.timedelta(seconds=125)
    Payment.objects.filter(pk=prompted.pk).update(last_submitted_at=ago, deadline_at=ago)
    lifecycle.pass_time(payment_ids=[prompted.pk], now=clock.now() - factories.timedelta(seconds=5))
    prompted.refresh_from_db()
    assert prompted.timed_out_at
    return prompted


# --- While it is on the phone ---


@pytest.mark.requirement("DEP-1")
@pytest.mark.requirement("RT-2")
@pytest.mark.requirement("P17")
def test_waiting_shows_words_steps_time_and_progress(browser: Client, prompted: Payment) -> None:
    answer = browser.get(at("payment", prompted))
    page, words = answer.content.decode(), text_of(answer)
    assert "Check your phone" in words
    assert "Unlock your phone Enter your M-Pesa PIN Wait here" in words
    assert 'role="progressbar"' in page
    assert 1 <= int(re.search(r'data-seconds="(\d+)"', page)[1]) <= 120
    assert 'aria-live="polite"' in page


@pytest.mark.requirement("RT-1")
def test_the_page_knows_where_its_news_come_from(browser: Client, prompted: Payment) -> None:
    page = browser.get(at("payment", prompted)).content.decode()
    assert f'data-socket="/ws/payments/{prompted.transaction_id}/"' in page
    assert f'data-url="{at("status", prompted)}"' in page
    assert 'data-live="yes"' in page


@pytest.mark.requirement("REC-3")
def test_without_javascript_the_page_comes_again_until_it_is_final(browser: Client, prompted: Payment) -> None:
    refresh = '<noscript><meta http-equiv="refresh" content="3"></noscript>'
    assert refresh in browser.get(at("payment", prompted)).content.decode()
    factories.tell(prompted, CANCELLED)
    page = browser.get(at("payment", prompted)).content.decode()
    assert refresh not in page
    assert 'data-live="no"' in page


@pytest.mark.requirement("RT-1")
def test_the_part_is_what_stands_in_the_page(browser: Client, prompted: Payment) -> None:
    part = browser.get(at("status", prompted)).content.decode()
    assert "<html" not in part
    assert "Check your phone" in part


# --- How it ends ---


@pytest.mark.requirement("DEP-1")
@pytest.mark.requirement("CB-3")
def test_paid_shows_receipt_balance_and_what_next(browser: Client, prompted: Payment) -> None:
    factories.tell(prompted, factories.lot("UKL7RT61SV"))
    answer = browser.get(at("payment", prompted))
    words = text_of(answer)
    assert "Paid KES 1,000 is in your wallet." in words
    assert "Receipt UKL7RT61SV" in words
    assert "Balance KES 1,000" in words
    assert 'data-copy="UKL7RT61SV"' in answer.content.decode()
    assert 'href="/wallet/">Done</a>' in answer.content.decode()


@pytest.mark.requirement("P27")
@pytest.mark.requirement("RT-2")
def test_cancelled_offers_the_same_and_another_number(browser: Client, prompted: Payment) -> None:
    factories.tell(prompted, CANCELLED)
    answer = browser.get(at("payment", prompted))
    assert "Payment Cancelled" in text_of(answer)
    assert f'action="{at("again", prompted)}"' in answer.content.decode()
    assert f'href="/deposit/?again={prompted.transaction_id}"' in answer.content.decode()


@pytest.mark.requirement("STK-10")
def test_failed_says_why_what_next_and_where_help_is(browser: Client, prompted: Payment, settings) -> None:
    settings.SUPPORT_CONTACT = "help@example.test"
    factories.tell(prompted, TOO_LITTLE)
    words = text_of(browser.get(at("payment", prompted)))
    assert "Not paid There was not enough money in your M-Pesa, so nothing was taken." in words
    assert "Please add money to your M-Pesa or choose a smaller amount, then try again." in words
    assert "help@example.test" in words
    assert prompted.transaction_id in words


@pytest.mark.requirement("CB-7")
def test_another_amount_is_kept_and_said(browser: Client, prompted: Payment) -> None:
    factories.tell(prompted, factories.lot(cents=90_000))
    words = text_of(browser.get(at("payment", prompted)))
    assert "We received KES 900, where KES 1,000 was asked for." in words
    assert "KES 900 is kept for you." in words


@pytest.mark.requirement("CB-7")
def test_late_money_changes_the_words(browser: Client, prompted: Payment) -> None:
    factories.tell(prompted, CANCELLED)
    factories.tell(prompted, factories.lot())
    assert "KES 1,000 is in your wallet." in text_of(browser.get(at("status", prompted)))


@pytest.mark.requirement("DEP-2")
def test_the_details_tell_the_story(browser: Client, prompted: Payment) -> None:
    factories.tell(prompted, factories.lot("UKL7RT61SV"))
    words = text_of(browser.get(at("details", prompted)))
    assert "You asked to pay KES 1,000 from •••• 678." in words
    assert "M-Pesa took the request and sent it to the phone." in words
    assert "KES 1,000 arrived. Receipt UKL7RT61SV" in words


# --- Try again, retry, replace ---


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement("P29")
@pytest.mark.requirement("CB-4")
def test_try_again_sends_the_same_once_more(browser: Client, prompted: Payment, m_pesa: Sim) -> None:
    factories.tell(prompted, TOO_LITTLE)
    answer = browser.post(at("again", prompted))
    fresh = Payment.objects.latest("pk")
    assert (answer.status_code, answer["Location"]) == (303, at("payment", fresh))
    assert (fresh.amount_cents, fresh.phone_tail, fresh.status) == (100_000, "678", Status.PROMPTED)
    assert int(m_pesa.prompt("254712345678")["amount"]) == 1000


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement("STK-6")
def test_try_again_twice_is_once(browser: Client, prompted: Payment, m_pesa: Sim) -> None:
    factories.tell(prompted, TOO_LITTLE)
    first, second = browser.post(at("again", prompted)), browser.post(at("again", prompted))
    assert first["Location"] == second["Location"]
    assert len(m_pesa.pushes()) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement("REC-2")
@pytest.mark.requirement("P19")
def test_a_silent_one_is_replaced_in_one_step(browser: Client, silent: Payment, m_pesa: Sim) -> None:
    words = text_of(browser.get(at("payment", silent)))
    assert "Timed out" in words
    assert "Check your M-Pesa messages first. If no money went, try again." in words
    first, second = browser.post(at("again", silent)), browser.post(at("again", silent))
    silent.refresh_from_db()
    assert silent.status == Status.EXPIRED
    assert first["Location"] == second["Location"] == at("payment", Payment.objects.latest("pk"))
    assert len(m_pesa.pushes()) == 1
    assert "You started a new payment instead of this one." in text_of(browser.get(at("payment", silent)))


@pytest.mark.requirement("REC-2")
def test_a_payment_that_is_not_silent_is_not_replaced(browser: Client, prompted: Payment) -> None:
    answer = browser.post(at("again", prompted), follow=True)
    assert "M-Pesa is still working on your payment. Check your phone before you pay again." in text_of(answer)
    assert Payment.objects.count() == 1


@pytest.mark.requirement("REC-2")
def test_nothing_is_paid_twice_when_the_money_came_meanwhile(browser: Client, silent: Payment) -> None:
    factories.tell(silent, factories.lot())
    answer = browser.post(at("again", silent))
    assert answer["Location"] == at("payment", silent)
    assert Payment.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement("STK-8")
@pytest.mark.requirement("P71")
def test_retry_sends_this_same_payment(browser: Client, amina: User, m_pesa: Sim) -> None:
    begun = clock.now() - factories.timedelta(seconds=40)
    order = factories.sent(factories.started(amina, now=begun, phone="254712345678"), now=begun)
    payment = factories.answered(order, factories.refusal(order, passing=True), now=begun)
    assert "Retry now" in text_of(browser.get(at("payment", payment)))
    assert browser.post(at("retry", payment))["Location"] == at("payment", payment)
    payment.refresh_from_db()
    assert (payment.status, payment.attempts) == (Status.PROMPTED, 2)
    assert Payment.objects.count() == 1


def test_retry_of_what_is_on_its_way_says_so(browser: Client, prompted: Payment) -> None:
    answer = browser.post(at("retry", prompted), follow=True)
    assert "This payment is on its way already, or has ended." in text_of(answer)


# --- Who may ---


@pytest.mark.requirement("SEC-1")
@pytest.mark.parametrize("name", PAGES)
def test_other_peoples_payments_are_not_there(browser: Client, name: str) -> None:
    payment = factories.started(UserFactory())
    answer = browser.get(at(name, payment))
    assert answer.status_code == 404
    assert payment.transaction_id not in text_of(answer)


@pytest.mark.requirement("SEC-1")
@pytest.mark.parametrize("name", ["again", "retry"])
def test_other_peoples_payments_are_not_touched(browser: Client, name: str) -> None:
    payment = factories.started(UserFactory())
    assert browser.post(at(name, payment)).status_code == 404
    assert Payment.objects.count() == 1


@pytest.mark.parametrize("transaction_id", ["TXN_0", "..", "x" * 300, "<script>"])
def test_unknown_payments_are_not_there(browser: Client, transaction_id: str) -> None:
    answer = browser.get(f"/payments/{transaction_id}/")
    assert answer.status_code == 404
    assert "This page is not here" in text_of(answer)


@pytest.mark.requirement("SEC-1")
@pytest.mark.parametrize("name", PAGES)
def test_who_is_logged_out_logs_in_and_comes_back(client: Client, amina: User, name: str) -> None:
    payment = factories.started(amina)
    said = "&why=underway" if name == "payment" else ""
    assert client.get(at(name, payment))["Location"] == f"/log-in/?next={at(name, payment)}{said}"


@pytest.mark.parametrize("name", ["again", "retry"])
def test_only_a_post_with_our_token_changes_something(browser: Client, prompted: Payment, name: str) -> None:
    assert browser.get(at(name, prompted)).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(get_user(browser), backend="accounts.backends.RoleBackend")
    assert strict.post(at(name, prompted)).status_code == 403


# --- What is on the page ---


@pytest.mark.requirement("TST-3")
@pytest.mark.requirement("SEC-3")
def test_a_description_is_text(browser: Client, amina: User) -> None:
    payment = factories.started(amina, description="<script>alert(1)</script>")
    page = browser.get(at("details", payment)).content.decode()
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.requirement("SEC-4")
@pytest.mark.parametrize("name", PAGES)
def test_the_number_is_hidden(browser: Client, prompted: Payment, name: str) -> None:
    page = browser.get(at(name, prompted)).content.decode()
    assert "•••• 678" in page
    assert "712345" not in re.sub(r"\s", "", page)


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_kept_by_caches(browser: Client, prompted: Payment, name: str) -> None:
    assert "no-store" in browser.get(at(name, prompted))["Cache-Control"]


@pytest.mark.requirement("OPS-6")
def test_the_status_costs_few_queries_however_much_happened(
    browser: Client, prompted: Payment, django_assert_max_num_queries
) -> None:
    for n in range(10):
        factories.tell(prompted, factories.lot(cents=100_000 + n))
    with django_assert_max_num_queries(7):
        browser.get(at("status", prompted))


def test_the_wallet_and_the_words_agree(browser: Client, amina: User, prompted: Payment) -> None:
    factories.tell(prompted, factories.lot())
    held = books.balance(environment="sandbox", code=chart.wallet(amina.pk))
    assert held == 100_000
    assert "Balance KES 1,000" in text_of(browser.get(at("status", prompted)))
