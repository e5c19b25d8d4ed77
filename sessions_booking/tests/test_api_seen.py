"""SES-2, SES-7: who decides by the API may say as which they saw the session; a decision about another one is refused."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.http import HttpResponse

from accounts.models import User
from accounts.roles import Role
from lib import clock
from payments.tests.factories import UserFactory
from sessions_booking import booking
from sessions_booking.api_seen import LONGEST
from sessions_booking.models import Booking
from sessions_booking.states import State
from sessions_booking.tests import factories
from sessions_booking.tests.speaking import post, program, refusal

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("SES-2", "SES-7")]
ACTS: dict[str, dict[str, str]] = {
    "approve": {},
    "decline": {"reason": "Away"},
    "cancel": {"reason": "Away"},
    "reschedule": {"startsAt": "2026-11-27T10:00:00+03:00"},
}


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(factories.AT, tick=True):
        yield


def tag_of(row: Booking, by: User | None = None) -> str:
    """As its client, or somebody else, sees it now."""
    answer = program(by or row.client).get(f"/api/sessions/{row.code}")
    assert answer["ETag"] == f'"{answer.json()["session"]["version"]}"'
    return str(answer["ETag"])


def act(row: Booking, name: str, tag: str | None, by: User | None = None) -> HttpResponse:
    headers = {} if tag is None else {"If-Match": tag}
    address = f"/api/sessions/{row.code}/{name}"
    return program(by or row.therapist.user).post(address, ACTS[name], "application/json", headers=headers)


def moved(row: Booking) -> None:
    booking.reschedule(code=row.code, actor_id=row.client_id, starts_at=factories.at(5, 10), now=clock.now())


def cancelled(row: Booking) -> None:
    booking.cancel(code=row.code, actor_id=row.client_id, reason="", now=clock.now())


@pytest.mark.parametrize("name", ACTS)
def test_what_was_seen_as_it_is_is_done(name: str) -> None:
    row = factories.requested()
    done = act(row, name, tag_of(row))
    assert done.status_code == 200
    assert done["ETag"] == tag_of(row) == f'"{done.json()["session"]["version"]}"'


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("change", [moved, cancelled])
def test_what_has_changed_meanwhile_is_not_decided(name: str, change: Callable[[Booking], None]) -> None:
    row = factories.requested()
    tag = tag_of(row)
    change(row)
    before = Booking.objects.values().get()
    answer = act(row, name, tag)
    assert refusal(answer) == (412, "changed")
    assert Booking.objects.values().get() == before
    assert f"It is {row.__class__.objects.get().get_state_display()}, " in answer.json()["message"]


@pytest.mark.parametrize("name", ["cancel", "reschedule"])
def test_a_payment_on_its_way_is_a_change(name: str) -> None:
    """Its state is the same, but somebody is about to pay for it."""
    row = factories.approved()
    tag = tag_of(row)
    factories.prompted(row, now=clock.now())
    assert refusal(act(row, name, tag, row.client)) == (412, "changed")
    assert act(row, name, tag_of(row), row.client).status_code == 200


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("tag", [None, "*", " * "])
def test_who_says_nothing_decides_about_what_it_is_now(name: str, tag: str | None) -> None:
    row = factories.requested()
    moved(row)
    assert act(row, name, tag).status_code == 200


def test_one_of_several_tags_is_enough() -> None:
    row = factories.requested()
    assert act(row, "approve", f'"of-yesterday" , {tag_of(row)},W/"weak"').status_code == 200


@pytest.mark.parametrize("tag", ['"1"', '""', 'W/"{}"', '"x", "y"', '"a,b"'])
def test_other_tags_are_of_no_session(tag: str) -> None:
    """A weak one never matches (RFC 9110, 13.1.1)."""
    row = factories.requested()
    assert refusal(act(row, "approve", tag.format(tag_of(row).strip('"')))) == (412, "changed")


@pytest.mark.requirement("TST-3")
@pytest.mark.parametrize("tag", ["", " ", "1", '"', "**", '"a" "b"', '"a",', ',"a"', "w/\"a\"", '"é"', f'"{"x" * LONGEST}"'])  # fmt: skip
def test_what_is_no_tag(tag: str) -> None:
    row = factories.requested()
    assert refusal(act(row, "approve", tag)) == (400, "invalid_if_match")
    assert Booking.objects.get().state == State.PENDING


def test_strangers_and_staff_learn_nothing_by_it() -> None:
    row = factories.requested()
    assert refusal(act(row, "approve", '"x"', UserFactory())) == (404, "not_found")
    assert refusal(act(row, "approve", '"x"', UserFactory(role=Role.SUPPORT))) == (403, "not_allowed")


def test_both_of_its_people_and_every_list_see_one_version() -> None:
    row = factories.requested()
    listed = [program(user).get("/api/sessions").json()["sessions"][0] for user in (row.client, row.therapist.user)]
    assert {f'"{one["version"]}"' for one in listed} == {tag_of(row), tag_of(row, row.therapist.user)}
    asked = post(row.client, "/api/sessions", sessionTypeId=row.type_id, startsAt="2026-11-26T10:00:00+03:00")
    assert asked["ETag"] == tag_of(Booking.objects.latest("pk"))


def test_every_change_is_another_version() -> None:
    row, seen = factories.requested(), set()
    steps: list[Callable[[], Any]] = [
        lambda: moved(row),
        lambda: factories.approved(row),
        lambda: factories.failure(factories.prompted(row)),
        lambda: factories.confirmed(row),
        lambda: cancelled(row),
    ]
    for step in steps:
        seen.add(tag_of(row))
        step()
    assert len({*seen, tag_of(row)}) == len(steps) + 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round", range(4))
def test_of_two_who_saw_the_same_one_decides(round: int) -> None:
    """Compared under the lock: whoever comes second has seen another session."""
    row = factories.requested()
    tag = tag_of(row)

    def decide(name: str) -> int:
        try:
            return act(row, name, tag, row.client if name == "cancel" else None).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(decide, ["approve", "decline", "cancel"]))
    assert sorted(answers) == [200, 412, 412]
