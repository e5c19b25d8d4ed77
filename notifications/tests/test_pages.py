"""The bell, the list behind it, what one chose, and development's mailbox."""

import re

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import passwords
from accounts.models import User
from lib import clock
from notifications.models import Audience, Channel, Notification, Preference, StoredMail
from notifications.tests import factories
from outbox.models import Delivery
from sessions_booking.tests import factories as booked

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("NOT-1", "RT-1")]


@pytest.fixture
def browser(client: Client) -> Client:
    """The client's of a session that was approved."""
    row = factories.one("session.approved", Audience.CLIENT, Channel.IN_APP)
    client.force_login(row.recipient, backend="accounts.backends.RoleBackend")
    return client


def page(browser: Client, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_bell_counts_what_is_unread_on_every_page(browser: Client) -> None:
    for address in ("/", "/profile/", "/notifications/bell/"):
        assert re.search(r'bell__count">1<.*unread', page(browser, address))
    browser.post("/notifications/seen/")
    assert "bell__count" not in page(browser, "/")


def test_the_bell_is_fetched_anew_by_the_socket(browser: Client) -> None:
    whole = page(browser, "/notifications/")
    assert 'class="bell" data-url="/notifications/bell/" data-socket="/ws/me/"' in whole
    assert "js/live.js" in whole


def test_the_list_says_it_in_words_and_leads_on(browser: Client) -> None:
    row = Notification.objects.get()
    whole = page(browser, "/notifications/")
    assert "Your session was approved: please pay KES 2,500" in whole
    assert "East Africa Time" in whole
    answer = browser.get(f"/notifications/{row.pk}/")
    assert answer["Location"] == f"/sessions/{row.booking.code}/pay/"
    row.refresh_from_db()
    assert row.seen_at
    assert "told__new" not in page(browser, "/notifications/?part=1")


def test_all_are_marked_as_read_without_a_script(browser: Client) -> None:
    assert "Mark all as read" in page(browser, "/notifications/")
    answer = browser.post("/notifications/seen/")
    assert (answer.status_code, answer["Location"]) == (303, "/notifications/")
    assert not Notification.objects.filter(seen_at=None).exists()
    assert "Mark all as read" not in page(browser, "/notifications/")


def test_what_is_somebody_elses_is_not_there(browser: Client) -> None:
    other = factories.one("session.approved", Audience.CLIENT, Channel.IN_APP)
    mine = Notification.objects.exclude(pk=other.pk).get()
    assert browser.get(f"/notifications/{other.pk}/").status_code == 404
    assert f"/notifications/{other.pk}/" not in page(browser, "/notifications/")
    browser.post("/notifications/seen/")
    other.refresh_from_db()
    mine.refresh_from_db()
    assert (other.seen_at, bool(mine.seen_at)) == (None, True)


def test_mails_and_sms_do_not_stand_in_the_list(browser: Client) -> None:
    row = Notification.objects.get()
    Notification.objects.create(
        event=row.event, key=row.key, recipient=row.recipient, audience=row.audience, channel=Channel.EMAIL,
        booking=row.booking, data=row.data, created_at=clock.now(),
    )  # fmt: skip
    assert page(browser, "/notifications/").count("told__line--new") == 1


@pytest.mark.parametrize("address", ["/notifications/", "/notifications/settings/", "/notifications/bell/"])
def test_a_visitor_logs_in_first(client: Client, address: str) -> None:
    assert client.get(address)["Location"].startswith("/log-in/?next=/notifications/")


def test_queries_do_not_grow_with_the_rows(browser: Client) -> None:
    row = Notification.objects.get()
    counts = []
    for number in (1, 15):
        for one in range(number):
            Notification.objects.create(
                event=row.event, key=f"{number}:{one}", recipient=row.recipient, audience=row.audience,
                channel=row.channel, booking=row.booking, data=row.data, created_at=clock.now(),
            )  # fmt: skip
        with CaptureQueriesContext(connection) as queries:
            page(browser, "/notifications/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_nothing_yet_says_so(client: Client) -> None:
    user = User.objects.create_user("new@malipo.test")
    client.force_login(user, backend="accounts.backends.RoleBackend")
    assert "Nothing yet" in page(client, "/notifications/")


def test_one_chooses_e_mails_and_sms(browser: Client) -> None:
    whole = page(browser, "/notifications/settings/")
    assert whole.count("checked") == 2
    assert "•••• 678" in whole
    assert "Receipts are always sent" in whole
    answer = browser.post("/notifications/settings/", {"email": "on"})
    assert answer.status_code == 303
    chosen = Preference.objects.get()
    assert (chosen.email, chosen.sms) == (True, False)
    assert page(browser, "/notifications/settings/").count("checked") == 1


def _store() -> StoredMail:
    mail = EmailMultiAlternatives("Hello", "Go to http://127.0.0.1:8000/x/?a=1&b=2 now", to=["a@malipo.test"])
    mail.attach_alternative("<h1>Hello</h1>", "text/html")
    assert get_connection("notifications.stored_mail.Backend").send_messages([mail]) == 1
    return StoredMail.objects.latest("id")


def test_development_reads_its_mails_newest_first(client: Client) -> None:
    _store()
    StoredMail.objects.create(to="b@malipo.test", subject="Newer", text="<script>x</script>", at=clock.now())
    whole = page(client, "/dev/mail/")
    assert whole.index("Newer") < whole.index("Hello")
    assert '<a href="http://127.0.0.1:8000/x/?a=1&amp;b=2"' in whole
    assert "<script>x" not in whole


def test_a_mail_as_html_may_do_nothing(client: Client) -> None:
    mail = _store()
    answer = client.get(f"/dev/mail/{mail.pk}/")
    assert answer.content == b"<h1>Hello</h1>"
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("sandbox ")
    assert "default-src 'none'" in policy
    assert "script" not in policy


def test_password_resets_are_read_there_too(client: Client, settings) -> None:
    settings.EMAIL_BACKEND = "notifications.stored_mail.Backend"
    user = User.objects.create_user("amina@malipo.test")
    passwords.send_reset({"user_id": user.pk})
    assert "Choose a new password" in page(client, "/dev/mail/")


def test_production_has_no_mailbox(client: Client, settings) -> None:
    mail = _store()
    settings.STORED_MAIL = False
    assert client.get("/dev/mail/").status_code == 404
    assert client.get(f"/dev/mail/{mail.pk}/").status_code == 404


def test_the_mailbox_keeps_the_newest(client: Client, monkeypatch) -> None:
    monkeypatch.setattr("notifications.stored_mail._KEPT", 3)
    for _ in range(5):
        _store()
    assert StoredMail.objects.count() == 3


def test_support_sees_the_admin_list_without_growing_queries(client: Client) -> None:
    support = User.objects.create_user("support@malipo.test", role=User.Role.SUPPORT)
    client.force_login(support, backend="accounts.backends.RoleBackend")
    counts = []
    for number in (1, 5):
        for _ in range(number):
            booked.approved()
        factories.react()
        client.get("/admin/notifications/notification/")
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/admin/notifications/notification/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert Delivery.objects.exists()
