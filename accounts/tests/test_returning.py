"""Who is logged out in the middle is told what happened, and comes back to where they were."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from accounts.tests.conftest import PASSWORD
from lib.returning import Form
from tests.access import reading

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("SEC-1")]
DEPOSIT = {"phone": "0722000111", "amount": "1,500", "key": "k"}
UNSENT = "You were logged out. Nothing was sent."


def asked_of(answer) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(answer["Location"]).query).items()}


def test_a_post_without_a_log_in_is_said_to_be_unsent_and_comes_back_filled_in(client: Client, amina: User) -> None:
    answer = client.post("/deposit/", DEPOSIT)
    assert answer.status_code == 302
    assert asked_of(answer) == {"next": "/deposit/?amount=1%2C500", "why": "unsent"}
    assert "0722" not in answer["Location"]
    door = client.get(answer["Location"])
    assert UNSENT in door.content.decode()
    wrong = client.post(answer["Location"], {"username": amina.email, "password": "no", "next": door.context["next"]})
    assert UNSENT in wrong.content.decode()
    right = {"username": amina.email, "password": PASSWORD, "next": wrong.context["next"]}
    page = client.get(client.post(answer["Location"], right)["Location"]).content.decode()
    assert 'name="amount" value="1,500"' in page
    assert "Your amount is filled in again" in page


@pytest.mark.parametrize(
    ("posted", "back"),
    [
        ("/payments/TXN_1/again", "/payments/TXN_1/"),
        ("/payments/TXN_1/retry", "/payments/TXN_1/"),
        ("/sessions/ABC/approve/", "/sessions/ABC/"),
        ("/sessions/ABC/pay/", "/sessions/ABC/pay/"),
        ("/notifications/seen/", "/notifications/"),
        ("/profile/", "/profile/"),
    ],
)
def test_what_only_takes_a_post_leads_back_to_its_page(client: Client, posted: str, back: str) -> None:
    assert asked_of(client.post(posted, {"phone": "0722000111"})) == {"next": back, "why": "unsent"}


def test_a_time_that_was_chosen_is_kept(client: Client) -> None:
    answer = client.post("/therapists/7/book/", {"type": "3", "at": "2026-11-24T10:00"})
    assert asked_of(answer)["next"] == "/therapists/7/book/?type=3&at=2026-11-24T10:00"


def test_a_payment_is_not_said_to_be_unsent(client: Client) -> None:
    answer = client.get("/payments/TXN_1/")
    assert asked_of(answer) == {"next": "/payments/TXN_1/", "why": "underway"}
    door = client.get(answer["Location"]).content.decode()
    assert "It goes on without this page" in door
    assert UNSENT not in door


@pytest.mark.parametrize("query", ["", "?why=", "?why=<b>", "?next=/profile/"])
def test_who_was_not_sent_here_from_a_form_is_told_nothing(client: Client, query: str) -> None:
    door = client.get(f"/log-in/{query}").content.decode()
    assert UNSENT not in door
    assert "without this page" not in door
    assert "<b>" not in door


def test_who_has_logged_in_elsewhere_meanwhile_goes_on(browser: Client) -> None:
    assert browser.get("/log-in/?next=/deposit/%3Famount%3D5&why=unsent")["Location"] == "/deposit/?amount=5"


@pytest.mark.parametrize("amount", ["", "x", "<b>", "1e9", "²", "9" * 21, "-5"])
def test_an_amount_in_an_address_that_is_none_is_as_if_it_were_not_there(browser: Client, amount: str) -> None:
    answer = browser.get("/deposit/", {"amount": amount})
    assert answer.context["form"]["amount"].value() is None
    assert "filled in again" not in answer.content.decode()


def test_a_form_too_old_leads_back_to_the_form(amina: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/deposit/", DEPOSIT)
    assert answer.status_code == 403
    assert 'href="/deposit/?amount=1%2C500"' in answer.content.decode()
    assert "0722" not in answer.content.decode()
    assert 'href="/"' in strict.post("/log-out/").content.decode()
    assert 'href="/log-in/?next=/deposit/"' in strict.post("/log-in/?next=/deposit/").content.decode()
    assert 'href="/admin/"' in strict.post("/admin/payments/payment/1/decide/close/").content.decode()


def _all(patterns: list[URLPattern | URLResolver], before: str = "") -> dict[str, URLPattern]:
    found: dict[str, URLPattern] = {}
    for one in patterns:
        route = before + str(one.pattern)
        found |= _all(one.url_patterns, route) if isinstance(one, URLResolver) else {route: one}
    return found


def test_every_page_that_only_takes_a_post_names_the_page_of_its_form() -> None:
    """Else whoever logs in again, or opens the form anew, goes to an address that answers 405."""
    lines = [line for line in reading.addresses() if not line.address.startswith(("api/", "hooks/", "admin/", "dev/"))]
    takes_get = {line.address for line in lines if "GET" in line.methods}
    only_post = {line.address for line in lines} - takes_get
    pages = _all(get_resolver().url_patterns)
    assert {route for route in only_post if not getattr(pages[route].callback, "posted_from", Form()).page} == set()
    assert "payments/<str:transaction_id>/again" in only_post
