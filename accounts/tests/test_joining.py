"""Sign-up: consent is needed and kept, addresses are taken once, strangers are limited."""

import pytest
from django.conf import settings
from django.db import connection
from django.template.loader import get_template
from django.test import Client

from accounts.joining import consent_template
from accounts.models import User
from audit.models import Entry
from lib import clock

pytestmark = pytest.mark.django_db
FORM = {
    "name": "Otieno",
    "email": "Otieno@Malipo.Test",
    "phone": "0722 000 111",
    "password": "a-long-enough-secret",
    "consent": "on",
}


@pytest.mark.requirement("SEC-5")
def test_joining_records_consent_and_logs_in(client: Client) -> None:
    before = clock.now()
    answer = client.post("/sign-up/", FORM)
    user = User.objects.get(email="otieno@malipo.test")
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert (user.phone, user.role, user.consent_version) == ("254722000111", "CLIENT", settings.CONSENT_VERSION)
    assert before <= user.consent_at <= clock.now()
    assert client.session["_auth_user_id"] == str(user.pk)
    assert Entry.objects.get(action="account.signed_up").subject == f"user:{user.pk}"


@pytest.mark.requirement("SEC-5")
def test_without_consent_there_is_no_account(client: Client) -> None:
    answer = client.post("/sign-up/", {key: text for key, text in FORM.items() if key != "consent"})
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == ["consent"]
    assert not User.objects.exists()


def test_the_words_of_the_present_consent_exist(client: Client) -> None:
    get_template(consent_template(settings.CONSENT_VERSION))
    assert settings.CONSENT_VERSION in client.get("/consent/").content.decode()


def test_a_taken_address_is_said_so_whatever_its_case(client: Client, amina: User) -> None:
    answer = client.post("/sign-up/", {**FORM, "email": "AMINA@malipo.test"})
    assert "already an account" in str(answer.context["form"].errors["email"])
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("email", "nobody"),
        ("email", "a\x00b@malipo.test"),
        ("email", "a" * 250 + "@malipo.test"),
        ("name", ""),
        ("name", "x" * 121),
        ("phone", "0812345678"),
        ("phone", "+44 7911 123456"),
        ("password", "short"),
        ("password", "1234567890123"),
        ("password", "otieno@malipo.test"),
        ("password", "x" * 5000),
    ],
)
def test_bad_input_is_told_at_its_field(client: Client, field: str, text: str) -> None:
    answer = client.post("/sign-up/", {**FORM, field: text})
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert not User.objects.exists()


def test_the_phone_may_come_later(client: Client) -> None:
    client.post("/sign-up/", {**FORM, "phone": ""})
    assert User.objects.get().phone == ""


@pytest.mark.requirement("SEC-2")
@pytest.mark.usefixtures("clock_stands")
def test_sign_ups_are_limited_by_address(client: Client, settings) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "sign_up": (2, 3600)}
    statuses = [client.post("/sign-up/", {**FORM, "consent": ""}).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    answer = client.post("/sign-up/", FORM)
    assert 0 < int(answer["Retry-After"]) <= 3600
    assert "Please wait" in answer.content.decode()
    assert client.post("/sign-up/", FORM, REMOTE_ADDR="198.51.100.7").status_code == 302


def test_who_is_logged_in_need_not_join(browser: Client) -> None:
    assert browser.get("/sign-up/")["Location"] == "/"


@pytest.mark.requirement("TST-3")
def test_a_name_is_text_and_nothing_else(client: Client) -> None:
    client.post("/sign-up/", {**FORM, "name": "<script>alert(1)</script>"})
    page = client.get("/profile/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_an_account_is_whole_or_not_there(client: Client, settings) -> None:
    """A phone that cannot be sealed takes the account with it."""
    client.raise_request_exception = False
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_user ADD CONSTRAINT no_phones CHECK (phone_hash = '') NOT VALID")
    assert client.post("/sign-up/", FORM).status_code == 500
    assert not User.objects.exists()
