"""Log-in and log-out: limits, redirects, sessions, and what the audit trail is told."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from accounts.roles import Role
from accounts.tests.conftest import PASSWORD
from audit.models import Entry
from lib import clock

pytestmark = pytest.mark.django_db


def log_in(client: Client, password: str = PASSWORD, email: str = "amina@malipo.test", **more: str):
    return client.post("/log-in/", {"username": email, "password": password}, **more)


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_the_case_of_the_address_does_not_matter(client: Client, amina: User) -> None:
    assert log_in(client, email=" Amina@MALIPO.test ")["Location"] == "/"
    assert is_in(client)


def test_a_wrong_password_and_an_unknown_address_read_the_same(client: Client, amina: User) -> None:
    words = [str(log_in(client, "wrong", email).context["form"].errors) for email in (amina.email, "no@malipo.test")]
    assert words[0] == words[1]
    assert "do not match an account" in words[0]


def test_a_closed_account_reads_like_a_wrong_password(client: Client, amina: User) -> None:
    User.objects.filter(pk=amina.pk).update(is_active=False)
    assert "do not match an account" in str(log_in(client).context["form"].errors)


@pytest.mark.requirement("SEC-2")
def test_five_failures_lock_the_account_for_this_address(client: Client, amina: User) -> None:
    assert [log_in(client, "wrong").status_code for _ in range(5)] == [200, 200, 200, 200, 429]
    answer = log_in(client)
    assert (answer.status_code, is_in(client)) == (429, False)
    assert 0 < int(answer["Retry-After"]) <= 900
    assert "Reset your password" in answer.content.decode()
    assert log_in(client, email="AMINA@malipo.test").status_code == 429, "another case is the same account"
    assert log_in(client, REMOTE_ADDR="198.51.100.7").status_code == 302, "another address is not locked"


@pytest.mark.requirement("SEC-2")
def test_the_lock_ends_by_itself_and_trying_does_not_prolong_it(client: Client, amina: User) -> None:
    with time_machine.travel(clock.now(), tick=False) as time:
        for _ in range(5):
            log_in(client, "wrong")
        time.shift(timedelta(minutes=14))
        answer = log_in(client)
        assert (answer.status_code, answer["Retry-After"]) == (429, "60")
        time.shift(timedelta(minutes=1, seconds=1))
        assert log_in(client).status_code == 302


@pytest.mark.requirement("SEC-2")
def test_a_header_of_ones_own_is_not_another_address(client: Client, amina: User) -> None:
    statuses = [log_in(client, "wrong", HTTP_X_FORWARDED_FOR=f"198.51.100.{n}").status_code for n in range(1, 6)]
    assert statuses[-1] == 429


@pytest.mark.requirement("SEC-2")
def test_the_lock_holds_when_redis_is_down(client: Client, amina: User, settings) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
            "OPTIONS": {"socket_connect_timeout": 1},
        }
    }
    assert [log_in(client, "wrong").status_code for _ in range(5)][-1] == 429
    assert log_in(client).status_code == 429


def test_the_session_gets_a_new_key(client: Client, amina: User) -> None:
    client.cookies["sessionid"] = planted = "p" * 32
    log_in(client)
    assert client.session.session_key != planted


@pytest.mark.requirement("TST-3")
@pytest.mark.parametrize(
    "target",
    ["https://evil.test/", "//evil.test/", "/\\evil.test", "javascript:alert(1)", "https:evil.test", "\x00//evil.test"],
)
@pytest.mark.parametrize("page", ["/log-in/", "/sign-up/"])
def test_nobody_is_sent_away_from_our_site(client: Client, amina: User, page: str, target: str) -> None:
    form = {"username": amina.email, "password": PASSWORD} if page == "/log-in/" else {
        "name": "B", "email": "b@malipo.test", "password": PASSWORD, "consent": "on",
    }  # fmt: skip
    shown = client.get(page, {"next": target}).content.decode()
    assert "evil.test" not in shown
    assert "alert(1)" not in shown
    assert client.post(page, {**form, "next": target})["Location"] == "/"


def test_a_page_of_ours_is_gone_on_to(client: Client, amina: User) -> None:
    assert client.get("/profile/")["Location"] == "/log-in/?next=/profile/"
    answer = client.post("/log-in/", {"username": amina.email, "password": PASSWORD, "next": "/profile/"})
    assert answer["Location"] == "/profile/"


def test_the_admin_has_the_same_door(client: Client) -> None:
    first = client.get("/admin/")
    assert client.get(first["Location"])["Location"] == "/log-in/?next=/admin/"


@pytest.mark.requirement("SEC-6")
def test_the_admin_changes_passwords_and_logs_out_at_our_doors_too(client: Client, amina: User) -> None:
    """Django's own would leave nothing in the audit trail."""
    User.objects.filter(pk=amina.pk).update(role=Role.FINANCE, is_staff=True)
    log_in(client)
    assert client.get("/admin/password_change/")["Location"] == "/password/"
    assert client.post("/admin/password_change/", {"old_password": PASSWORD})["Location"] == "/password/"
    assert client.post("/admin/logout/")["Location"] == "/log-in/"
    assert not is_in(client)
    assert Entry.objects.latest("id").action == "account.signed_out"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("page", ["log-in", "sign-up", "profile", "password", "password/reset", "password/reset/MQ/x"])
def test_forms_are_read_and_sent_and_nothing_else(browser: Client, page: str, method: str) -> None:
    assert browser.generic(method, f"/{page}/").status_code == 405


def test_a_client_who_tries_the_admin_is_told_so_not_sent_in_circles(browser: Client) -> None:
    answer = browser.get("/admin/", follow=True)
    assert [where for where, _ in answer.redirect_chain] == ["/admin/login/?next=/admin/", "/log-in/?next=%2Fadmin%2F"]
    assert "You are logged in as amina@malipo.test" in answer.content.decode()


def test_who_is_logged_in_need_not_log_in(browser: Client) -> None:
    assert browser.get("/log-in/")["Location"] == "/"


def test_logging_out_needs_a_post(browser: Client) -> None:
    assert browser.get("/log-out/").status_code == 405
    assert is_in(browser)
    assert browser.post("/log-out/")["Location"] == "/log-in/"
    assert not is_in(browser)


def test_a_form_of_another_site_is_refused_kindly(amina: User) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = log_in(client)
    assert answer.status_code == 403
    assert "open for too long" in answer.content.decode()


@pytest.mark.requirement("SEC-6")
def test_the_trail_knows_who_came_and_who_could_not(client: Client, amina: User) -> None:
    for _ in range(5):
        log_in(client, "wrong")
    log_in(client, "wrong", "nobody@malipo.test")
    log_in(client, REMOTE_ADDR="198.51.100.7")
    client.post("/log-out/")
    told = list(Entry.objects.order_by("id").values_list("action", "actor", "subject"))
    me = f"user:{amina.pk}"
    assert told == [
        *[("security.sign_in_failed", "anonymous", me)] * 4,
        ("security.sign_in_locked", "anonymous", me),
        ("security.sign_in_failed", "anonymous", ""),
        ("account.signed_in", me, me),
        ("account.signed_out", me, me),
    ]
    assert "wrong" not in str(list(Entry.objects.values_list("data", flat=True)))


@pytest.mark.parametrize("role", Role)
def test_home_shows_what_the_role_may_open(client: Client, role: Role) -> None:
    client.force_login(User.objects.create_user("x@malipo.test", name="Xola Y", role=role))
    page = client.get("/").content.decode()
    assert "Hello, Xola" in page
    assert ('href="/admin/"' in page) == (role in {Role.SUPPORT, Role.FINANCE, Role.ADMIN})
