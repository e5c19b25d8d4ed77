"""A therapist's board and hours: one glance says what waits, what is paid, and what is not."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework_simplejwt.tokens import AccessToken

from accounts.roles import Role
from audit.models import Entry
from lib import clock
from payments.models import Payment
from payments.tests.factories import UserFactory
from sessions_booking.models import Booking, HoursException, OpeningHours, SessionType, Therapist
from sessions_booking.tests import browsing, factories
from sessions_booking.tests.browsing import ahead, at_of, browser_of, practised, text_of

pytestmark = pytest.mark.django_db
HOURS = "/practice/hours/"


def post(browser: Client, do: str, **fields: object):
    return browser.post(HOURS, {"do": do, **fields})


# --- The board ---


@pytest.mark.requirement("SES-5", "P33", "P34", "P36")
def test_the_board_groups_and_counts_what_there_is() -> None:
    therapist, type = practised()
    amina = factories.client(name="Amina W")
    browsing.requested(type, amina, ahead(3))
    browsing.approved(type, amina, ahead(4))
    paid = browsing.confirmed(type, amina, ahead(5))
    browsing.declined(type, amina, ahead(6))
    browsing.approved(type, factories.client(name="Later L"), ahead(20))
    answer = browser_of(therapist.user).get("/practice/")
    page, body = text_of(answer), answer.content.decode()
    assert "1 to approve 2 not paid yet 0 today" in page
    order = [page.index(words) for words in ("No sessions today.", "To be approved", "Next 14 days", "Later L", "Past")]
    assert order == sorted(order)
    assert Payment.objects.get(pk=paid.payment_id).receipt in page
    assert body.count("session--paid") == 1
    assert body.count("session--unpaid") == 2
    assert "East Africa Time" in page
    assert len(answer.content) < 30_000


@pytest.mark.requirement("SES-5")
def test_a_request_is_on_the_board_however_full_the_diary_before_it_is() -> None:
    therapist, type = practised()
    late = browsing.requested(type, factories.client(name="Late Request"), ahead(50))
    agreed = browsing.approved(type, factories.client(), ahead(2))
    many = [
        Booking(**{
            **{field.attname: getattr(agreed, field.attname) for field in Booking._meta.concrete_fields},
            "id": None, "code": f"FULL{n:06}", "state": "PENDING",
            "starts_at": ahead(3) + n * timedelta(minutes=15), "ends_at": ahead(3) + (n + 1) * timedelta(minutes=15),
        })
        for n in range(210)
    ]  # fmt: skip
    Booking.objects.bulk_create(many)
    Booking.objects.filter(code__startswith="FULL").update(state="APPROVED")
    page = text_of(browser_of(therapist.user).get("/practice/"))
    assert "1 to approve" in page
    assert "Late Request" in page
    assert late.code in browser_of(therapist.user).get("/practice/").content.decode()


@pytest.mark.requirement("SES-5")
def test_todays_sessions_come_first() -> None:
    therapist, type = practised()
    row = browsing.confirmed(type, factories.client(), ahead(3))
    now = clock.now()
    Booking.objects.filter(pk=row.pk).update(
        starts_at=now, ends_at=now.replace(microsecond=1) + (row.ends_at - row.starts_at)
    )
    page = text_of(browser_of(therapist.user).get("/practice/"))
    assert "1 today" in page
    assert page.index("Today today") < page.index("Next 14 days")


@pytest.mark.requirement("SES-5", "P32")
def test_the_part_that_live_pages_fetch_changes_its_version_with_the_payment() -> None:
    therapist, type = practised()
    row = browsing.approved(type, factories.client(), ahead(3))
    browser = browser_of(therapist.user)

    def version() -> str:
        body = browser.get("/practice/?part=1").content.decode()
        assert "<html" not in body
        found = re.search(r'data-version="(\w+)"', body)
        assert found
        return found[1]

    unpaid = version()
    assert version() == unpaid
    factories.confirmed(row, now=clock.now())
    assert version() != unpaid


@pytest.mark.requirement("SES-5")
def test_the_board_asks_the_same_of_the_database_for_one_and_for_thirty(
    django_assert_num_queries, django_assert_max_num_queries
) -> None:
    therapist, type = practised()
    amina = factories.client()
    browser = browser_of(therapist.user)
    browsing.confirmed(type, amina, ahead(1, 8))
    browser.get("/practice/")
    with django_assert_max_num_queries(16) as seen:
        browser.get("/practice/")
    for n in range(1, 30):
        browsing.confirmed(type, amina, ahead(1 + n // 5, 8 + 2 * (n % 5)))
    with django_assert_num_queries(len(seen.captured_queries)):
        page = browser.get("/practice/")
    assert page.content.decode().count("session--paid") == 30


@pytest.mark.parametrize("role", [Role.CLIENT, Role.THERAPIST, Role.ADMIN])
@pytest.mark.parametrize("path", ["/practice/", HOURS])
def test_only_therapists_have_a_practice(role: Role, path: str) -> None:
    practised()
    assert browser_of(UserFactory(role=role)).get(path).status_code == 404


def test_another_therapists_sessions_are_not_on_the_board() -> None:
    _, type = practised()
    browsing.requested(type, factories.client(name="Amina W"), ahead(3))
    page = text_of(browser_of(practised()[0].user).get("/practice/"))
    assert "Amina W" not in page
    assert "0 to approve" in page


# --- What clients read ---


@pytest.mark.requirement("SES-1", "SEC-6")
def test_therapists_write_their_own_words() -> None:
    therapist, _ = practised()
    Therapist.objects.filter(pk=therapist.pk).update(bio="Before")
    browser = browser_of(therapist.user)
    page = browser.get(HOURS).content.decode()
    assert 'value="Clinical psychologist"' in page
    assert ">\nBefore</textarea>" in page
    bio = "  I listen.\r\n\r\n\r\n\r\nNdiyo, pia kwa Kiswahili.  "
    for _n in range(2):  # a second click changes nothing
        assert post(browser, "about", title="  Family \t counsellor ", bio=bio).status_code == 303
    therapist.refresh_from_db()
    assert (therapist.title, therapist.bio) == ("Family counsellor", "I listen.\n\nNdiyo, pia kwa Kiswahili.")
    page = browser_of(None).get(f"/therapists/{therapist.pk}/").content.decode()
    assert "<p>I listen.</p>" in page
    entry = Entry.objects.get(action="practice.about_saved")
    assert (entry.actor, entry.subject) == (f"user:{therapist.user_id}", f"therapist:{therapist.pk}")
    assert entry.data == {"changed": ["title", "bio"], "title": "Family counsellor", "bio_length": 36}


@pytest.mark.requirement("TST-3")
def test_their_words_are_words_and_nothing_else() -> None:
    """Escaped where they are shown, without controls and marks that turn the text around them."""
    therapist, _ = practised()
    browser = browser_of(therapist.user)
    odd = "<script>alert(1)</script> {{ settings }} https://x.test \u202egnp.exe\u2066\x07\x00"
    assert post(browser, "about", title=f"<b>{odd}", bio=odd).status_code == 303
    therapist.refresh_from_db()
    assert therapist.bio == "<script>alert(1)</script> {{ settings }} https://x.test gnp.exe"
    for path in (f"/therapists/{therapist.pk}/", "/therapists/", HOURS):
        page = browser.get(path).content.decode()
        assert "&lt;b&gt;&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page
        assert 'href="https://x.test' not in page
    said = Client(headers={"Authorization": f"Bearer {AccessToken.for_user(therapist.user)}"}).get("/api/therapists")
    assert said.json()["therapists"][0]["bio"] == therapist.bio


@pytest.mark.parametrize(
    ("fields", "error"),
    [({"title": "x" * 121}, "about_title_error"), ({"bio": "x" * 2001}, "about_bio_error")],
)
def test_their_words_have_an_end(fields: dict[str, str], error: str) -> None:
    therapist, _ = practised()
    answer = post(browser_of(therapist.user), "about", **{"title": "T", "bio": "B", **fields})
    assert answer.status_code == 400
    assert f'id="{error}"' in answer.content.decode()
    therapist.refresh_from_db()
    assert (therapist.title, therapist.bio) == ("Clinical psychologist", "")
    longest = "\r\n".join("x" * 1000)  # a browser counts each line's end as one character
    assert post(browser_of(therapist.user), "about", title="", bio=longest).status_code == 303


def test_nobody_writes_a_therapists_words_but_they() -> None:
    therapist, _ = practised()
    other, _ = practised()
    post(browser_of(other.user), "about", title="Mine", bio="Mine", row=therapist.pk, therapist_id=therapist.pk)
    therapist.refresh_from_db()
    assert therapist.title == "Clinical psychologist"
    assert post(browser_of(UserFactory()), "about", title="Mine").status_code == 404


# --- Hours and prices ---


@pytest.mark.requirement("SES-1")
def test_weekly_hours_are_added_and_removed() -> None:
    therapist, _ = practised()
    OpeningHours.objects.all().delete()
    browser = browser_of(therapist.user)
    assert "nobody can book you" in text_of(browser.get(HOURS))
    assert post(browser, "hours", weekday=2, opens="09:00", closes="12:30").status_code == 303
    assert "Wednesday 09:00 – 12:30" in text_of(browser.get(HOURS))
    row = OpeningHours.objects.get()
    for _n in range(2):  # a second click is harmless
        assert post(browser, "remove_hours", row=row.pk).status_code == 303
    assert not OpeningHours.objects.exists()
    told = Entry.objects.filter(action__startswith="practice.").order_by("id")
    assert list(told.values_list("action", flat=True)) == ["practice.hours_added", "practice.hours_removed"]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"opens": "12:00", "closes": "09:00"}, "hours_closes_error"),
        ({"opens": "", "closes": "09:00"}, "hours_opens_error"),
        ({"opens": "09:00", "closes": "25:00"}, "hours_closes_error"),
        ({"weekday": "7"}, "hours_weekday_error"),
        ({"weekday": "x"}, "hours_weekday_error"),
    ],
)
def test_wrong_hours_are_said_beside_their_field(fields: dict[str, str], error: str) -> None:
    therapist, _ = practised()
    OpeningHours.objects.all().delete()
    answer = post(browser_of(therapist.user), "hours", **{"weekday": 1, "opens": "09:00", "closes": "10:00", **fields})
    assert answer.status_code == 400
    assert f'id="{error}"' in answer.content.decode()
    assert not OpeningHours.objects.exists()


def test_overlapping_hours_are_refused_in_words() -> None:
    therapist, _ = practised()
    answer = post(browser_of(therapist.user), "hours", weekday=1, opens="17:00", closes="19:00")
    assert answer.status_code == 409
    assert "These hours overlap with others of that day." in text_of(answer)
    assert post(browser_of(therapist.user), "hours", weekday=1, opens="18:00", closes="19:00").status_code == 303


@pytest.mark.requirement("SES-1")
def test_a_day_off_takes_its_times_away_and_gives_them_back() -> None:
    therapist, type = practised()
    browser = browser_of(therapist.user)
    page = f"/therapists/{therapist.pk}/?type={type.pk}&day={ahead(3):%Y-%m-%d}"
    off = {"kind": "CLOSED", "starts_at": at_of(ahead(3, 0)), "ends_at": at_of(ahead(3, 23)), "note": "Wedding"}
    for _n in range(2):  # a second click is harmless
        assert post(browser, "exception", **off).status_code == 303
    row = HoursException.objects.get()
    assert row.starts_at == ahead(3, 0)
    assert "Wedding" in text_of(browser.get(HOURS))
    assert f"at={at_of(ahead(3))}" not in browser.get(page).content.decode()
    assert "Wedding" not in browser_of(None).get(page).content.decode()
    assert post(browser, "remove_exception", row=row.pk).status_code == 303
    assert f"at={at_of(ahead(3))}" in browser.get(page).content.decode()


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"ends_at": "2020-01-01T10:00", "starts_at": "2020-01-01T08:00"}, "exception_ends_at_error"),
        ({"ends_at": "2030-01-01T10:00", "starts_at": "2030-01-02T08:00"}, "exception_ends_at_error"),
        ({"starts_at": "tomorrow"}, "exception_starts_at_error"),
        ({"kind": "MAYBE"}, "exception_kind_error"),
        ({"note": "x" * 121}, "exception_note_error"),
    ],
)
def test_a_wrong_exception_is_said_beside_its_field(fields: dict[str, str], error: str) -> None:
    therapist, _ = practised()
    good = {"kind": "CLOSED", "starts_at": "2030-01-01T08:00", "ends_at": "2030-01-01T10:00"}
    answer = post(browser_of(therapist.user), "exception", **{**good, **fields})
    assert answer.status_code == 400
    assert f'id="{error}"' in answer.content.decode()


@pytest.mark.requirement("SES-1")
@pytest.mark.parametrize(
    ("starts_at", "ends_at"),
    [
        ("0001-01-01T00:00", "2030-01-01T10:00"),
        ("2026-11-01T00:00", "9999-12-31T23:59-05:00"),
        ("9999-12-31T22:00+00:00", "9999-12-31T23:00+00:00"),
    ],
)
def test_a_year_that_nobody_can_read_back_shuts_nobodys_doors(starts_at: str, ends_at: str) -> None:
    """One such row, and neither the list of therapists nor these hours could be shown any more."""
    therapist, _ = practised()
    browser = browser_of(therapist.user)
    answer = post(browser, "exception", kind="CLOSED", starts_at=starts_at, ends_at=ends_at)
    assert answer.status_code == 400
    assert "between the years 2000 and 2999" in text_of(answer)
    for page in (HOURS, "/therapists/", f"/therapists/{therapist.pk}/"):
        assert browser.get(page).status_code == 200


@pytest.mark.requirement("SES-1")
def test_a_price_changes_for_new_bookings_only() -> None:
    therapist, type = practised(shillings=2500)
    row = browsing.approved(type, factories.client(), ahead(3))
    browser = browser_of(therapist.user)
    assert 'value="2,500"' in browser.get(f"{HOURS}?change={type.pk}").content.decode()
    fields = {"type_id": type.pk, "name": "Long one", "minutes": 90, "price": "3,200"}
    assert post(browser, "type", **fields).status_code == 303
    type.refresh_from_db()
    assert (type.name, type.minutes, type.price_cents) == ("Long one", 90, 320_000)
    page = text_of(browser_of(row.client).get(f"/sessions/{row.code}/"))
    assert "Price KES 2,500" in page
    assert "60 min" in page


def test_types_are_added_offered_and_withdrawn() -> None:
    therapist, _ = practised()
    browser = browser_of(therapist.user)
    fields = {"name": "Couples", "minutes": "90", "price": "KES 4,000"}
    assert post(browser, "type", **fields).status_code == 303
    answer = post(browser, "type", **fields)
    assert answer.status_code == 409
    assert 'id="type_name_error"' in answer.content.decode()
    row = SessionType.objects.get(name="Couples")
    for do, offered in (("withdraw", False), ("withdraw", False), ("offer", True)):
        assert post(browser, do, row=row.pk).status_code == 303
        row.refresh_from_db()
        assert row.offered is offered


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"price": "10.50"}, "type_price_error"),
        ({"price": "0"}, "type_price_error"),
        ({"price": "300000"}, "type_price_error"),
        ({"minutes": "5"}, "type_minutes_error"),
        ({"minutes": "1e2"}, "type_minutes_error"),
        ({"name": ""}, "type_name_error"),
    ],
)
def test_a_wrong_type_is_said_beside_its_field(fields: dict[str, str], error: str) -> None:
    therapist, _ = practised()
    answer = post(browser_of(therapist.user), "type", **{"name": "A", "minutes": "60", "price": "100", **fields})
    assert answer.status_code == 400
    assert f'id="{error}"' in answer.content.decode()


def test_somebody_elses_rows_are_left_alone() -> None:
    theirs, type = practised()
    mine, _ = practised()
    browser = browser_of(mine.user)
    row = OpeningHours.objects.filter(therapist=theirs).first()
    assert row is not None
    assert post(browser, "remove_hours", row=row.pk).status_code == 303
    assert OpeningHours.objects.filter(pk=row.pk).exists()
    assert post(browser, "withdraw", row=type.pk).status_code == 303
    assert post(browser, "type", type_id=type.pk, name="Mine", minutes=60, price=1).status_code == 404
    type.refresh_from_db()
    assert (type.offered, type.name) == (True, "Session of 60")
    assert 'value="Session of 60"' not in browser.get(f"{HOURS}?change={type.pk}").content.decode()


@pytest.mark.parametrize("fields", [{}, {"do": "burn"}, {"do": "offer", "row": "x"}, {"do": "offer", "row": "9" * 30}])
def test_nonsense_is_not_there(fields: dict[str, str]) -> None:
    therapist, _ = practised()
    assert browser_of(therapist.user).post(reverse("sessions_booking:hours"), fields).status_code == 404
