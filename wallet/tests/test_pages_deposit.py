"""The deposit page: from the form to one prompt on a phone, whatever is typed, clicked twice or broken."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import User
from lib import clock
from payments.models import Payment, PaymentFact
from payments.states import Status
from payments.tests import factories
from payments.tests.factories import UserFactory
from simulator.testing import Sim
from wallet import deposits
from wallet.tests.reading import key_of, text_of

DEPOSIT = "/deposit/"
GOOD = {"phone": "0712 345 678", "amount": "1,000"}


def send(browser: Client, **fields: str) -> HttpResponse:
    """As the form would: with the key it was rendered with."""
    key = key_of(browser.get(DEPOSIT))
    return browser.post(DEPOSIT, {**GOOD, "key": key, **fields})


def away(table: str, when: str) -> None:
    """From here on the database breaks its connection where this table is written to."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE EXCEPTION 'terminating connection' USING ERRCODE = '57P01'; END $$;
            CREATE TRIGGER away BEFORE INSERT ON {table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION away();"""
        )


@pytest.fixture
def _back():
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION away() CASCADE")


# --- The form ---


@pytest.mark.requirement("DEP-1")
def test_the_form_is_filled_with_the_payers_own_number(browser: Client) -> None:
    page = browser.get(DEPOSIT).content.decode()
    assert 'value="0712 345 678"' in page
    assert "10 to 150,000, whole shillings" in page


@pytest.mark.requirement("STK-6")
def test_every_rendering_has_a_key_of_its_own(browser: Client) -> None:
    assert key_of(browser.get(DEPOSIT)) != key_of(browser.get(DEPOSIT))


@pytest.mark.requirement("ADM-7")
def test_test_numbers_are_offered_in_the_sandbox_only(browser: Client, settings) -> None:
    settings.SIMULATOR_URL = "http://127.0.0.1:8100"
    page = text_of(browser.get(DEPOSIT))
    assert "0708 374 149 pays" in page
    assert "0700 000 000 cancels" in page
    assert "0711 111 111 has too little money" in page
    assert 'href="http://127.0.0.1:8100/"' in browser.get(DEPOSIT).content.decode()


@pytest.mark.requirement("STK-1")
@pytest.mark.parametrize(
    "phone", ["", "0812 345 678", "12345", "07123456789", "<script>alert(1)</script>", "0712\x00345678"]
)
def test_a_wrong_number_is_said_beside_its_field(browser: Client, phone: str) -> None:
    answer = send(browser, phone=phone)
    assert answer.status_code == 400
    assert 'id="id_phone_error"' in answer.content.decode()
    assert "<script>alert" not in answer.content.decode()
    assert not Payment.objects.exists()


@pytest.mark.requirement("STK-2")
@pytest.mark.parametrize("amount", ["", "9", "150,001", "10.50", "-100", "1e9", "ten", "1" * 400, "NaN", "٣٠٠"])
def test_a_wrong_amount_is_said_beside_its_field(browser: Client, amount: str) -> None:
    answer = send(browser, amount=amount)
    assert answer.status_code == 400
    assert 'id="id_amount_error"' in answer.content.decode()
    assert not Payment.objects.exists()


@pytest.mark.requirement("STK-2")
def test_the_limits_are_in_the_sentence(browser: Client) -> None:
    assert "Amount must be between KES 10 and KES 150,000" in text_of(send(browser, amount="9"))


def test_what_was_typed_stays_and_so_does_the_key(browser: Client) -> None:
    answer = send(browser, amount="9", key="abc123")
    assert 'value="9"' in answer.content.decode()
    assert key_of(answer) == "abc123"


def test_again_fills_in_an_own_payment_and_nobody_elses(browser: Client, amina: User) -> None:
    mine = factories.started(amina, phone="254733000111", amount=2500)
    others = factories.started(UserFactory(), phone="254733000222", amount=777)
    assert 'value="0733 000 111"' in (page := browser.get(f"{DEPOSIT}?again={mine.transaction_id}").content.decode())
    assert 'value="2,500"' in page
    page = browser.get(f"{DEPOSIT}?again={others.transaction_id}").content.decode()
    assert "0733 000 222" not in page
    assert 'value="777"' not in page  # the key and the form's token are random


# --- Who may ---


@pytest.mark.requirement("SEC-1")
def test_a_visitor_logs_in_and_comes_back(client: Client) -> None:
    answer = client.get(DEPOSIT)
    assert (answer.status_code, answer["Location"]) == (302, f"/log-in/?next={DEPOSIT}")


def test_csrf_is_enforced(amina: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(amina, backend="accounts.backends.RoleBackend")
    assert strict.post(DEPOSIT, GOOD).status_code == 403
    assert not Payment.objects.exists()


@pytest.mark.requirement("SEC-2")
@pytest.mark.usefixtures("clock_stands")
def test_too_many_are_told_to_wait(browser: Client, settings) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "change": (2, 900)}
    cache.clear()
    wrong = {"phone": "1", "amount": "1"}
    assert [browser.post(DEPOSIT, wrong).status_code for _ in range(3)] == [400, 400, 429]
    answer = browser.post(DEPOSIT, wrong)
    assert int(answer["Retry-After"]) > 0
    assert "Too many attempts" in text_of(answer)
    assert browser.get(DEPOSIT).status_code == 200


# --- Started, and sent at once ---


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement("DEP-1")
@pytest.mark.requirement("STK-3")
def test_a_deposit_puts_a_prompt_on_the_phone(browser: Client, amina: User, m_pesa: Sim) -> None:
    answer = send(browser)
    payment = Payment.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, reverse("payments:payment", args=[payment.transaction_id]))
    assert (payment.status, payment.amount_cents, payment.payer) == (Status.PROMPTED, 100_000, amina)
    assert int(m_pesa.prompt("254712345678")["amount"]) == 1000
    page = text_of(browser.get(answer["Location"]))
    assert "Check your phone" in page
    assert "We sent a request for KES 1,000 to •••• 678." in page


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement("STK-6")
def test_a_double_click_makes_one_payment(browser: Client, amina: User, m_pesa: Sim) -> None:
    key = key_of(browser.get(DEPOSIT))

    def click(_: int) -> str:
        tab = Client()
        tab.cookies = browser.cookies
        try:
            return tab.post(DEPOSIT, {**GOOD, "key": key})["Location"]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as hands:
        addresses = list(hands.map(click, range(4)))
    assert len(set(addresses)) == 1
    assert Payment.objects.count() == 1
    assert len(m_pesa.pushes()) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement("STK-6")
def test_two_tabs_make_one_prompt(browser: Client, m_pesa: Sim) -> None:
    assert send(browser)["Location"] == send(browser)["Location"]
    assert len(m_pesa.pushes()) == 1


@pytest.mark.requirement("STK-6")
def test_another_amount_meanwhile_is_refused_with_the_way_to_the_live_one(browser: Client, amina: User) -> None:
    living = factories.started(amina, phone="254712345678", amount=1000)
    answer = send(browser, amount="2,000")
    assert answer.status_code == 409
    assert int(answer["Retry-After"]) > 0
    assert text_of(answer).count("in progress") == 1, "said once"
    assert "A payment is in progress." in text_of(answer)
    assert answer.content.decode().count(reverse("payments:payment", args=[living.transaction_id])) == 1


@pytest.mark.requirement("STK-6")
def test_the_form_shows_a_payment_in_progress(browser: Client, amina: User) -> None:
    living = factories.started(amina)
    page = browser.get(DEPOSIT)
    assert "A payment of KES 1,000 is in progress." in text_of(page)
    assert reverse("payments:payment", args=[living.transaction_id]) in page.content.decode()


def test_a_phone_that_is_busy_with_somebody_elses_payment_is_said_at_the_field(browser: Client) -> None:
    factories.prompted(UserFactory(), phone="254712345678")
    answer = send(browser)
    assert answer.status_code == 409
    assert "There is an open M-Pesa request on •••• 678." in text_of(answer)
    assert 'id="id_phone_error"' in answer.content.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement("STK-6")
def test_the_same_form_with_another_amount_is_another_request(browser: Client, m_pesa: Sim) -> None:
    """Back, another amount, sent again: the browser may have kept the old key."""
    key = key_of(browser.get(DEPOSIT))
    first = send(browser, key=key, phone="0711 111 111")
    payment = factories.tell(
        Payment.objects.get(), factories.Fact(factories.Kind.FAILED, factories.Source.CALLBACK, code="1")
    )
    assert payment.status == Status.FAILED
    assert send(browser, key=key, phone="0711 111 111")["Location"] == first["Location"]
    assert send(browser, key=key, phone="0711 111 111", amount="500")["Location"] != first["Location"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement("STK-8")
def test_m_pesa_busy_is_said_with_a_countdown(browser: Client, m_pesa: Sim) -> None:
    m_pesa.refuse("stk_push", "busy", times=1)
    page = browser.get(send(browser)["Location"])
    assert "Not sent yet" in text_of(page)
    assert "Next try in" in text_of(page)


# --- Back after it was paid ---


def just_paid(payer: User, amount: int = 1000) -> Payment:
    now = clock.now()
    payment = factories.started(payer, amount=amount, now=now)
    return factories.tell(payment, factories.lot(cents=amount * 100), now=now)


def after_of(answer: HttpResponse) -> str:
    found = re.search(r'name="after"(?: value="([^"]*)")?', answer.content.decode())
    assert found
    return found[1] or ""


@pytest.mark.requirement("STK-6")
def test_who_comes_back_is_told_and_enters_the_amount_anew(browser: Client, amina: User) -> None:
    paid = just_paid(amina)
    page = browser.get(DEPOSIT)
    assert "You paid KES 1,000 a moment ago." in text_of(page)
    assert reverse("payments:payment", args=[paid.transaction_id]) in page.content.decode()
    amount = re.search(r'<input[^>]*name="amount"[^>]*>', page.content.decode())
    assert amount
    assert 'autocomplete="off"' in amount[0]  # else the browser would fill in what it kept
    assert "value=" not in amount[0]


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement("STK-6")
def test_the_same_amount_once_more_is_asked_about_once(browser: Client, amina: User, m_pesa: Sim) -> None:
    key = key_of(browser.get(DEPOSIT))  # an old page: it says nothing of what is paid since
    paid = just_paid(amina)
    asked = browser.post(DEPOSIT, {**GOOD, "key": key})
    assert asked.status_code == 409
    assert "You paid KES 1,000 a moment ago, and nothing was sent now." in text_of(asked)
    assert 'value="1,000"' not in asked.content.decode()
    assert reverse("payments:payment", args=[paid.transaction_id]) in asked.content.decode()
    assert Payment.objects.count() == 1
    assert not m_pesa.pushes()
    meant = browser.post(DEPOSIT, {**GOOD, "key": key_of(asked), "after": after_of(asked)})
    assert meant.status_code == 303
    assert len(m_pesa.pushes()) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement("STK-6")
def test_an_amount_entered_on_a_page_that_tells_is_not_asked_about(browser: Client, amina: User, m_pesa: Sim) -> None:
    just_paid(amina)
    page = browser.get(DEPOSIT)
    assert browser.post(DEPOSIT, {**GOOD, "key": key_of(page), "after": after_of(page)}).status_code == 303
    assert len(m_pesa.pushes()) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement("STK-6")
def test_the_same_request_leads_to_its_payment_when_it_is_paid(browser: Client, m_pesa: Sim) -> None:
    key = key_of(browser.get(DEPOSIT))
    first = browser.post(DEPOSIT, {**GOOD, "key": key})
    factories.tell(Payment.objects.get(), factories.lot(), now=clock.now())
    assert browser.post(DEPOSIT, {**GOOD, "key": key})["Location"] == first["Location"]
    assert len(m_pesa.pushes()) == 1


@pytest.mark.django_db(transaction=True)
def test_another_amount_is_not_asked_about(browser: Client, amina: User, m_pesa: Sim) -> None:
    just_paid(amina, amount=999)
    assert browser.post(DEPOSIT, {**GOOD, "key": "abc"}).status_code == 303
    assert len(m_pesa.pushes()) == 1


def test_what_was_paid_longer_ago_or_by_others_is_not_told(browser: Client, amina: User) -> None:
    just_paid(UserFactory())
    long_ago = clock.now() - deposits.JUST_NOW - timedelta(seconds=1)
    factories.tell(factories.started(amina, now=long_ago), factories.lot(), now=long_ago)
    page = browser.get(DEPOSIT)
    assert "a moment ago" not in text_of(page)
    assert after_of(page) == ""


# --- The database fails ---


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement("OPS-1")
@pytest.mark.requirement("P73")
@pytest.mark.usefixtures("_back")
def test_before_the_push_nothing_stays(browser: Client, m_pesa: Sim) -> None:
    away("payments_payment", "true")
    answer = send(browser)
    assert answer.status_code == 503
    assert answer["Retry-After"] == "30"
    assert "nothing was stored, and no request was sent" in text_of(answer)
    assert not Payment.objects.exists()
    assert not m_pesa.pushes()


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement("OPS-1")
@pytest.mark.requirement("P73")
@pytest.mark.usefixtures("_back")
def test_after_the_push_the_payer_looks_at_the_phone(browser: Client, m_pesa: Sim) -> None:
    away("payments_paymentfact", "NEW.kind = 'ACCEPTED'")
    answer = send(browser)
    assert answer.status_code == 303
    assert "Check your phone, and do not pay again" in text_of(browser.get(answer["Location"]))
    assert [fact.kind for fact in PaymentFact.objects.all()] == ["SENT"]
    assert len(m_pesa.pushes()) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement("OPS-1")
def test_a_page_without_a_database_says_so(browser: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_account RENAME TO elsewhere")
        cursor.execute(
            """CREATE FUNCTION gone() RETURNS SETOF elsewhere LANGUAGE plpgsql AS $$ BEGIN
            RAISE EXCEPTION 'gone' USING ERRCODE = '57P01'; END $$;
            CREATE VIEW ledger_account AS SELECT * FROM gone()"""
        )
    try:
        answer = browser.get("/wallet/")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(
                "DROP VIEW ledger_account; DROP FUNCTION gone(); ALTER TABLE elsewhere RENAME TO ledger_account"
            )
    assert answer.status_code == 503
    assert answer["Retry-After"] == "30"
    assert "do not pay again before your history shows what happened" in text_of(answer)


@pytest.mark.requirement("SEC-3")
def test_nothing_is_inline(browser: Client) -> None:
    page = browser.get(DEPOSIT).content.decode()
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", page)
