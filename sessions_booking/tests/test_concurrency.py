"""Real threads with real connections on one session: one wins, the others are told, no money is lost."""

from collections import Counter
from datetime import timedelta

import pytest

from ledger import books, chart, checks
from lib.errors import Refusal
from payments.models import Payment
from payments.tests.factories import lot, tell
from payments.tests.test_concurrency import at_once
from sessions_booking import booking, reminders
from sessions_booking.models import Booking, Reminder
from sessions_booking.states import HOLDS_TIME
from sessions_booking.tests.factories import (
    AT,
    approved,
    at,
    client,
    failure,
    later,
    prompted,
    requested,
    session_type,
    started,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("SES-1")]


def test_twenty_clients_want_one_time() -> None:
    type = session_type()
    clients = [client() for _ in range(20)]

    def book(number: int) -> str:
        try:
            return requested(type, by=clients[number], starts_at=at(3, 10, 30 * (number % 2))).state
        except Refusal as refused:
            return f"{refused.status} {refused.code}"

    assert Counter(at_once(book, 20)) == {"PENDING": 1, "409 slot_taken": 19}
    assert Booking.objects.filter(state__in=HOLDS_TIME).count() == 1


def test_a_double_click_books_once() -> None:
    type, someone = session_type(), client()

    def book(_: int) -> str:
        try:
            return requested(type, by=someone).state
        except Refusal as refused:
            return refused.code

    assert Counter(at_once(book, 8)) == {"PENDING": 1, "slot_taken": 7}


def test_two_sessions_are_moved_into_one_time() -> None:
    type = session_type()
    rows = [requested(type, starts_at=at(3, hour)) for hour in (9, 10, 11, 12)]

    def move(number: int) -> str:
        row = rows[number]
        try:
            booking.reschedule(code=row.code, actor_id=row.client_id, starts_at=at(4, 10), now=AT)
        except Refusal as refused:
            return refused.code
        return "moved"

    assert Counter(at_once(move, 4)) == {"moved": 1, "slot_taken": 3}


@pytest.mark.requirement("SES-2")
def test_it_is_approved_once_and_declined_by_nobody_after() -> None:
    row = requested()

    def answer(number: int) -> str:
        act = {"code": row.code, "actor_id": row.therapist.user_id, "now": AT}
        try:
            return (booking.approve(**act) if number % 2 else booking.decline(reason="x", **act)).state
        except Refusal as refused:
            return refused.code

    ends = Counter(at_once(answer, 6))
    assert ends["wrong_state"] == 5
    assert ends["APPROVED"] + ends["DECLINED"] == 1


@pytest.mark.requirement("SES-3")
@pytest.mark.parametrize("round", range(5))
def test_paid_for_or_released_but_never_both(round: int) -> None:
    """The payment starts in the last moment, while sweeps release what nobody pays for."""
    row = approved()
    assert row.pay_by is not None
    now = row.pay_by

    def race(number: int) -> str:
        if number:
            return str(booking.release_due(now=now))
        try:
            return started(row, now=now - timedelta(seconds=1)).status
        except Refusal as refused:
            return refused.code

    first = at_once(race, 4)[0]
    row.refresh_from_db()
    assert (first, row.state) in (("SENDING", "APPROVED"), ("session_over", "EXPIRED"))


@pytest.mark.requirement("SES-4", "LED-1")
@pytest.mark.parametrize("round", range(5))
def test_cancelled_while_the_money_comes_it_is_owed(round: int) -> None:
    """Whichever is first: given and then given back, or never given."""
    row = approved()
    payment = prompted(row)
    receipt = lot(cents=250_000)

    def race(number: int) -> None:
        if number:
            tell(Payment.objects.get(pk=payment.pk), receipt, now=later(5))
        else:
            booking.cancel(code=row.code, actor_id=row.therapist.user_id, reason="I am ill.", now=later(5))

    at_once(race, 3)
    row.refresh_from_db()
    payment.refresh_from_db()
    assert row.state == "CANCELLED"
    assert payment.answer in ("REFUSED", "RETURNED")
    assert payment.reasons
    assert books.balance(environment="sandbox", code=chart.owed(row.client_id)) == 250_000
    assert books.balance(environment="sandbox", code=chart.revenue("session")) == 0
    assert checks.prove() == []


@pytest.mark.requirement("SES-4")
def test_two_receipts_for_two_attempts_at_once_confirm_once() -> None:
    row = approved()
    payments = []
    for n in range(4):
        payment = prompted(row, now=later(n))
        payments.append(payment)
        if n < 3:
            failure(payment, now=later(30))

    def pay(number: int) -> None:
        tell(Payment.objects.get(pk=payments[number].pk), lot(cents=250_000), now=later(60))

    at_once(pay, 4)
    answers = Counter(Payment.objects.values_list("answer", "answer_reason"))
    assert answers == {("GIVEN", ""): 1, ("REFUSED", "already_paid"): 3}
    assert books.balance(environment="sandbox", code=chart.owed(row.client_id)) == 750_000
    assert books.balance(environment="sandbox", code=chart.revenue("session")) == 250_000


@pytest.mark.requirement("SES-6")
def test_four_beats_remind_once() -> None:
    rows = [approved() for _ in range(5)]
    now = max(row.starts_at for row in rows) - timedelta(hours=23)
    assert sum(at_once(lambda _: reminders.remind_due(now=now), 4)) == 5
    assert Counter(Reminder.objects.exclude(kind="answer").values_list("kind", "state")) == {
        ("24h", "SENT"): 5,
        ("1h", "WAITING"): 5,
    }
