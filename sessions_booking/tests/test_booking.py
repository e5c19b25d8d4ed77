"""Acts on a session: who may do what, when, and what is said about it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import settings

from accounts.roles import Role
from audit.models import Entry
from ledger import books, chart, checks
from lib.errors import Refusal
from outbox.models import Delivery
from payments import lifecycle
from payments.facts import Fact, Kind, Lot, Source
from payments.models import Payment
from payments.tests.factories import UserFactory, answered, new_receipt, refusal, sent, tell
from sessions_booking import booking, reminders
from sessions_booking.models import Booking, HoursException, Reminder
from sessions_booking.states import MOVES, State
from sessions_booking.tests.factories import (
    AT,
    approved,
    at,
    client,
    confirmed,
    failure,
    later,
    money,
    prompted,
    requested,
    session_type,
    started,
    therapist,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def said(settings: "settings") -> Callable[..., list[tuple[str, dict[str, object]]]]:
    """What was published about a session, oldest first: topics with payloads."""
    acts = ["requested", "approved", "declined", "cancelled", "rescheduled", "expired", "confirmed", "completed"]
    topics = [f"session.{act}" for act in (*acts, "reminder", "owed", "unanswered")]
    settings.REACTIONS = {topic: ["sessions_booking.tests.test_booking.heard"] for topic in topics}

    def published(row: Booking) -> list[tuple[str, dict[str, object]]]:
        rows = Delivery.objects.filter(payload__booking_id=row.pk).order_by("id")
        return [(delivery.topic.removeprefix("session."), delivery.payload) for delivery in rows]

    return published


def heard(payload: dict[str, object]) -> None:
    """Only that it was published matters here."""


def refused(code: str, act: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        act()
    assert refusal.value.code == code
    return refusal.value


def topics(rows: list[tuple[str, dict[str, object]]]) -> list[str]:
    return [topic for topic, _ in rows]


# --- Booking ---


@pytest.mark.requirement("SES-1", "P1", "P2")
def test_a_request_waits_for_its_therapist(said: Callable[..., list[tuple[str, dict[str, object]]]]) -> None:
    row = requested()
    assert (row.state, row.price_cents, row.environment) == ("PENDING", 250_000, "sandbox")
    assert row.ends_at - row.starts_at == timedelta(minutes=60)
    assert said(row) == [("requested", {"booking_id": row.pk, "by": "client", "actor_id": row.client_id})]
    trail = Entry.objects.get(action="session.requested", subject=f"session:{row.code}")
    assert trail.actor == f"user:{row.client_id}"


@pytest.mark.requirement("SES-1")
@pytest.mark.parametrize(
    ("starts_at", "code"),
    [
        (at(-1, 10), "slot_past"),
        (AT - timedelta(seconds=1), "slot_past"),
        (at(0, 13), "slot_not_offered"),
        (at(3, 7), "slot_not_offered"),
        (at(3, 17, 30), "slot_not_offered"),
        (at(3, 10, 10), "slot_not_offered"),
        (at(80, 10), "slot_not_offered"),
    ],
)
def test_only_offered_times_are_booked(starts_at: datetime, code: str) -> None:
    type = session_type()
    refused(code, lambda: requested(type, starts_at=starts_at))
    assert not Booking.objects.exists()


@pytest.mark.requirement("SES-1")
def test_a_taken_time_is_refused_and_a_given_up_one_is_not() -> None:
    type = session_type()
    first = requested(type)
    refusal = refused("slot_taken", lambda: requested(type, starts_at=at(3, 10, 30)))
    assert (refusal.status, refusal.message) == (409, "That time has just been taken. Choose another one.")
    booking.cancel(code=first.code, actor_id=first.client_id, reason="", now=AT)
    assert requested(type).state == "PENDING"


def test_nobody_books_with_themselves_or_what_is_not_offered() -> None:
    type = session_type()
    refused("own_session", lambda: requested(type, by=type.therapist.user))
    type.offered = False
    type.save()
    refused("not_listed", lambda: requested(type))
    hidden = session_type(therapist(listed=False))
    refused("not_listed", lambda: requested(hidden))
    refused("not_listed", lambda: booking.book(request=booking.Request(client().pk, 999_999, at(3, 10)), now=AT))


def test_nobody_blocks_a_calendar() -> None:
    type, someone = session_type(), client()
    rows = [requested(type, by=someone, starts_at=at(3, hour)) for hour in range(9, 14)]
    refused("too_many", lambda: requested(type, by=someone, starts_at=at(4, 10)))
    assert requested(type, starts_at=at(4, 10)).state == "PENDING"
    assert requested(by=someone, starts_at=at(4, 10)).state == "PENDING"
    confirmed(approved(rows[0]))
    assert requested(type, by=someone, starts_at=at(4, 12)).state == "PENDING"


# --- Answering ---


@pytest.mark.requirement("SES-2", "P3")
def test_approval_says_until_when_it_is_held(said: Callable[..., list[tuple[str, dict[str, object]]]]) -> None:
    row = approved(now=later(60))
    assert (row.state, row.approved_at) == ("APPROVED", later(60))
    assert row.pay_by == later(60) + settings.SESSION_PAY_WITHIN * settings.TIME_SCALE
    assert topics(said(row)) == ["requested", "approved"]
    assert list(row.reminders.order_by("due_at").values_list("kind", "state")) == [
        ("answer", "OFF"),
        ("24h", "WAITING"),
        ("1h", "WAITING"),
    ]


@pytest.mark.requirement("SES-2")
def test_a_session_that_is_near_is_held_until_it_starts(settings: "settings") -> None:
    settings.SESSION_PAY_WITHIN = timedelta(days=400)
    row = approved()
    assert row.pay_by == row.starts_at


@pytest.mark.requirement("SES-2", "SES-3")
def test_approving_twice_says_how_it_stands(said: Callable[..., list[tuple[str, dict[str, object]]]]) -> None:
    row = approved()
    refusal = refused("wrong_state", lambda: approved(row))
    assert (refusal.status, refusal.message) == (409, "This session is Approved. Look at it again: it has changed.")
    assert topics(said(row)) == ["requested", "approved"]


@pytest.mark.requirement("SES-2")
def test_a_request_whose_time_has_passed_is_not_approved() -> None:
    row = requested()
    refused("slot_past", lambda: approved(row, now=row.starts_at))


@pytest.mark.requirement("SES-2")
def test_declining_needs_a_reason(said: Callable[..., list[tuple[str, dict[str, object]]]]) -> None:
    row = requested()
    act = {"code": row.code, "actor_id": row.therapist.user_id, "now": AT}
    refused("reason_needed", lambda: booking.decline(reason="  ", **act))
    declined = booking.decline(reason="I am away that week.", **act)
    assert (declined.state, declined.reason, declined.ended_by) == ("DECLINED", "I am away that week.", "therapist")
    assert topics(said(row)) == ["requested", "declined"]
    assert not row.reminders.filter(state="WAITING").exists()


@pytest.mark.requirement("SES-2", "SEC-8")
@pytest.mark.parametrize("act", ["approve", "decline"])
def test_only_its_therapist_answers(act: str) -> None:
    row = requested()
    more = {"reason": "x"} if act == "decline" else {}

    def by(actor_id: int) -> Callable[[], object]:
        return lambda: getattr(booking, act)(code=row.code, actor_id=actor_id, now=AT, **more)

    assert refused("not_allowed", by(row.client_id)).status == 403
    assert refused("not_found", by(client().pk)).status == 404
    assert refused("not_found", by(therapist().user_id)).status == 404
    assert refused("not_allowed", by(UserFactory(role=Role.FINANCE).pk)).status == 403
    assert refused("not_allowed", by(UserFactory(role=Role.ADMIN).pk)).status == 403
    refused("not_found", lambda: getattr(booking, act)(code="NOSUCHCODE", actor_id=row.client_id, now=AT, **more))


# --- Cancelling and moving ---


@pytest.mark.requirement("SES-2")
@pytest.mark.parametrize("make", [requested, approved, confirmed])
def test_either_may_cancel_and_the_other_side_is_told(
    make: Callable[[], Booking], said: Callable[..., list[tuple[str, dict[str, object]]]]
) -> None:
    row = make()
    cancelled = booking.cancel(code=row.code, actor_id=row.client_id, reason="", now=AT)
    assert (cancelled.state, cancelled.ended_by) == ("CANCELLED", "client")
    topic, payload = said(row)[-1]
    assert (topic, payload["by"], payload["owed"]) == ("cancelled", "client", row.payment_id is not None)
    assert not row.reminders.filter(state="WAITING").exists()
    other = make()
    refused(
        "reason_needed", lambda: booking.cancel(code=other.code, actor_id=other.therapist.user_id, reason="", now=AT)
    )
    ended = booking.cancel(code=other.code, actor_id=other.therapist.user_id, reason="I am ill.", now=AT)
    assert (ended.state, ended.ended_by, ended.reason) == ("CANCELLED", "therapist", "I am ill.")


@pytest.mark.requirement("SES-2", "SEC-8")
def test_an_admin_cancels_for_others_and_the_rest_of_the_staff_only_look() -> None:
    row = approved()
    for role, code in ((Role.SUPPORT, "not_allowed"), (Role.FINANCE, "not_allowed"), (Role.CLIENT, "not_found")):
        actor = UserFactory(role=role)
        refused(code, lambda: booking.cancel(code=row.code, actor_id=actor.pk, reason="x", now=AT))  # noqa: B023
    admin = UserFactory(role=Role.ADMIN)
    ended = booking.cancel(code=row.code, actor_id=admin.pk, reason="Asked by phone.", now=AT)
    assert (ended.state, ended.ended_by) == ("CANCELLED", "staff")


def test_what_has_begun_is_neither_cancelled_nor_moved() -> None:
    row = confirmed()
    refused("too_late", lambda: booking.cancel(code=row.code, actor_id=row.client_id, reason="", now=row.starts_at))
    refused(
        "too_late",
        lambda: booking.reschedule(code=row.code, actor_id=row.client_id, starts_at=at(9, 9), now=row.starts_at),
    )


@pytest.mark.requirement("SES-4", "LED-1")
def test_money_of_a_cancelled_session_is_owed_to_the_client() -> None:
    row = confirmed()
    booking.cancel(code=row.code, actor_id=row.therapist.user_id, reason="I am ill.", now=later(60))
    payment = Payment.objects.get(pk=row.payment_id)
    assert (payment.status, payment.answer, payment.reasons) == ("COMPLETED", "RETURNED", ["RETURNED"])
    assert books.balance(environment="sandbox", code=chart.owed(row.client_id)) == 250_000
    assert books.balance(environment="sandbox", code=chart.revenue("session")) == 0
    assert checks.prove() == []


@pytest.mark.requirement("SES-2")
@pytest.mark.parametrize("make", [requested, approved, confirmed])
def test_moving_keeps_state_and_payment_and_frees_the_old_time(
    make: Callable[[], Booking], said: Callable[..., list[tuple[str, dict[str, object]]]]
) -> None:
    row = make()
    before = row.starts_at
    moved = booking.reschedule(code=row.code, actor_id=row.therapist.user_id, starts_at=at(5, 11), now=AT)
    assert (moved.state, moved.payment_id, moved.starts_at) == (row.state, row.payment_id, at(5, 11))
    assert moved.ends_at == at(5, 12)
    assert moved.sequence == row.sequence + 1
    topic, payload = said(row)[-1]
    assert (topic, payload["by"]) == ("rescheduled", "therapist")
    assert datetime.fromisoformat(str(payload["from"])) == before
    assert requested(row.type, starts_at=before).state == "PENDING"


@pytest.mark.requirement("SES-2")
def test_moving_is_refused_into_taken_past_same_or_closed_time() -> None:
    row = approved()
    requested(row.type, starts_at=at(4, 10))

    def to(starts_at: datetime) -> Callable[[], object]:
        return lambda: booking.reschedule(code=row.code, actor_id=row.client_id, starts_at=starts_at, now=AT)

    refused("slot_taken", to(at(4, 10, 30)))
    refused("slot_past", to(at(-1, 10)))
    refused("slot_not_offered", to(at(4, 22)))
    refused("same_time", to(row.starts_at))
    HoursException.objects.create(therapist=row.therapist, kind="CLOSED", starts_at=at(5, 0), ends_at=at(6, 0))
    refused("slot_not_offered", to(at(5, 10)))
    assert to(at(3, 10, 30))()  # over its own old time


@pytest.mark.requirement("SES-2")
@pytest.mark.parametrize("state", ["DECLINED", "CANCELLED", "EXPIRED"])
def test_what_has_ended_is_not_changed(state: str) -> None:
    row = requested()
    Booking.objects.filter(pk=row.pk).update(state=state, reason="x", changed_at=row.starts_at)
    therapist_id = row.therapist.user_id
    refused("wrong_state", lambda: booking.approve(code=row.code, actor_id=therapist_id, now=AT))
    refused("wrong_state", lambda: booking.decline(code=row.code, actor_id=therapist_id, reason="x", now=AT))
    refused("wrong_state", lambda: booking.cancel(code=row.code, actor_id=row.client_id, reason="x", now=AT))
    refused(
        "wrong_state", lambda: booking.reschedule(code=row.code, actor_id=row.client_id, starts_at=at(5, 9), now=AT)
    )


def test_moving_leaves_time_to_pay(settings: "settings") -> None:
    settings.SESSION_PAY_WITHIN = timedelta(hours=24)
    settings.TIME_SCALE = 1
    row = approved()
    late = AT + timedelta(hours=23, minutes=30)
    moved = booking.reschedule(code=row.code, actor_id=row.client_id, starts_at=at(6, 9), now=late)
    assert moved.pay_by == late + timedelta(hours=1)
    near = booking.reschedule(code=row.code, actor_id=row.client_id, starts_at=at(1, 14), now=late)
    assert near.pay_by == moved.pay_by


def test_a_time_is_not_held_for_ever_by_moving_it(settings: "settings") -> None:
    settings.SESSION_PAY_WITHIN = timedelta(hours=24)
    settings.TIME_SCALE = 1
    row, now = approved(), AT + timedelta(hours=23, minutes=30)
    for n in range(4):
        row = booking.reschedule(code=row.code, actor_id=row.client_id, starts_at=at(6, 9 + n), now=now)
        assert row.pay_by is not None
        now = min(now + timedelta(minutes=50), row.pay_by - timedelta(minutes=1))
    assert row.pay_by == AT + timedelta(hours=25)
    assert booking.release_due(now=AT + timedelta(hours=25)) == 1


# --- What the clock does ---


@pytest.mark.requirement("SES-3")
def test_an_unpaid_session_is_released_at_its_deadline(
    said: Callable[..., list[tuple[str, dict[str, object]]]],
) -> None:
    row = approved()
    assert row.pay_by is not None
    assert booking.release_due(now=row.pay_by - timedelta(seconds=1)) == 0
    assert booking.release_due(now=row.pay_by) == 1
    assert booking.release_due(now=row.pay_by) == 0
    row.refresh_from_db()
    assert (row.state, row.ended_by) == ("EXPIRED", "system")
    assert topics(said(row)) == ["requested", "approved", "expired"]
    assert not row.reminders.filter(state="WAITING").exists()
    assert requested(row.type).state == "PENDING"


@pytest.mark.requirement("SES-3")
def test_it_is_never_released_while_a_payment_for_it_is_live() -> None:
    row = approved()
    assert row.pay_by is not None
    payment = prompted(row, now=row.pay_by - timedelta(seconds=1))
    assert booking.release_due(now=row.pay_by + timedelta(seconds=60)) == 0
    failure(payment, now=row.pay_by + timedelta(seconds=61))
    assert booking.release_due(now=row.pay_by + timedelta(seconds=61)) == 1


@pytest.mark.requirement("SES-1")
def test_a_request_that_nobody_answered_ends_at_its_deadline(
    said: Callable[..., list[tuple[str, dict[str, object]]]],
) -> None:
    row = requested()
    assert row.answer_by is not None
    assert booking.release_due(now=row.answer_by - timedelta(seconds=1)) == 0
    assert booking.release_due(now=row.answer_by) == 1
    assert booking.release_due(now=row.answer_by) == 0
    row.refresh_from_db()
    assert (row.state, row.ended_by, row.approved_at) == ("EXPIRED", "system", None)
    assert topics(said(row)) == ["requested", "expired"]
    assert not row.reminders.filter(state="WAITING").exists()
    assert requested(row.type).state == "PENDING"


@pytest.mark.requirement("SES-1")
@pytest.mark.parametrize(
    ("starts_at", "deadline"),
    [
        (at(3, 10), AT + timedelta(hours=24)),  # AT is 12:30
        (at(1, 14, 30), AT + timedelta(hours=24)),  # two hours before is as late
        (at(1, 10), at(1, 8)),
        (at(0, 17), at(0, 15)),
        (at(0, 16), at(0, 14, 15)),  # on short notice half of the time that is left
        (at(0, 14), at(0, 13, 15)),
    ],
)
def test_until_when_a_request_is_held(settings: "settings", starts_at: datetime, deadline: datetime) -> None:
    settings.TIME_SCALE = 1
    assert requested(starts_at=starts_at).answer_by == deadline


@pytest.mark.requirement("SES-1")
def test_an_answer_counts_as_long_as_the_request_is_held() -> None:
    """The first to lock it decides: the therapist, or the clock."""
    row = requested()
    assert row.answer_by is not None
    assert approved(row, now=row.answer_by + timedelta(seconds=1)).state == "APPROVED"


@pytest.mark.requirement("SES-1")
def test_moving_a_request_leaves_time_to_answer_but_not_for_ever(settings: "settings") -> None:
    settings.TIME_SCALE = 1
    row, now = requested(), AT + timedelta(hours=23, minutes=30)
    for n in range(4):
        row = booking.reschedule(code=row.code, actor_id=row.client_id, starts_at=at(6, 9 + n), now=now)
        assert row.answer_by is not None
        assert row.answer_by > now
        now = min(now + timedelta(minutes=50), row.answer_by - timedelta(minutes=1))
    assert row.answer_by == AT + timedelta(hours=25)
    assert booking.release_due(now=AT + timedelta(hours=25)) == 1
    near = requested()
    near = booking.reschedule(code=near.code, actor_id=near.client_id, starts_at=at(0, 17), now=AT)
    assert near.answer_by == at(0, 15)


def test_a_held_session_is_completed_after_its_end() -> None:
    row = confirmed()
    assert booking.complete_due(now=row.ends_at - timedelta(seconds=1)) == 0
    assert booking.complete_due(now=row.ends_at) == 1
    row.refresh_from_db()
    assert row.state == "COMPLETED"
    assert Payment.objects.get(pk=row.payment_id).answer == "GIVEN"


# --- Money and sessions ---


@pytest.mark.requirement("SES-4", "P21", "P22")
def test_money_confirms_an_approved_session(said: Callable[..., list[tuple[str, dict[str, object]]]]) -> None:
    row = approved()
    payment = money(prompted(row), now=later(20))
    row.refresh_from_db()
    assert (row.state, row.payment_id, row.paid_at) == ("CONFIRMED", payment.pk, later(20))
    assert (payment.counterparty_id, payment.description) == (row.therapist.user_id, "Smiling Steps")
    assert said(row)[-1] == (
        "confirmed",
        {"booking_id": row.pk, "by": "client", "actor_id": row.client_id, "payment_id": payment.pk},
    )
    assert books.balance(environment="sandbox", code=chart.revenue("session")) == 250_000


@pytest.mark.requirement("SES-3", "P5", "STK-4")
def test_what_cannot_be_paid_says_why() -> None:
    row = requested()
    assert refused("not_approved", lambda: started(row)).status == 409
    assert refused("not_found", lambda: started(approved(row), fields={"sessionId": requested().code})).status == 404
    assert refused("amount_differs", lambda: started(row, amount=100)).status == 400
    confirmed(row)
    assert refused("already_paid", lambda: started(row)).status == 409
    booking.cancel(code=row.code, actor_id=row.client_id, reason="", now=AT)
    assert "Cancelled" in refused("session_over", lambda: started(row)).message
    overdue = approved()
    assert overdue.pay_by
    assert "Expired" in refused("session_over", lambda: started(overdue, now=overdue.pay_by)).message


@pytest.mark.requirement("SES-3", "P28", "P29")
def test_a_failure_leaves_it_approved_and_it_may_be_paid_at_once() -> None:
    row = approved()
    failure(prompted(row), now=later(20))
    row.refresh_from_db()
    assert row.state == "APPROVED"
    money(prompted(row, now=later(21)), now=later(40))
    row.refresh_from_db()
    assert row.state == "CONFIRMED"


@pytest.mark.requirement("SES-4", "CB-4")
def test_late_money_confirms_a_released_session_whose_time_is_free() -> None:
    row = approved()
    assert row.pay_by is not None
    payment = failure(prompted(row))
    booking.release_due(now=row.pay_by)
    money(payment, now=row.pay_by + timedelta(hours=1))
    row.refresh_from_db()
    assert (row.state, row.payment_id, row.ended_by) == ("CONFIRMED", payment.pk, "")
    assert row.reminders.filter(state="WAITING").exists()


@pytest.mark.requirement("SES-4", "CB-4", "CB-7")
@pytest.mark.parametrize("why", ["slot_given_away", "session_past", "session_cancelled", "already_paid"])
def test_money_that_comes_too_late_is_owed_and_both_are_told(
    why: str, said: Callable[..., list[tuple[str, dict[str, object]]]]
) -> None:
    row = approved()
    assert row.pay_by is not None
    payment = failure(prompted(row), now=later(20))
    now = row.pay_by + timedelta(hours=1)
    if why == "already_paid":
        money(prompted(row, now=later(30)), now=later(40))
    elif why == "session_cancelled":
        booking.cancel(code=row.code, actor_id=row.client_id, reason="", now=later(50))
    else:
        booking.release_due(now=row.pay_by)
    if why == "slot_given_away":
        requested(row.type, starts_at=row.starts_at, now=row.pay_by)
    if why == "session_past":
        now = row.starts_at
    money(payment, now=now)
    assert (payment.status, payment.answer, payment.answer_reason) == ("COMPLETED", "REFUSED", why)
    assert payment.reasons
    assert books.balance(environment="sandbox", code=chart.owed(row.client_id)) == 250_000
    topic, payload = said(row)[-1]
    assert (topic, payload["payment_id"], payload["reason"]) == ("owed", payment.pk, why)
    assert checks.prove() == []


@pytest.mark.requirement("SES-4", "CB-4")
def test_the_therapist_cancels_while_the_client_types_the_pin() -> None:
    row = approved()
    payment = prompted(row)
    booking.cancel(code=row.code, actor_id=row.therapist.user_id, reason="I am ill.", now=later(5))
    money(payment, now=later(10))
    row.refresh_from_db()
    assert (row.state, payment.answer_reason) == ("CANCELLED", "session_cancelled")
    assert books.balance(environment="sandbox", code=chart.owed(row.client_id)) == 250_000


@pytest.mark.requirement("SES-4", "STK-8")
@pytest.mark.parametrize("on_its_way", [None, "refused before", "refused after"])
def test_no_prompt_is_sent_for_a_session_that_was_cancelled_before(on_its_way: str | None) -> None:
    row = approved()
    payment = started(row)

    def refuse_once() -> None:  # M-Pesa is busy: it would be sent again in a second
        answered(order, refusal(order, passing=True), now=later(1))

    order = sent(payment, now=AT) if on_its_way else None
    if on_its_way == "refused before":
        refuse_once()
    booking.cancel(code=row.code, actor_id=row.therapist.user_id, reason="I am ill.", now=later(1))
    if on_its_way == "refused after":
        refuse_once()
    assert lifecycle.begin(payment_id=payment.pk, now=later(2)) is None
    payment.refresh_from_db()
    assert (payment.status, payment.next_attempt_at, payment.reasons) == ("EXPIRED", None, [])


@pytest.mark.requirement("SES-4")
def test_moved_while_the_prompt_is_open_it_is_paid_at_its_new_time() -> None:
    row = approved()
    payment = prompted(row)
    booking.reschedule(code=row.code, actor_id=row.client_id, starts_at=at(5, 9), now=later(5))
    money(payment, now=later(10))
    row.refresh_from_db()
    assert (row.state, row.starts_at) == ("CONFIRMED", at(5, 9))


@pytest.mark.requirement("CB-7")
def test_two_payments_of_one_batch_pay_it_once() -> None:
    row = approved()
    first = failure(prompted(row))
    second = prompted(row, now=later(30))
    news = [
        lifecycle.News(payment.pk, lots=(Lot(new_receipt(), 250_000, Source.CALLBACK),)) for payment in (second, first)
    ]
    lifecycle.apply(news=news, now=later(60))
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.answer, second.answer, second.answer_reason) == ("GIVEN", "REFUSED", "already_paid")
    assert books.balance(environment="sandbox", code=chart.owed(row.client_id)) == 250_000


@pytest.mark.requirement("CB-7")
def test_another_amount_confirms_nothing() -> None:
    row = approved()
    payment = tell(prompted(row), Lot(new_receipt(), 100_000, Source.CALLBACK))
    row.refresh_from_db()
    assert (row.state, payment.answer) == ("APPROVED", "")
    assert books.balance(environment="sandbox", code=chart.owed(row.client_id)) == 100_000


@pytest.mark.requirement("CB-5")
def test_the_same_news_again_changes_nothing(said: Callable[..., list[tuple[str, dict[str, object]]]]) -> None:
    row = approved()
    payment = prompted(row)
    for n in range(3):
        money(payment, receipt="UKL9999999", now=later(20 + n))
    tell(payment, Fact(Kind.FAILED, Source.CALLBACK, code="1"))
    row.refresh_from_db()
    assert row.state == "CONFIRMED"
    assert topics(said(row)) == ["requested", "approved", "confirmed"]


def test_the_moves_are_those_of_the_table() -> None:
    assert set(MOVES) == set(State)
    assert all(to in MOVES for moves in MOVES.values() for to in moves)


# --- Reminders ---


def remind(now: datetime) -> list[str]:
    before = set(Delivery.objects.values_list("pk", flat=True))
    said = reminders.remind_due(now=now)
    rows = Delivery.objects.exclude(pk__in=before).filter(topic="session.reminder").order_by("id")
    assert said == len(rows)
    return [row.payload["kind"] for row in rows]


@pytest.mark.requirement("SES-6", "P64", "P65")
def test_each_reminder_is_said_once() -> None:
    row = confirmed()
    assert remind(row.starts_at - timedelta(hours=25)) == []
    assert remind(row.starts_at - timedelta(hours=24)) == ["24h"]
    assert remind(row.starts_at - timedelta(hours=23)) == []
    assert remind(row.starts_at - timedelta(minutes=59)) == ["1h"]
    assert remind(row.starts_at) == []


@pytest.mark.requirement("SES-6")
def test_approved_late_only_what_is_ahead_is_reminded_of() -> None:
    row = approved(now=at(3, 10) - timedelta(hours=2), starts_at=at(3, 10))
    assert list(row.reminders.filter(state="WAITING").values_list("kind", flat=True)) == ["1h"]


def unanswered(now: datetime) -> list[int]:
    """Of which requests their therapists are reminded."""
    before = set(Delivery.objects.values_list("pk", flat=True))
    reminders.remind_due(now=now)
    rows = Delivery.objects.exclude(pk__in=before).filter(topic="session.unanswered").order_by("id")
    return [row.payload["booking_id"] for row in rows]


@pytest.mark.requirement("SES-2")
def test_a_therapist_is_reminded_of_a_request_once_before_it_lapses(settings: "settings") -> None:
    settings.TIME_SCALE = 1
    row = requested(now=AT - timedelta(hours=4))  # 8:30; half-way to the deadline is 20:30
    assert unanswered(AT + timedelta(hours=7, minutes=59)) == []
    assert unanswered(AT + timedelta(hours=8)) == [row.pk]
    booking.reschedule(code=row.code, actor_id=row.client_id, starts_at=at(5, 10), now=AT + timedelta(hours=9))
    assert unanswered(AT + timedelta(hours=19)) == []


@pytest.mark.requirement("SES-2")
def test_nobodys_phone_rings_at_night(settings: "settings") -> None:
    settings.TIME_SCALE = 1
    row = requested()  # 12:30; half-way is half past midnight
    assert row.reminders.get().due_at == at(1, 7)
    late = requested(now=at(0, 20))
    assert late.reminders.get().due_at == at(1, 8)
    moved = booking.reschedule(code=row.code, actor_id=row.client_id, starts_at=at(1, 9), now=at(0, 19))
    assert moved.answer_by == at(1, 7)
    assert row.reminders.get().due_at == at(1, 1)  # it must be then


@pytest.mark.requirement("SES-2")
@pytest.mark.parametrize("end", ["approve", "decline", "cancel", "late"])
def test_who_has_answered_is_not_reminded_to(end: str) -> None:
    row = requested()
    therapist_id, due = row.therapist.user_id, row.reminders.get().due_at
    if end == "approve":
        approved(row)
    elif end == "decline":
        booking.decline(code=row.code, actor_id=therapist_id, reason="Away", now=AT)
    elif end == "cancel":
        booking.cancel(code=row.code, actor_id=row.client_id, reason="", now=AT)
    else:
        due = row.answer_by or due
    assert unanswered(due) == []
    assert row.reminders.get(kind="answer").state == "OFF"


@pytest.mark.requirement("SES-6")
def test_none_after_decline_cancel_or_expiry() -> None:
    rows = [approved() for _ in range(2)]
    booking.cancel(code=rows[0].code, actor_id=rows[0].client_id, reason="", now=AT)
    assert rows[1].pay_by is not None
    booking.release_due(now=rows[1].pay_by)
    assert remind(rows[0].starts_at - timedelta(minutes=30)) == []


@pytest.mark.requirement("SES-6")
def test_a_moved_session_is_reminded_of_its_new_time() -> None:
    row = confirmed()
    assert remind(row.starts_at - timedelta(hours=24)) == ["24h"]
    moved = booking.reschedule(
        code=row.code, actor_id=row.client_id, starts_at=at(6, 9), now=row.starts_at - timedelta(hours=20)
    )
    assert remind(row.starts_at - timedelta(minutes=30)) == []
    assert remind(moved.starts_at - timedelta(hours=24)) == ["24h"]
    assert remind(moved.starts_at - timedelta(hours=1)) == ["1h"]


@pytest.mark.requirement("SES-6")
def test_after_a_long_silence_of_the_beat_the_days_reminder_gives_way_to_the_hours() -> None:
    row = confirmed()
    assert remind(row.starts_at - timedelta(minutes=40)) == ["1h"]
    late = confirmed(approved(starts_at=at(8, 10)))
    assert remind(late.starts_at + timedelta(minutes=1)) == []
    assert not Reminder.objects.filter(state="WAITING").exists()


@pytest.mark.requirement("SES-6")
@pytest.mark.parametrize("jump", [timedelta(hours=-30), timedelta(hours=-1), timedelta(hours=1)])
def test_a_clock_that_jumps_says_nothing_twice(jump: timedelta) -> None:
    row = confirmed()
    now = row.starts_at - timedelta(hours=24)
    assert remind(now) == ["24h"]
    assert remind(now + jump) == []
    assert remind(now) == []
    assert remind(row.starts_at - timedelta(hours=1) + min(jump, timedelta())) in ([], ["1h"])
    said = [*remind(row.starts_at - timedelta(minutes=30)), *remind(row.starts_at - timedelta(minutes=30))]
    assert Delivery.objects.filter(topic="session.reminder", payload__kind="1h").count() == 1
    assert said in ([], ["1h"])
