"""Changing and resetting a password: nothing is revealed, old sessions and tokens end."""

import re

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client
from django.utils.module_loading import import_string

from accounts import passwords
from accounts.models import User
from accounts.tests.conftest import PASSWORD
from lib import clock
from outbox.box import deliver_due
from outbox.errors import Refused
from outbox.models import Delivery

NEW = "another-long-secret"


def reset_path() -> str:
    return re.search(r"http\S+", mail.outbox[-1].body)[0].removeprefix(settings.PUBLIC_URL)


def deliver() -> None:
    """What the worker does with the row."""
    for delivery in Delivery.objects.order_by("id"):
        import_string(delivery.handler)(delivery.payload)


@pytest.mark.django_db
def test_asking_reads_the_same_whether_or_not_there_is_an_account(client: Client, amina: User) -> None:
    answers = [client.post("/password/reset/", {"email": email}) for email in ("AMINA@malipo.test", "no@malipo.test")]
    assert [(answer.status_code, answer["Location"]) for answer in answers] == [(302, "/password/reset/sent/")] * 2
    assert list(Delivery.objects.values_list("payload", flat=True)) == [{"user_id": amina.pk}]
    assert "If there is an account" in client.get("/password/reset/sent/").content.decode()


@pytest.mark.django_db
def test_asking_often_sends_one_mail_a_minute(amina: User) -> None:
    now = clock.now().replace(second=0)
    for _ in range(3):
        passwords.ask_for_reset(email=amina.email, now=now)
    assert Delivery.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_worker_sends_the_mail_with_a_link_on_our_own_address(client: Client, amina: User) -> None:
    client.post("/password/reset/", {"email": amina.email}, headers={"host": "localhost"})
    deliver_due(now=clock.now(), limit=10)
    assert Delivery.objects.get().state == "DONE"
    assert mail.outbox[0].to == [amina.email]
    assert f"{settings.PUBLIC_URL}/password/reset/" in mail.outbox[0].body


@pytest.mark.django_db
def test_the_link_sets_a_password_once_and_logs_in(client: Client, amina: User) -> None:
    client.post("/password/reset/", {"email": amina.email})
    deliver()
    path = reset_path()
    form = client.get(path)["Location"]
    answer = client.post(form, {"new_password1": NEW, "new_password2": NEW})
    assert answer["Location"] == "/"
    assert client.session["_auth_user_id"] == str(amina.pk)
    amina.refresh_from_db()
    assert amina.check_password(NEW)
    assert "This link has ended" in Client().get(path, follow=True).content.decode()


@pytest.mark.django_db
def test_the_owner_of_the_mailbox_is_not_locked_out(client: Client, amina: User) -> None:
    for _ in range(5):
        client.post("/log-in/", {"username": amina.email, "password": "wrong"})
    client.post("/password/reset/", {"email": amina.email})
    deliver()
    client.post(client.get(reset_path())["Location"], {"new_password1": NEW, "new_password2": NEW})
    client.post("/log-out/")
    assert client.post("/log-in/", {"username": amina.email, "password": NEW}).status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/password/reset/MQ/x-y/", "/password/reset/!!/x/"])
def test_a_link_that_is_none_says_so(client: Client, path: str) -> None:
    assert "This link has ended" in client.get(path).content.decode()


@pytest.mark.django_db
def test_nobody_is_written_to_who_has_left(amina: User) -> None:
    User.objects.filter(pk=amina.pk).update(is_active=False)
    passwords.ask_for_reset(email=amina.email, now=clock.now())
    passwords.send_reset({"user_id": amina.pk})
    assert (Delivery.objects.count(), mail.outbox) == (0, [])


@pytest.mark.django_db
def test_a_mail_server_that_is_down_means_certainly_not_sent(amina: User, settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with pytest.raises(Refused, match="ConnectionRefusedError"):
        passwords.send_reset({"user_id": amina.pk})


@pytest.mark.django_db
@pytest.mark.requirement("SEC-2")
@pytest.mark.usefixtures("clock_stands")
def test_asking_is_limited_by_address(client: Client, settings) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "password_reset": (1, 3600)}
    statuses = [client.post("/password/reset/", {"email": "a@malipo.test"}).status_code for _ in range(2)]
    assert statuses == [302, 429]


@pytest.mark.django_db
def test_a_changed_password_ends_every_other_session(browser: Client, amina: User) -> None:
    elsewhere = Client()
    elsewhere.post("/log-in/", {"username": amina.email, "password": PASSWORD})
    answer = browser.post("/password/", {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW})
    assert answer["Location"] == "/profile/"
    assert browser.get("/profile/").status_code == 200
    assert elsewhere.get("/profile/").status_code == 302


@pytest.mark.django_db
def test_the_present_password_is_needed(browser: Client) -> None:
    answer = browser.post("/password/", {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW})
    assert list(answer.context["form"].errors) == ["old_password"]
