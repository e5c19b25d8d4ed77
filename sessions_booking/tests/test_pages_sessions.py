"""The page of one session and the lists: every state to each reader, and what may be done there."""

import re
from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.roles import Role
from lib import clock
from payments.models import Payment
from payments.tests.factories import UserFactory
from sessions_booking import booking
from sessions_booking.models import Booking
from sessions_booking.states import State
from sessions_booking.tests import browsing, factories
from sessions_booking.tests.browsing import LIVES, ahead, at_of, browser_of, key_of, practised, text_of

pytestmark = pytest.mark.django_db

# what the client reads first, what the therapist reads first, the words of its payment
WORDS = {
    "requested": ("Waiting for approval", "To be approved", "Not paid"),
    "approved": ("Approved", "Approved, not paid yet", "Not paid"),
    "paying": ("Check your phone", "Approved, being paid", "Not paid yet: processing"),
    "failed": ("Approved", "Approved, not paid yet", "Not paid: failed"),
    "dismissed": ("Approved", "Approved, not paid yet", "Not paid: cancelled"),
    "silent": ("Timed out", "Approved, being paid", "Not paid: timed out"),
    "confirmed": ("Confirmed", "Confirmed", "Paid"),
    "completed": ("Completed", "Completed", "Paid"),
    "declined": ("Declined", "Declined", "Not paid"),
    "cancelled": ("Cancelled", "Cancelled", "Not paid"),
    "owed": ("Cancelled", "Cancelled", "Kept for the client"),
    "expired": ("Expired", "Expired", "Not paid"),
}


@pytest.fixture
def client_user() -> User:
    return factories.client(name="Amina W")


def url(row: Booking, name: str = "session") -> str:
    return reverse(f"sessions_booking:{name}", args=[row.code])


@pytest.mark.requirement("SES-3", "SES-4", "SES-5")
@pytest.mark.parametrize("life", LIVES)
def test_each_state_is_said_first_to_both(client_user: User, life: str) -> None:
    therapist, type = practised()
    row = LIVES[life](type, client_user, ahead(3))
    to_client, to_therapist, paid = WORDS[life]
    for who, headline in ((client_user, to_client), (therapist.user, to_therapist)):
        browser = browser_of(who)
        whole, part = browser.get(url(row)), browser.get(f"{url(row)}?part=1")
        assert f'<h1 class="answer__title">{headline}</h1>' in part.content.decode()
        assert f"<title>{headline} ·" in whole.content.decode()
        shown = paid.replace("the client", "you") if who == client_user else paid
        assert f"Payment {shown} " in text_of(part)
        assert "East Africa Time" in text_of(whole)
        assert len(whole.content) < 30_000


@pytest.mark.requirement("SES-3", "P5")
@pytest.mark.parametrize("life", [life for life in LIVES if life not in ("approved", "failed", "dismissed")])
def test_only_an_approved_unpaid_one_can_be_paid(client_user: User, life: str) -> None:
    _, type = practised()
    row = LIVES[life](type, client_user, ahead(3))
    browser, before = browser_of(client_user), Payment.objects.count()
    assert url(row, "pay") not in browser.get(url(row)).content.decode()
    assert browser.get(url(row, "pay")).status_code == 303
    answer = browser.post(url(row, "pay"), {"phone": "0712 345 678", "key": "abc"})
    assert answer.status_code in (303, 400, 409)
    assert Payment.objects.count() == before


def test_owed_money_is_said_to_both(client_user: User) -> None:
    therapist, type = practised()
    row = browsing.owed(type, client_user, ahead(3))
    assert "KES 2,500 that you paid is kept for you." in text_of(browser_of(client_user).get(url(row)))
    assert "The room is flooded" in text_of(browser_of(client_user).get(url(row)))
    assert "KES 2,500 is kept for Amina W." in text_of(browser_of(therapist.user).get(url(row)))


@pytest.mark.parametrize("cancelled", [False, True])
def test_all_that_is_kept_is_said_and_not_the_price(client_user: User, cancelled: bool) -> None:
    """Two receipts for one prompt: the second is kept, and both are once the session is cancelled."""
    therapist, type = practised()
    row = browsing.confirmed(type, client_user, ahead(3))
    paid = Payment.objects.get(pk=row.payment_id)
    factories.money(paid, now=clock.now())
    if cancelled:
        booking.cancel(code=row.code, actor_id=client_user.pk, reason="", now=clock.now())
    kept = "KES 5,000" if cancelled else "KES 2,500"
    assert f"{kept} that you paid is kept for you." in text_of(browser_of(client_user).get(url(row)))
    assert f"{kept} is kept for Amina W." in text_of(browser_of(therapist.user).get(url(row)))


def test_another_amount_is_kept_as_it_came(client_user: User) -> None:
    _, type = practised()
    row = browsing.paying(type, client_user, ahead(3))
    odd = factories.paying.lot(cents=250_100)
    factories.paying.tell(Payment.objects.get(target_id=row.pk, purpose="session"), odd, now=clock.now())
    assert "KES 2,501 that you paid is kept for you." in text_of(browser_of(client_user).get(url(row)))


@pytest.mark.parametrize("by", ["client", "therapist"])
def test_who_cancels_while_a_prompt_is_on_the_phone_is_told_not_to_pay(client_user: User, by: str) -> None:
    therapist, type = practised()
    row = browsing.paying(type, client_user, ahead(3))
    actor = client_user.pk if by == "client" else therapist.user_id
    booking.cancel(code=row.code, actor_id=actor, reason="" if by == "client" else "Ill", now=clock.now())
    page = text_of(browser_of(client_user).get(url(row)))
    assert "Do not pay for it any more: if a request is on your phone, cancel it there." in page
    assert "Nothing was paid for it." not in page
    assert ("Ill" in page) == (by == "therapist")


# --- Who may ---


@pytest.mark.requirement("SES-5", "SEC-1")
@pytest.mark.parametrize("name", ["session", "pay", "cancel", "decline", "move", "calendar"])
def test_somebody_elses_is_not_there(client_user: User, name: str) -> None:
    _, type = practised()
    row = browsing.confirmed(type, client_user, ahead(3))
    for stranger in (UserFactory(), practised()[0].user):
        assert browser_of(stranger).get(url(row, name)).status_code == 404
    visitor = browser_of(None).get(url(row, name))
    assert (visitor.status_code, visitor["Location"]) == (302, f"/log-in/?next={url(row, name)}")


@pytest.mark.parametrize("name", ["pay", "approve", "cancel", "decline", "move"])
def test_a_stranger_changes_nothing(client_user: User, name: str) -> None:
    _, type = practised()
    row = browsing.requested(type, client_user, ahead(3))
    answer = browser_of(UserFactory()).post(url(row, name), {"reason": "x", "at": at_of(ahead(4)), "phone": "1"})
    assert answer.status_code == 404
    row.refresh_from_db()
    assert (row.state, row.sequence) == (State.PENDING, Booking.objects.get(pk=row.pk).sequence)


def test_csrf_is_enforced(client_user: User) -> None:
    _, type = practised()
    row = browsing.requested(type, client_user, ahead(3))
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(client_user, backend="accounts.backends.RoleBackend")
    assert strict.post(url(row, "cancel"), {}).status_code == 403


@pytest.mark.parametrize(("role", "may_cancel"), [(Role.SUPPORT, False), (Role.FINANCE, False), (Role.ADMIN, True)])
def test_staff_look_and_only_an_admin_cancels(client_user: User, role: Role, may_cancel: bool) -> None:
    _, type = practised()
    row = browsing.confirmed(type, client_user, ahead(3))
    browser = browser_of(UserFactory(role=role))
    page = browser.get(url(row))
    assert "Amina W, Tabitha Therapist" in text_of(page)
    assert (url(row, "cancel") in page.content.decode()) is may_cancel
    assert browser.get(url(row, "calendar")).status_code == 404
    browser.post(url(row, "cancel"), {"reason": "Asked by telephone"})
    row.refresh_from_db()
    assert (row.state == State.CANCELLED) is may_cancel


# --- Approve, decline, cancel ---


@pytest.mark.requirement("SES-2", "P3")
def test_approving_twice_shows_how_it_stands(client_user: User) -> None:
    therapist, type = practised()
    row = browsing.requested(type, client_user, ahead(3))
    browser = browser_of(therapist.user)
    first = browser.post(url(row, "approve"))
    assert (first.status_code, first["Location"]) == (303, "/practice/")
    assert "Approved. Amina W can pay now." in text_of(browser.get("/practice/"))
    second = browser.post(url(row, "approve"))
    assert (second.status_code, second["Location"]) == (303, url(row))
    row.refresh_from_db()
    assert row.state == State.APPROVED


@pytest.mark.requirement("SES-2")
@pytest.mark.parametrize("page", ["/practice/", ""])
def test_a_time_that_the_therapist_never_saw_is_not_approved(client_user: User, page: str) -> None:
    """The page was open while the client moved the request."""
    therapist, type = practised()
    row = browsing.requested(type, client_user, ahead(3))
    browser = browser_of(therapist.user)
    seen = re.findall(r'name="seen" value="(\d+)"', browser.get(page or url(row)).content.decode())
    booking.reschedule(code=row.code, actor_id=client_user.pk, starts_at=ahead(4), now=clock.now())
    answer = browser.post(url(row, "approve"), {"seen": seen[0]}, follow=True)
    assert "This session has changed since you looked at it. It is Pending Approval, " in text_of(answer)
    row.refresh_from_db()
    assert row.state == State.PENDING
    seen = re.findall(r'name="seen" value="(\d+)"', answer.content.decode())
    browser.post(url(row, "approve"), {"seen": seen[0]})
    row.refresh_from_db()
    assert row.state == State.APPROVED


def seen_on(answer: HttpResponse) -> str:
    return re.findall(r'name="seen" value="(\d+)"', answer.content.decode())[0]


@pytest.mark.requirement("SES-2")
@pytest.mark.parametrize("act", ["decline", "cancel", "move"])
def test_what_nobody_saw_is_not_ended_or_moved(client_user: User, act: str) -> None:
    """The page was open while the other one changed the session: its words about time and money were of before."""
    therapist, type = practised()
    row = browsing.requested(type, client_user, ahead(3))
    by = therapist.user if act == "decline" else client_user
    if act != "decline":
        row = factories.approved(row, now=clock.now())
    new_time = {"at": at_of(ahead(6, 11))} if act == "move" else {}
    browser = browser_of(by)
    seen = seen_on(browser.get(url(row, act), new_time))
    if act == "decline":
        booking.reschedule(code=row.code, actor_id=client_user.pk, starts_at=ahead(4), now=clock.now())
    else:
        factories.confirmed(row, now=clock.now())
    state = Booking.objects.get().state
    sent = {"seen": seen, "reason": "Away", **new_time}
    answer = browser.post(url(row, act), sent, follow=True)
    assert "This session has changed since you looked at it. " in text_of(answer)
    row.refresh_from_db()
    assert row.state == state
    assert row.starts_at == (ahead(4) if act == "decline" else ahead(3))
    sent["seen"] = seen_on(browser.get(url(row, act), new_time))
    browser.post(url(row, act), sent)
    assert Booking.objects.get().sequence == row.sequence + 1


@pytest.mark.requirement("SES-2")
def test_a_client_cannot_approve_or_decline(client_user: User) -> None:
    _, type = practised()
    row = browsing.requested(type, client_user, ahead(3))
    browser = browser_of(client_user)
    assert browser.post(url(row, "approve")).status_code == 404
    assert browser.post(url(row, "decline"), {"reason": "no"}).status_code in (303, 404)
    row.refresh_from_db()
    assert row.state == State.PENDING


@pytest.mark.requirement("SES-2")
def test_declining_needs_a_reason_that_the_client_reads(client_user: User) -> None:
    therapist, type = practised()
    row = browsing.requested(type, client_user, ahead(3))
    browser = browser_of(therapist.user)
    answer = browser.post(url(row, "decline"), {"reason": "  "})
    assert answer.status_code == 400
    assert 'id="id_reason_error"' in answer.content.decode()
    assert browser.post(url(row, "decline"), {"reason": "I am away <b>then</b>"}).status_code == 303
    assert browser.post(url(row, "decline"), {"reason": "again"}).status_code == 303
    page = browser_of(client_user).get(url(row))
    assert "I am away &lt;b&gt;then&lt;/b&gt;" in page.content.decode()


@pytest.mark.requirement("SES-2")
@pytest.mark.parametrize(
    ("life", "words"),
    [
        ("requested", "Nothing was paid for it, so nothing has to go back."),
        ("paying", "If it is paid nevertheless, the money is kept for the client."),
        ("confirmed", "KES 2,500 was paid. It stays yours"),
    ],
)
def test_cancelling_says_first_what_happens_to_money(client_user: User, life: str, words: str) -> None:
    _, type = practised()
    row = LIVES[life](type, client_user, ahead(3))
    browser = browser_of(client_user)
    assert words in text_of(browser.get(url(row, "cancel")))
    for _ in range(2):  # a second click is harmless
        answer = browser.post(url(row, "cancel"), {"reason": ""})
        assert (answer.status_code, answer["Location"]) == (303, url(row))
    row.refresh_from_db()
    assert (row.state, row.ended_by) == (State.CANCELLED, "client")


def test_what_is_over_is_not_cancelled_or_moved(client_user: User) -> None:
    _, type = practised()
    row = browsing.completed(type, client_user, ahead(3))
    browser = browser_of(client_user)
    for name in ("cancel", "move"):
        assert browser.get(url(row, name))["Location"] == url(row)
    assert browser.post(url(row, "move"), {"at": at_of(ahead(5))})["Location"] == url(row)
    row.refresh_from_db()
    assert row.state == State.COMPLETED


# --- Moving ---


@pytest.mark.requirement("SES-2")
def test_a_paid_session_moves_with_its_payment(client_user: User) -> None:
    _, type = practised()
    row = browsing.confirmed(type, client_user, ahead(3))
    browser = browser_of(client_user)
    assert f"?at={at_of(ahead(4))}" in browser.get(f"{url(row, 'move')}?day={ahead(4):%Y-%m-%d}").content.decode()
    assert "What was paid stays with the session." in text_of(browser.get(f"{url(row, 'move')}?at={at_of(ahead(4))}"))
    answer = browser.post(url(row, "move"), {"at": at_of(ahead(4))})
    assert (answer.status_code, answer["Location"]) == (303, url(row))
    row.refresh_from_db()
    assert (row.starts_at, row.state) == (ahead(4), State.CONFIRMED)


@pytest.mark.requirement("SES-2")
def test_a_taken_time_comes_back_with_fresh_ones(client_user: User) -> None:
    _, type = practised()
    row = browsing.requested(type, client_user, ahead(3))
    browsing.requested(type, factories.client(), ahead(4))
    browser = browser_of(client_user)
    for answer in (
        browser.post(url(row, "move"), {"at": at_of(ahead(4))}),
        browser.get(f"{url(row, 'move')}?at={at_of(ahead(4))}"),
    ):
        page = answer.content.decode()
        assert answer.status_code == 409
        assert 'role="alert"' in page
        assert f"at={at_of(ahead(4, 11))}" in page
        assert f"at={at_of(ahead(4))}" not in page
    assert browser.post(url(row, "move"), {"at": "soon"}).status_code == 400


# --- Paying ---


@pytest.mark.requirement("SES-3", "P13")
def test_the_pay_page_states_the_exact_price_and_the_own_number(client_user: User) -> None:
    client_user.set_phone("0712 345 678")
    client_user.save(update_fields=User.PHONE_FIELDS)
    _, type = practised(shillings=2750)
    row = browsing.approved(type, client_user, ahead(3))
    page = browser_of(client_user).get(url(row, "pay"))
    assert "Price KES 2,750" in text_of(page)
    assert 'value="0712 345 678"' in page.content.decode()
    assert "0708 374 149 pays" in text_of(page)
    assert 'name="amount"' not in page.content.decode()


@pytest.mark.requirement("STK-10", "P29")
def test_a_failed_one_is_tried_again_with_its_number(client_user: User) -> None:
    _, type = practised()
    row = browsing.approved(type, client_user, ahead(3))
    payment = factories.prompted(row, now=clock.now(), phone="254733000111")
    factories.failure(payment, now=clock.now())
    browser = browser_of(client_user)
    assert 'value="0733 000 111"' in browser.get(f"{url(row, 'pay')}?again={payment.transaction_id}").content.decode()
    page = text_of(browser.get(url(row)))
    assert "Best tried again in" in page
    assert "Pay with M-Pesa" in page
    assert "Pay with M-Pesa" in page
    assert "Payments for it today" in page


@pytest.mark.requirement("STK-10", "P29")
def test_while_the_phone_is_locked_the_page_counts_down(client_user: User) -> None:
    _, type = practised()
    row = browsing.approved(type, client_user, ahead(3))
    factories.failure(factories.prompted(row, now=clock.now()), code="1001", now=clock.now())
    page = browser_of(client_user).get(url(row))
    assert "Best tried again in" in text_of(page)
    assert "data-seconds=" in page.content.decode()
    assert "Pay with M-Pesa" in text_of(page)


@pytest.mark.requirement("SES-3")
def test_the_last_hour_to_pay_has_a_countdown(client_user: User) -> None:
    _, type = practised()
    row = browsing.approved(type, client_user, ahead(3))
    assert "Time left to pay" not in text_of(browser_of(client_user).get(url(row)))
    Booking.objects.filter(pk=row.pk).update(pay_by=clock.now() + timedelta(minutes=30))
    assert "Time left to pay" in text_of(browser_of(client_user).get(url(row)))
    Booking.objects.filter(pk=row.pk).update(pay_by=clock.now() - timedelta(minutes=1))
    page = browser_of(client_user).get(url(row))
    assert "The time to pay has passed" in text_of(page)
    assert url(row, "pay") not in page.content.decode()


def test_a_busy_phone_is_said_at_the_field(client_user: User) -> None:
    _, type = practised()
    row = browsing.approved(type, client_user, ahead(3))
    factories.prompted(browsing.approved(type, factories.client(), ahead(4)), now=clock.now(), phone="254712345678")
    browser = browser_of(client_user)
    key = key_of(browser.get(url(row, "pay")))
    answer = browser.post(url(row, "pay"), {"phone": "0712 345 678", "key": key})
    assert answer.status_code == 409
    assert 'id="id_phone_error"' in answer.content.decode()
    assert int(answer["Retry-After"]) > 0


# --- Lists ---


@pytest.mark.requirement("SES-5")
def test_the_list_says_what_to_do_next_and_shows_receipts(client_user: User) -> None:
    _, type = practised()
    browsing.approved(type, client_user, ahead(3))
    paid = browsing.confirmed(type, client_user, ahead(4))
    browsing.cancelled(type, client_user, ahead(5))
    page = browser_of(client_user).get("/sessions/")
    text = text_of(page)
    assert (
        text.index("Upcoming") < text.index("Pay KES 2,500 by tomorrow") < text.index("Past") < text.index("Cancelled")
    )
    assert Payment.objects.get(pk=paid.payment_id).receipt in text
    assert "Session of 60" not in text_of(browser_of(factories.client()).get("/sessions/"))


@pytest.mark.requirement("SES-5")
def test_the_list_asks_the_same_of_the_database_for_one_and_for_thirty(
    client_user: User, django_assert_num_queries, django_assert_max_num_queries
) -> None:
    _, type = practised()
    browser = browser_of(client_user)

    def one(n: int) -> None:
        row = browsing.confirmed(type, client_user, ahead(1 + n // 5, 8 + 2 * (n % 5)))
        assert row.state == State.CONFIRMED

    one(0)
    browser.get("/sessions/")
    with django_assert_max_num_queries(14) as seen:
        browser.get("/sessions/")
    for n in range(1, 30):
        one(n)
    with django_assert_num_queries(len(seen.captured_queries)):
        page = browser.get("/sessions/")
    assert page.content.decode().count('class="session session--paid"') == 30


@pytest.mark.requirement("SES-1")
def test_home_shows_the_next_session(client_user: User) -> None:
    therapist, type = practised()
    browsing.approved(type, client_user, ahead(3))
    assert "Session with Tabitha Therapist" in text_of(browser_of(client_user).get("/"))
    assert "0 to approve, 1 not paid yet, 0 today" in text_of(browser_of(therapist.user).get("/"))


def test_a_session_under_way_cannot_be_answered_any_more(client_user: User) -> None:
    therapist, type = practised()
    row = browsing.requested(type, client_user, ahead(3))
    Booking.objects.filter(pk=row.pk).update(
        starts_at=clock.now() - timedelta(minutes=5), ends_at=clock.now() + timedelta(minutes=55),
        answer_by=clock.now() - timedelta(minutes=6),
    )  # fmt: skip
    browser = browser_of(therapist.user)
    assert "Approve" not in text_of(browser.get(url(row)))
    assert browser.post(url(row, "approve"))["Location"] == url(row)
    booking.release_due(now=clock.now())
    assert "It was not answered in time." in text_of(browser.get(url(row)))


@pytest.mark.requirement("SES-4", "CB-4")
def test_who_has_the_prompt_of_a_cancelled_session_is_told_to_leave_it_alone(client_user: User) -> None:
    _, type = practised()
    row = browsing.approved(type, client_user, ahead(3))
    payment = factories.prompted(row, now=clock.now())
    address = reverse("payments:payment", args=[payment.transaction_id])
    browser = browser_of(client_user)
    assert "Enter your M-Pesa PIN" in text_of(browser.get(address))
    therapist_id = row.therapist.user_id
    booking.cancel(code=row.code, actor_id=therapist_id, reason="I am ill.", now=clock.now())
    page = text_of(browser.get(address))
    assert "This session is Cancelled: please do not enter your PIN." in page
    assert "Enter your M-Pesa PIN" not in page
