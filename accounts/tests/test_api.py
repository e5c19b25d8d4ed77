"""SEC-1: tokens for programs."""

import pytest
from django.test import Client
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts.models import User
from accounts.tests.conftest import PASSWORD
from audit.models import Entry

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("SEC-1")]


def ask(client: Client, email: str = "amina@malipo.test", password: str = PASSWORD):
    return client.post("/api/auth/token", {"email": email, "password": password}, content_type="application/json")


def renew(client: Client, refresh: object):
    return client.post("/api/auth/refresh", {"refresh": refresh}, content_type="application/json")


def test_a_pair_of_tokens_names_the_user(client: Client, amina: User) -> None:
    body = ask(client, "AMINA@malipo.test").json()
    assert sorted(body) == ["access", "expiresIn", "refresh", "success"]
    assert AccessToken(body["access"])["sub"] == str(amina.pk)
    assert (body["success"], body["expiresIn"]) == (True, 900)
    assert Entry.objects.get().data["via"] == "api"


def test_a_refresh_token_gives_a_new_access_token(client: Client, amina: User) -> None:
    body = renew(client, ask(client).json()["refresh"]).json()
    assert sorted(body) == ["access", "expiresIn", "success"]
    assert AccessToken(body["access"])["sub"] == str(amina.pk)


def test_a_wrong_password_is_told_in_the_shape_of_all_errors(client: Client, amina: User) -> None:
    answer = ask(client, password="wrong")
    message = "E-mail address and password do not match an account. Please check both."
    assert answer.status_code == 401
    assert answer.json() == {"success": False, "code": "invalid_credentials", "message": message, "error": message}


@pytest.mark.requirement("SEC-2")
def test_failures_are_counted_with_those_of_the_page(client: Client, amina: User) -> None:
    for _ in range(2):
        client.post("/log-in/", {"username": "Amina@malipo.test", "password": "wrong"})
    assert [ask(client, password="wrong").status_code for _ in range(3)] == [401, 401, 429]
    answer = ask(client)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
    assert 0 < int(answer["Retry-After"]) <= 900


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        "[]",
        "null",
        "{",
        "",
        '{"email": "amina@malipo.test"}',
        '{"email": {"a": 1}, "password": ["x"]}',
        '{"email": "a\\u0000@malipo.test", "password": "x"}',
        '{"email": "amina@malipo.test", "password": "x\\u0000"}',
    ],
)
def test_a_bad_body_is_a_400_in_the_same_shape(client: Client, amina: User, body: str) -> None:
    answer = client.post("/api/auth/token", body, content_type="application/json")
    assert answer.status_code == 400
    assert (answer.json()["success"], answer.json()["error"]) == (False, answer.json()["message"])


def test_a_form_is_not_json(client: Client) -> None:
    assert client.post("/api/auth/token", {"email": "a@malipo.test", "password": "x"}).status_code == 415


@pytest.mark.parametrize("refresh", ["", "x", "a.b.c", {"a": 1}, None])
def test_what_is_no_token_is_refused(client: Client, refresh: object) -> None:
    assert renew(client, refresh).status_code in {400, 401}


def test_an_access_token_refreshes_nothing(client: Client, amina: User) -> None:
    answer = renew(client, ask(client).json()["access"])
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")


def test_tokens_end_with_the_password_they_came_from(client: Client, amina: User) -> None:
    refresh = ask(client).json()["refresh"]
    amina.set_password("another-long-secret")
    amina.save(update_fields=["password"])
    assert renew(client, refresh).status_code == 401


def test_tokens_end_with_the_account(client: Client, amina: User) -> None:
    refresh = str(RefreshToken.for_user(amina))
    User.objects.filter(pk=amina.pk).update(is_active=False)
    assert renew(client, refresh).status_code == 401
    unknown = RefreshToken.for_user(amina)
    unknown["sub"] = "0"
    assert renew(client, str(unknown)).status_code == 401
