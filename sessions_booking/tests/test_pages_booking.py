"""From the list of therapists to a session that was asked for; anybody may look, one must log in to ask."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import User
from lib import clock
from lib.clock import EAT
from sessions_booking import slots
from sessions_booking.models import Booking, OpeningHours, SessionType, Therapist
from sessions_booking.states import State
from sessions_booking.tests import browsing, factories
from sessions_booking.tests.browsing import ahead, at_of, browser_of, practised, text_of

pytestmark = pytest.mark.django_db


def page_of(row: Therapist, **query: object) -> str:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return f"{reverse('sessions_booking:therapist', args=[row.pk])}?{asked}"


def book_url(row: Therapist) -> str:
    return reverse("sessions_booking:book", args=[row.pk])


def ask(browser: Client, type: SessionType, starts_at=None, **more: str):
    data = {"type": str(type.pk), "at": at_of(starts_at or ahead(3)), **more}
    return browser.post(book_url(type.therapist), data)


# --- The list ---


@pytest.mark.requirement("SES-1")
def test_visitors_see_who_can_be_booked_and_when() -> None:
    row, _ = practised(shillings=2500)
    factories.session_type(row, minutes=30, shillings=1500)
    free = slots.next_free(therapists=[row], environment="sandbox", now=clock.now())[row.pk]
    page = text_of(browser_of(None).get("/therapists/"))
    assert "Tabitha Therapist Clinical psychologist Anxiety Couples Price from KES 1,500 Next free time" in page
    assert f"{free.astimezone(EAT):%H:%M}" in page
    assert "East Africa Time" in page


def test_who_is_not_listed_cannot_be_seen_or_booked() -> None:
    row, type = practised()
    Therapist.objects.filter(pk=row.pk).update(listed=False)
    browser = browser_of(factories.client())
    assert "Nobody can be booked yet" in text_of(browser.get("/therapists/"))
    assert browser.get(page_of(row)).status_code == 404
    assert ask(browser, type).status_code == 404
    assert browser.get("/therapists/99999999999999999999/").status_code == 404


def test_the_list_asks_the_same_of_the_database_for_one_and_for_thirty(django_assert_num_queries) -> None:
    practised()
    browser = browser_of(None)
    browser.get("/therapists/")
    with django_assert_num_queries(6):
        browser.get("/therapists/")
    for n in range(29):
        factories.session_type(factories.therapist(f"Therapist {n}", hours=(9, 12)))
    with django_assert_num_queries(6):
        assert browser.get("/therapists/").content.decode().count('class="card person"') == 30


# --- Choosing a time ---


@pytest.mark.requirement("SES-1")
def test_two_weeks_of_days_and_the_free_times_of_one() -> None:
    row, type = practised()
    OpeningHours.objects.filter(therapist=row, weekday=ahead(4).weekday()).delete()
    browsing.requested(type, factories.client(), ahead(3))
    page = browser_of(None).get(page_of(row, type=type.pk, day=f"{ahead(3):%Y-%m-%d}"))
    body = page.content.decode()
    assert body.count('class="days__day') == 14
    assert 'days__day--full"' in body  # the day without hours
    assert f"at={at_of(ahead(3))}" not in body
    assert f"at={at_of(ahead(3, 11))}" in body
    assert 'aria-current="date"' in body
    assert "Later" in text_of(page)
    assert "Earlier" not in text_of(page)


@pytest.mark.parametrize(
    "query", ["type=0", "type=x", "day=tomorrow", "from=1066-10-14", "from=9999-12-31", "day=2026-13-40"]
)
def test_nonsense_in_the_address_is_as_if_it_were_not_there(query: str) -> None:
    row, _ = practised()
    answer = browser_of(None).get(f"{page_of(row)}{query}")
    assert answer.status_code == 200
    assert answer.content.decode().count('class="days__day') == 14


@pytest.mark.usefixtures("clock_stands")
def test_windows_follow_each_other_up_to_the_horizon() -> None:
    row, _ = practised()
    today = clock.now().astimezone(EAT).date()
    last = today + timedelta(days=56)
    body = browser_of(None).get(page_of(row, **{"from": last})).content.decode()
    assert f"from={last - timedelta(days=14)}" in body
    assert 'rel="next"' not in body


# --- Asking for it ---


@pytest.mark.requirement("SES-1", "SEC-1")
def test_a_visitor_logs_in_and_comes_back_to_the_chosen_time() -> None:
    row, type = practised()
    chosen = f"{book_url(row)}?type={type.pk}&at={at_of(ahead(3))}"
    answer = browser_of(None).get(chosen)
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"/log-in/?next={book_url(row)}%3Ftype%3D")
    assert ask(browser_of(None), type).status_code == 302
    assert not Booking.objects.exists()


@pytest.mark.requirement("SES-1")
def test_back_from_the_session_that_was_asked_for_leads_to_it_again() -> None:
    row, type = practised()
    chosen = f"{book_url(row)}?type={type.pk}&at={at_of(ahead(3))}"
    browser = browser_of(factories.client())
    ask(browser, type)
    made = Booking.objects.get()
    answer = browser.get(chosen)
    assert answer.status_code == 200
    assert "You have asked for this time already. See your session" in text_of(answer)
    assert f'href="/sessions/{made.code}/"' in answer.content.decode()
    assert "not free any more" not in text_of(answer)
    others = browser_of(factories.client()).get(chosen)
    assert others.status_code == 409
    assert "not free any more" in text_of(others)
    assert made.code not in others.content.decode()


@pytest.mark.requirement("SES-1", "P1")
def test_the_confirming_page_says_all_and_the_session_is_asked_for() -> None:
    row, type = practised(shillings=2500)
    client = factories.client()
    browser = browser_of(client)
    page = text_of(browser.get(f"{book_url(row)}?type={type.pk}&at={at_of(ahead(3))}"))
    for words in ("Tabitha Therapist", "60 min", "KES 2,500", "10:00", "You pay after approval"):
        assert words in page
    answer = ask(browser, type)
    made = Booking.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"/sessions/{made.code}/")
    assert (made.state, made.client, made.starts_at) == (State.PENDING, client, ahead(3))
    assert "Waiting for approval" in text_of(browser.get(answer["Location"]))


@pytest.mark.requirement("SES-1")
def test_a_taken_time_comes_back_with_the_message_and_fresh_times() -> None:
    row, type = practised()
    browsing.requested(type, factories.client(), ahead(3))
    browser = browser_of(factories.client())
    for answer in (ask(browser, type), browser.get(f"{book_url(row)}?type={type.pk}&at={at_of(ahead(3))}")):
        body = answer.content.decode()
        assert answer.status_code == 409
        assert 'role="alert"' in body
        assert f"at={at_of(ahead(3))}" not in body
        assert f"at={at_of(ahead(3, 11))}" in body
    assert Booking.objects.count() == 1


@pytest.mark.parametrize(
    "at",
    ["", "soon", "2026-11-24", "2020-01-01T10:00", "2999-01-01T10:00", "2026-11-24T10:07", "\x00", "٢٠٢٦-11-24T10:00"],
)
def test_a_time_that_is_past_or_never_offered_is_refused_in_words(at: str) -> None:
    _, type = practised()
    answer = browser_of(factories.client()).post(book_url(type.therapist), {"type": str(type.pk), "at": at})
    assert answer.status_code in (400, 409)
    assert 'role="alert"' in answer.content.decode()
    assert not Booking.objects.exists()


def test_a_type_of_somebody_else_or_no_longer_offered_is_refused() -> None:
    row, _ = practised()
    _, others = practised()
    gone = factories.session_type(row, minutes=45, offered=False)
    browser = browser_of(factories.client())
    for one in (others, gone):
        assert browser.post(book_url(row), {"type": str(one.pk), "at": at_of(ahead(3))}).status_code == 400
    assert not Booking.objects.exists()


def test_nobody_books_themselves() -> None:
    row, type = practised()
    browser = browser_of(row.user)
    assert "This is your own page as clients see it." in text_of(browser.get(page_of(row)))
    assert ask(browser, type).status_code == 400
    assert not Booking.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement("SES-1")
def test_a_double_click_makes_one_session() -> None:
    _, type = practised()
    client = factories.client()

    def click(_: int) -> int:
        try:
            return ask(browser_of(client), type).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as hands:
        found = sorted(hands.map(click, range(3)))
    assert found == [303, 303, 303]
    assert Booking.objects.count() == 1


@pytest.mark.requirement("SEC-2")
@pytest.mark.usefixtures("clock_stands")
def test_too_many_are_told_to_wait(settings) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "change": (1, 900)}
    cache.clear()
    _, type = practised()
    browser = browser_of(factories.client())
    assert ask(browser, type, at="soon").status_code == 400
    answer = ask(browser, type)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0


@pytest.mark.requirement("SEC-3")
def test_names_are_shown_as_they_are_written() -> None:
    user = User.objects.create_user("x@malipo.test", None, role=User.Role.THERAPIST)
    row = factories.therapist("<script>alert(1)</script>", user=user, bio="<img src=x onerror=alert(2)>")
    factories.session_type(row)
    for path in ("/therapists/", page_of(row)):
        body = browser_of(None).get(path).content.decode()
        assert "<script>alert" not in body
        assert "<img src=x" not in body
