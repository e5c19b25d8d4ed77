"""Every page of this room: a strict policy, nothing inline, under 60 kB, TEST MODE where it is one."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.test import Client

from accounts.models import User

pytestmark = pytest.mark.django_db
OPEN = ["/", "/log-in/", "/sign-up/", "/consent/", "/password/reset/", "/password/reset/sent/", "/no/such/page/"]
OWN = ["/", "/profile/", "/password/"]
INLINE = re.compile(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)")


@pytest.fixture(params=[*((path, False) for path in OPEN), *((path, True) for path in OWN)])
def page(request, client: Client, amina: User):
    path, logged_in = request.param
    if logged_in:
        client.force_login(amina)
    return client.get(path)


@pytest.mark.requirement("SEC-3")
def test_the_policy_is_strict_and_nothing_is_inline(page) -> None:
    policy = dict(part.strip().split(" ", 1) for part in page["Content-Security-Policy"].split(";"))
    assert (policy["script-src"], policy["style-src"], policy["default-src"]) == ("'self'",) * 3
    assert (policy["object-src"], policy["base-uri"], policy["frame-ancestors"]) == ("'none'",) * 3
    assert not INLINE.search(page.content.decode())
    assert page["X-Content-Type-Options"] == "nosniff"
    assert page["X-Frame-Options"] == "DENY"


def test_words_of_django_stand_in_no_other_language_than_ours(client: Client) -> None:
    """A phone that is set to Swahili."""
    page = client.get("/log-in/", HTTP_ACCEPT_LANGUAGE="sw-KE,sw;q=0.9,ar;q=0.8")
    assert page["Content-Language"] == "en"
    assert "Password" in page.text
    assert "Nenosiri" not in page.text


def test_a_page_with_all_it_loads_is_small(page) -> None:
    html = page.content.decode()
    files = re.findall(r'(?:href|src)="/static/([^"]+)"', html)
    assert files
    sizes = [len(Path(finders.find(name)).read_bytes()) for name in files]
    assert len(page.content) + sum(sizes) < 60_000


@pytest.mark.requirement("ADM-7")
def test_test_mode_is_said_on_every_page(page) -> None:
    assert page.content.decode().count("<strong>TEST MODE</strong>") == 1


@pytest.mark.requirement("ADM-7")
def test_test_mode_is_said_in_the_admin(client: Client) -> None:
    client.force_login(User.objects.create_superuser("root@malipo.test"))
    page = client.get("/admin/")
    assert "<strong>TEST MODE</strong>" in page.content.decode()
    assert not INLINE.search(page.content.decode())


def test_every_control_has_a_label(page) -> None:
    html = page.content.decode()
    ids = re.findall(r'<(?:input|select|textarea)(?![^>]*type="hidden")[^>]*\sid="([^"]+)"', html)
    assert set(ids) <= set(re.findall(r'<label[^>]*\sfor="([^"]+)"', html))


def test_errors_and_hints_are_tied_to_their_control(client: Client) -> None:
    html = client.post("/sign-up/", {"phone": "1"}).content.decode()
    described = re.findall(r'aria-describedby="([^"]+)"', html)
    assert {name for names in described for name in names.split()} <= set(re.findall(r'\sid="([^"]+)"', html))
    assert "id_phone_error" in " ".join(described)


def test_pages_of_a_person_are_not_kept_by_the_browser(browser: Client) -> None:
    assert [("no-store" in browser.get(path)["Cache-Control"]) for path in OWN] == [True] * 3


def test_the_last_page_needs_neither_request_nor_database(django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        assert "do not pay again" in render_to_string("500.html")


def test_a_profile_is_changed_and_the_form_keeps_what_was_wrong(browser: Client, amina: User) -> None:
    answer = browser.post("/profile/", {"name": "New", "phone": "12"})
    assert list(answer.context["form"].errors) == ["phone"]
    assert "New" not in answer.context["user"].name
    browser.post("/profile/", {"name": "Amina N", "phone": "+254 712-345 678"})
    amina.refresh_from_db()
    assert (amina.name, amina.phone) == ("Amina N", "254712345678")
    assert 'value="0712 345 678"' in browser.get("/profile/").content.decode()
    browser.post("/profile/", {"name": "Amina N", "phone": ""})
    amina.refresh_from_db()
    assert (amina.phone, amina.phone_hash) == ("", "")


def test_a_profile_cannot_change_role_or_address(browser: Client, amina: User) -> None:
    browser.post(
        "/profile/", {"name": "A", "phone": "", "role": "ADMIN", "email": "x@malipo.test", "is_superuser": "on"}
    )
    amina.refresh_from_db()
    assert (amina.role, amina.email, amina.is_superuser) == ("CLIENT", "amina@malipo.test", False)
