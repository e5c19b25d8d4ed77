"""SES-7: therapists, free times, sessions by the API: what is answered, and who is told that there is nothing."""

from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
import time_machine
import yaml
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.roles import Role
from audit.models import Entry
from payments.tests.factories import UserFactory
from sessions_booking import booking
from sessions_booking.api_shapes import SESSION_WORDS, WORDS
from sessions_booking.models import Booking, SessionType
from sessions_booking.states import State
from sessions_booking.tests import factories
from sessions_booking.tests.browsing import browser_of
from sessions_booking.tests.speaking import post, program, refusal

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("SES-7")]
NAIVE = ["2026-11-24T10:00:00", "2026-11-24", "2026-11-24 10:00:00+03:00", "10:00", "tomorrow", "", None, 5, [], {},
         True, "2026-11-24T10:00:00+03", "2026-02-30T10:00:00Z", "0001-01-01T00:00:00+14:00", "2026-11-24T10:00:00Z\x00",
         "9999-12-31T23:59:59-12:00", "٢٠٢٦-11-24T10:00:00Z", "2026-11-24T10:00:00+99:99", "x" * 5000]  # fmt: skip


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    """Saturday 21 November 2026, 12:30 in Nairobi, and on from there."""
    with time_machine.travel(factories.AT, tick=True):
        yield


@pytest.fixture
def type() -> SessionType:
    return factories.session_type()


def get(user: User | None, address: str) -> Any:
    answer = program(user).get(address)
    assert answer.status_code == 200, answer.content
    return answer.json()


def slots_of(type: SessionType, query: str = "") -> str:
    return f"/api/therapists/{type.therapist_id}/slots?sessionTypeId={type.pk}{query}"


# --- Therapists and times --------------------------------------------------------------------------------------------


def test_therapists_with_what_they_offer(type: SessionType) -> None:
    factories.session_type(type.therapist, minutes=90, offered=False)
    factories.session_type(factories.therapist("Hidden", listed=False))
    body = get(UserFactory(), "/api/therapists")
    assert (body["total"], body["page"], body["pages"]) == (1, 1, 1)
    assert body["therapists"] == [
        {
            "id": type.therapist_id,
            "name": "Tabitha Therapist",
            "title": "",
            "bio": "",
            "specialties": [],
            "sessionTypes": [{"id": type.pk, "name": "Session of 60", "minutes": 60, "price": 2500, "currency": "KES"}],
            "nextFreeAt": "2026-11-21T14:00:00+03:00",
        }
    ]


def test_who_has_left_is_not_offered(type: SessionType) -> None:
    """As on the pages; booking was refused already."""
    User.objects.filter(pk=type.therapist.user_id).update(is_active=False)
    assert get(UserFactory(), "/api/therapists")["therapists"] == []
    assert refusal(program(UserFactory()).get(slots_of(type))) == (404, "not_found")


def test_free_times_are_nairobis(type: SessionType) -> None:
    factories.requested(type, starts_at=factories.at(1, 9))
    body = get(UserFactory(), slots_of(type, "&from=2026-11-22&days=1"))
    assert (body["therapistId"], body["timeZone"]) == (type.therapist_id, "Africa/Nairobi")
    times = [slot["startsAt"] for slot in body["slots"]]
    assert times[0] == "2026-11-22T08:00:00+03:00"
    assert times[-1] == "2026-11-22T17:00:00+03:00"
    assert "2026-11-22T08:30:00+03:00" not in times
    assert "2026-11-22T09:00:00+03:00" not in times
    assert "2026-11-22T10:00:00+03:00" in times
    assert body["slots"][0]["endsAt"] == "2026-11-22T09:00:00+03:00"


def test_without_a_day_it_is_two_weeks_from_today(type: SessionType) -> None:
    days = {slot["startsAt"][:10] for slot in get(UserFactory(), slots_of(type))["slots"]}
    assert (len(days), min(days), max(days)) == (14, "2026-11-21", "2026-12-04")


@pytest.mark.requirement("TST-3")
@pytest.mark.parametrize(
    "query",
    ["", "?sessionTypeId=x", "?sessionTypeId=0", "?sessionTypeId=1&days=0", "?sessionTypeId=1&days=32",
     "?sessionTypeId=1&from=22.11.2026", "?sessionTypeId=1&from=9999-12-31", "?sessionTypeId=1&from=0001-01-01",
     "?sessionTypeId=99999999999999999999"],
)  # fmt: skip
def test_odd_questions_for_times(type: SessionType, query: str) -> None:
    answer = program(UserFactory()).get(f"/api/therapists/{type.therapist_id}/slots{query}")
    assert refusal(answer) == (400, "invalid_request")
    assert answer.json()["errors"]


def test_times_of_nobody(type: SessionType) -> None:
    other = factories.session_type()
    hidden = factories.session_type(factories.therapist("Hidden", listed=False))
    gone = factories.session_type(type.therapist, minutes=90, offered=False)
    for address in (
        f"/api/therapists/{type.therapist_id}/slots?sessionTypeId={other.pk}",
        f"/api/therapists/{10**25}/slots?sessionTypeId={type.pk}",
        slots_of(hidden),
        slots_of(gone),
    ):
        assert refusal(program(UserFactory()).get(address)) == (404, "not_found")


# --- Booking ---------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("SES-1")
def test_a_client_books(type: SessionType) -> None:
    client = UserFactory(name="Amina Client")
    answer = post(client, "/api/sessions", sessionTypeId=type.pk, startsAt="2026-11-24T10:00:00+03:00")
    assert answer.status_code == 201
    row = Booking.objects.get()
    body = answer.json()
    assert body["message"] == "Tabitha Therapist has been asked. You can pay when the session is approved."
    assert {
        **body["session"],
        "requestedAt": "",
        "changedAt": "",
        "answerBy": body["session"]["answerBy"][:16],
        "version": "",
    } == {
        "sessionId": row.code,
        "status": "Pending Approval",
        "state": "PENDING",
        "therapist": {"id": type.therapist_id, "name": "Tabitha Therapist"},
        "client": {"name": "Amina Client"},
        "sessionType": {"id": type.pk, "name": "Session of 60", "minutes": 60},
        "startsAt": "2026-11-24T10:00:00+03:00",
        "endsAt": "2026-11-24T11:00:00+03:00",
        "timeZone": "Africa/Nairobi",
        "price": 2500,
        "currency": "KES",
        "answerBy": "2026-11-22T12:30",
        "payBy": None,
        "payable": False,
        "paymentStatus": None,
        "mpesaTransactionID": None,
        "reason": "",
        "endedBy": "",
        "requestedAt": "",
        "approvedAt": None,
        "changedAt": "",
        "version": "",
    }


def test_a_time_in_utc_is_the_same_time(type: SessionType) -> None:
    answer = post(UserFactory(), "/api/sessions", sessionTypeId=type.pk, startsAt="2026-11-24T07:00:00Z")
    assert answer.json()["session"]["startsAt"] == "2026-11-24T10:00:00+03:00"


@pytest.mark.requirement("TST-3")
@pytest.mark.parametrize("moment", NAIVE)
def test_a_time_that_does_not_say_whose_it_is(type: SessionType, moment: object) -> None:
    answer = post(UserFactory(), "/api/sessions", sessionTypeId=type.pk, startsAt=moment)
    assert refusal(answer) == (400, "invalid_time")
    assert "2026-11-23T10:00:00+03:00" in answer.json()["errors"]["startsAt"][0]
    assert not Booking.objects.exists()


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-20T10:00:00+03:00", (400, "slot_past")),
        ("2026-11-24T03:00:00+03:00", (400, "slot_not_offered")),
        ("2026-11-24T10:07:00+03:00", (400, "slot_not_offered")),
        ("2999-11-24T10:00:00+03:00", (400, "slot_not_offered")),
        ("2026-11-24T10:30:00+03:00", (409, "slot_taken")),
    ],
)
def test_times_that_cannot_be_had(type: SessionType, moment: str, expected: tuple[int, str]) -> None:
    factories.requested(type, starts_at=factories.at(3, 10))
    assert refusal(post(UserFactory(), "/api/sessions", sessionTypeId=type.pk, startsAt=moment)) == expected


@pytest.mark.parametrize("given", [{}, {"sessionTypeId": None}, {"sessionTypeId": "x"}, {"sessionTypeId": [1]},
                                   {"sessionTypeId": 10**30}, {"sessionTypeId": True}])  # fmt: skip
def test_types_that_are_none(given: dict[str, object]) -> None:
    answer = post(UserFactory(), "/api/sessions", startsAt="2026-11-24T10:00:00+03:00", **given)
    assert refusal(answer) == (400, "invalid_request")
    assert list(answer.json()["errors"]) == ["sessionTypeId"]


def test_what_is_not_offered_is_not_booked(type: SessionType) -> None:
    hidden = factories.session_type(factories.therapist("Hidden", listed=False))
    for pk in (hidden.pk, 10**15):
        answer = post(UserFactory(), "/api/sessions", sessionTypeId=pk, startsAt="2026-11-24T10:00:00+03:00")
        assert refusal(answer) == (404, "not_listed")
    own = post(type.therapist.user, "/api/sessions", sessionTypeId=type.pk, startsAt="2026-11-24T10:00:00+03:00")
    assert refusal(own) == (400, "own_session")


# --- Who sees what ---------------------------------------------------------------------------------------------------


def staff(role: Role) -> User:
    return UserFactory(role=role)


def test_the_two_and_staff_see_a_session() -> None:
    row = factories.approved()
    expected = get(row.client, f"/api/sessions/{row.code}")["session"]
    assert (expected["status"], expected["payable"]) == ("Approved", True)
    assert expected["payBy"] is not None
    for reader in (row.therapist.user, staff(Role.SUPPORT), staff(Role.FINANCE), staff(Role.ADMIN)):
        assert get(reader, f"/api/sessions/{row.code}")["session"] == expected
    assert row.client.email not in str(expected)


ACTS = {"approve": {}, "decline": {"reason": "away"}, "cancel": {"reason": "ill"},
        "reschedule": {"startsAt": "2026-11-26T10:00:00+03:00"}}  # fmt: skip
READS = ["/api/sessions/{}", "/api/mpesa/status/{}"]


@pytest.mark.requirement("SEC-1", "TST-3")
def test_for_all_others_there_is_none() -> None:
    row = factories.approved()
    strangers = [UserFactory(), factories.therapist("Other").user]
    for stranger in strangers:
        for address in READS:
            assert refusal(program(stranger).get(address.format(row.code))) == (404, "not_found")
        for act, body in ACTS.items():
            assert refusal(post(stranger, f"/api/sessions/{row.code}/{act}", **body)) == (404, "not_found")
    row.refresh_from_db()
    assert row.state == State.APPROVED


@pytest.mark.requirement("SEC-1")
@pytest.mark.parametrize("code", ["ZZZZZZZZZZ", "x", "-", "1" * 500])
def test_codes_of_nothing(code: str) -> None:
    user = UserFactory()
    for address in READS:
        assert refusal(program(user).get(address.format(code))) == (404, "not_found")
    for act, body in ACTS.items():
        assert refusal(post(user, f"/api/sessions/{code}/{act}", **body)) == (404, "not_found")


@pytest.mark.requirement("SEC-1")
def test_without_a_token_nothing_is_said(type: SessionType) -> None:
    row = factories.approved(type=type)
    for address in ("/api/therapists", slots_of(type), "/api/sessions", *(read.format(row.code) for read in READS)):
        assert refusal(program(None).get(address)) == (401, "not_authenticated")
    for act, body in ACTS.items():
        assert refusal(post(None, f"/api/sessions/{row.code}/{act}", **body)) == (401, "not_authenticated")


@pytest.mark.requirement("SEC-6", "P69")
@pytest.mark.parametrize("role", [Role.SUPPORT, Role.FINANCE, Role.ADMIN])
def test_staff_look_at_nobodys_session_unseen(type: SessionType, role: Role) -> None:
    """By the API and on its page, as in the admin. Its own people are not written down."""
    row, staff = factories.approved(factories.requested(type)), UserFactory(role=role)
    addresses = ["/api/sessions", f"/api/sessions/{row.code}", f"/api/mpesa/status/{row.code}"]
    for user in (staff, row.client, row.therapist.user):
        for address in addresses:
            get(user, address)
        browser_of(user).get(f"/sessions/{row.code}/")
    looks = Entry.objects.filter(action="admin.viewed").values_list("actor", "subject")
    assert sorted(looks) == [(f"user:{staff.pk}", "booking:list"), (f"user:{staff.pk}", f"session:{row.code}")]


def test_a_list_is_ones_own(type: SessionType) -> None:
    client = UserFactory()
    late = factories.requested(type, by=client, starts_at=factories.at(5, 10))
    soon = factories.approved(type=type, by=client, starts_at=factories.at(2, 10))
    other = factories.requested(type)
    codes = lambda user, query="": [row["sessionId"] for row in get(user, f"/api/sessions{query}")["sessions"]]  # noqa: E731
    assert codes(client) == [late.code, soon.code]
    assert codes(other.client) == [other.code]
    assert codes(type.therapist.user) == [late.code, other.code, soon.code]
    assert codes(staff(Role.SUPPORT)) == [late.code, other.code, soon.code]
    assert codes(UserFactory()) == []
    assert codes(client, "?state=APPROVED") == [soon.code]
    assert codes(client, "?page=2&limit=1") == [soon.code]
    assert codes(client, "?page=9&limit=1") == [soon.code]


@pytest.mark.requirement("TST-3")
@pytest.mark.parametrize(
    "query", ["?state=x", "?state=approved", "?page=0", "?page=x", "?limit=101", "?page=1e9", "?limit=-1"]
)
def test_odd_questions_for_a_list(query: str) -> None:
    answer = program(UserFactory()).get(f"/api/sessions{query}")
    assert refusal(answer)[0] == 400
    assert list(answer.json()["errors"]) == [query[1:].partition("=")[0]]


@pytest.mark.requirement("OPS-6")
def test_thirty_sessions_cost_the_queries_of_one(type: SessionType) -> None:
    reader = staff(Role.SUPPORT)
    factories.confirmed(type=type, starts_at=factories.at(1, 9))
    for address in ("/api/sessions?limit=100", "/api/therapists?limit=100"):
        get(reader, address)  # the look that is written down
        with CaptureQueriesContext(connection) as one:
            get(reader, address)
        for number in range(29):
            factories.approved(type=factories.session_type(), starts_at=factories.at(2 + number, 10))
        with CaptureQueriesContext(connection) as thirty:
            body = get(reader, address)
        assert body["total"] >= 30
        assert len(thirty) == len(one)


# --- Acts ------------------------------------------------------------------------------------------------------------

Made = Callable[..., Booking]


def declined(**given: Any) -> Booking:
    row = factories.requested(**given)
    return booking.decline(code=row.code, actor_id=row.therapist.user_id, reason="away", now=factories.AT)


def cancelled(**given: Any) -> Booking:
    row = factories.requested(**given)
    return booking.cancel(code=row.code, actor_id=row.client_id, reason="", now=factories.AT)


def expired(**given: Any) -> Booking:
    row = factories.requested(**given, now=factories.AT - (factories.at(3, 10) - factories.at(0, 0)))
    Booking.objects.filter(pk=row.pk).update(starts_at=factories.at(-1, 10), ends_at=factories.at(-1, 11))
    booking.release_due(now=factories.AT)
    row.refresh_from_db()
    return row


STATES: dict[State, Made] = {
    State.PENDING: factories.requested,
    State.APPROVED: lambda **given: factories.approved(**given),
    State.CONFIRMED: lambda **given: factories.confirmed(**given),
    State.DECLINED: declined,
    State.CANCELLED: cancelled,
    State.EXPIRED: expired,
}
ALLOWED = {
    "approve": {State.PENDING: State.APPROVED},
    "decline": {State.PENDING: State.DECLINED},
    "cancel": dict.fromkeys((State.PENDING, State.APPROVED, State.CONFIRMED), State.CANCELLED),
    "reschedule": {state: state for state in (State.PENDING, State.APPROVED, State.CONFIRMED)},
}


@pytest.mark.requirement("SES-2")
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("act", ACTS)
def test_an_act_meets_every_state(act: str, state: State) -> None:
    row = STATES[state]()
    assert row.state == state
    answer = post(row.therapist.user, f"/api/sessions/{row.code}/{act}", **ACTS[act])
    after = ALLOWED[act].get(state)
    row.refresh_from_db()
    if after is None:
        assert refusal(answer) == (409, "wrong_state")
        assert row.state == state
        return
    assert answer.status_code == 200
    assert answer.json()["session"]["state"] == row.state == after
    assert answer.json()["session"]["status"] == WORDS[after]
    again = post(row.therapist.user, f"/api/sessions/{row.code}/{act}", **ACTS[act])
    assert refusal(again) == ((400, "same_time") if act == "reschedule" else (409, "wrong_state"))


WHO = {"approve": {"therapist"}, "decline": {"therapist"}, "cancel": {"client", "therapist", "admin"},
       "reschedule": {"client", "therapist"}}  # fmt: skip


@pytest.mark.requirement("SES-2", "SEC-8")
@pytest.mark.parametrize("who", ["client", "therapist", "support", "finance", "admin"])
@pytest.mark.parametrize("act", ACTS)
def test_an_act_meets_everybody_who_sees_it(act: str, who: str) -> None:
    row = factories.requested()
    people = {"client": row.client, "therapist": row.therapist.user}
    user = people.get(who) or staff(Role(who.upper()))
    answer = post(user, f"/api/sessions/{row.code}/{act}", **ACTS[act])
    if who in WHO[act]:
        assert answer.status_code == 200, answer.content
    else:
        assert refusal(answer) == (403, "not_allowed")


def test_words_of_what_was_done() -> None:
    row = factories.requested(by=UserFactory(name="Amina Client"))
    therapist = row.therapist.user
    said = post(therapist, f"/api/sessions/{row.code}/approve").json()
    assert said["message"] == "Approved. Amina Client is asked to pay."
    said = post(therapist, f"/api/sessions/{row.code}/reschedule", startsAt="2026-11-26T10:00:00+03:00").json()
    assert said["message"] == "Moved to Thursday 26 Nov 2026, 10:00, East Africa Time."
    factories.money(factories.prompted(row))
    said = post(row.client, f"/api/sessions/{row.code}/cancel").json()
    assert said["message"] == "Cancelled. The time is free again. What was paid is owed to the client."
    assert (said["session"]["paymentStatus"], said["session"]["endedBy"]) == ("Owed", "client")


@pytest.mark.parametrize("act", ["decline", "cancel"])
@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "  "}])
def test_a_therapist_says_why(act: str, body: dict[str, str]) -> None:
    row = factories.requested()
    answer = post(row.therapist.user, f"/api/sessions/{row.code}/{act}", **body)
    assert refusal(answer) == (400, "reason_needed")
    assert list(answer.json()["errors"]) == ["reason"]


@pytest.mark.requirement("TST-3")
@pytest.mark.parametrize("reason", ["x" * 301, "a\x00b", "\ud800", ["x"], {"a": 1}])
def test_reasons_that_cannot_be_kept(reason: object) -> None:
    row = factories.requested()
    answer = post(row.therapist.user, f"/api/sessions/{row.code}/decline", reason=reason)
    assert refusal(answer) == (400, "invalid_request")


@pytest.mark.parametrize("moment", NAIVE)
def test_a_session_is_not_moved_to_nowhere(moment: object) -> None:
    row = factories.requested()
    answer = post(row.client, f"/api/sessions/{row.code}/reschedule", startsAt=moment)
    assert refusal(answer) == (400, "invalid_time")


@pytest.mark.requirement("SEC-2")
@pytest.mark.usefixtures("clock_stands")
def test_acts_are_counted(settings: Any) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "change": (2, 900)}
    row = factories.requested()
    tries = [post(row.client, f"/api/sessions/{row.code}/approve").status_code for _ in range(3)]
    assert tries == [403, 403, 429]


@pytest.mark.requirement("SEC-1", "TST-3")
def test_a_cookie_alone_changes_nothing() -> None:
    row = factories.requested()
    client = program(None, enforce_csrf_checks=True)
    client.force_login(row.therapist.user, backend="accounts.backends.RoleBackend")
    answer = client.post(f"/api/sessions/{row.code}/approve", {}, content_type="application/json")
    assert refusal(answer) == (403, "forbidden")


# --- The description -------------------------------------------------------------------------------------------------


def test_every_state_has_the_documents_word() -> None:
    assert {state: str(state.label) for state in State} == WORDS
    assert len(set(SESSION_WORDS)) == len(State)


@pytest.mark.requirement("DOC-1")
def test_what_is_answered_is_what_is_described() -> None:
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out, stderr=StringIO())
    shapes = yaml.safe_load(out.getvalue())["components"]["schemas"]
    row = factories.confirmed()
    session = get(row.client, f"/api/sessions/{row.code}")["session"]
    assert set(session) == set(shapes["Session"]["properties"])
    assert get(row.client, "/api/sessions")["sessions"] == [session]
    assert set(get(row.client, "/api/sessions")) == set(shapes["Sessions"]["properties"])
    therapists = get(row.client, "/api/therapists")
    assert set(therapists["therapists"][0]) == set(shapes["Therapist"]["properties"])
    assert set(get(row.client, slots_of(row.type))) == set(shapes["Slots"]["properties"])
    paid = get(row.client, f"/api/mpesa/status/{row.code}")
    assert set(paid) == set(shapes["PaymentStatus"]["properties"])
    assert set(paid["paymentAttempts"][0]) == set(shapes["Attempt"]["properties"])
