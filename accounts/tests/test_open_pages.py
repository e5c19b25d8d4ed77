"""Whose log-in ends or becomes another: their open pages are told, and nobody else's."""

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.test import Client
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import User
from accounts.tests.conftest import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("SEC-1")]
NEW = {"new_password1": "another-long-secret", "new_password2": "another-long-secret"}
told: list[int] = []


def hear(*, user_id: int) -> None:
    told.append(user_id)


@pytest.fixture(autouse=True)
def _told(settings) -> None:
    settings.WHO_CHANGED = [f"{__name__}.hear"]
    told.clear()


def test_a_log_out_is_told_and_a_visitors_is_not(browser: Client, amina: User) -> None:
    assert told == []  # nobody was logged out by the log-in
    browser.post("/log-out/")
    browser.post("/log-out/")
    assert told == [amina.pk]


def test_a_new_password_is_told_and_a_refused_one_is_not(browser: Client, amina: User) -> None:
    browser.post("/password/", {"old_password": "wrong", **NEW})
    assert told == []
    browser.post("/password/", {"old_password": PASSWORD, **NEW})
    assert told == [amina.pk]


def test_a_password_set_by_the_link_of_a_mail_is_told(client: Client, amina: User) -> None:
    uid = urlsafe_base64_encode(force_bytes(amina.pk))
    form = client.get(f"/password/reset/{uid}/{default_token_generator.make_token(amina)}/")
    client.post(form["Location"], NEW)
    assert told == [amina.pk]


@pytest.mark.parametrize(
    ("changed", "is_told"), [({}, True), ({"role": "SUPPORT"}, True), ({"name": "Amina", "is_active": "on"}, False)]
)
def test_who_is_closed_or_has_another_role_is_told(
    client: Client, amina: User, changed: dict[str, str], is_told: bool
) -> None:
    client.force_login(User.objects.create_superuser("root@malipo.test"), backend="accounts.backends.RoleBackend")
    form = {"email": amina.email, "name": amina.name, "role": amina.role, **changed}
    assert client.post(f"/admin/accounts/user/{amina.pk}/change/", form).status_code == 302
    assert told == ([amina.pk] if is_told else [])
