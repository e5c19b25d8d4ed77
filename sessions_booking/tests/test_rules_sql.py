"""Raw SQL that breaks a rule of sessions is refused by the rule's name; and no rule is without such an attempt."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection

from payments.models import Payment
from payments.tests.factories import started as deposit
from sessions_booking.models import Booking, HoursException, OpeningHours, Reminder, SessionType
from sessions_booking.states import MOVES, State
from sessions_booking.tests.factories import (
    approved,
    at,
    client,
    confirmed,
    failure,
    money,
    prompted,
    requested,
    session_type,
)
from tests.refusals import copy, refused_by, rules_of

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("TST-3")]
TABLE = "sessions_booking_booking"
ELSEWHEN = {"starts_at": "starts_at + interval '9 days'", "ends_at": "ends_at + interval '9 days'"}


def asked(row: Booking, **changes: str) -> str | None:
    """Insert a copy of a request with another code, nine days later unless told."""
    return copy(TABLE, row.pk, **{"code": "'OTHER'", **ELSEWHEN, **changes})


@pytest.mark.requirement("SES-1")
@pytest.mark.parametrize("shift", ["0 min", "30 min", "-30 min", "59 min", "-59 min"])
@pytest.mark.parametrize("make", [requested, approved, confirmed])
def test_no_two_sessions_share_a_therapists_time(shift: str, make: object) -> None:
    row = make()  # type: ignore[operator]
    moved = {
        "state": "'PENDING'", "payment_id": "NULL", "starts_at": f"starts_at + interval '{shift}'",
        "ends_at": f"ends_at + interval '{shift}'",
    }  # fmt: skip
    assert asked(row, **moved) == "booking_one_at_a_time"


@pytest.mark.requirement("SES-1")
def test_a_time_given_up_or_of_another_mode_is_nobodys() -> None:
    row = requested()
    values = "code, environment, client_id, therapist_id, type_id, starts_at, ends_at, price_cents, state, reason"
    more = "ended_by, sequence, answer_by, requested_at, changed_at"
    insert = f"""INSERT INTO {TABLE} ({values}, {more}) SELECT 'REAL', 'production', client_id, therapist_id, type_id,
        starts_at, ends_at, price_cents, state, reason, {more} FROM {TABLE} WHERE id = {row.pk}"""  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(insert)
    Booking.objects.filter(pk=row.pk).update(state="CANCELLED")
    assert requested(row.type).state == "PENDING"


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"environment": "'moon'"}, "booking_environment_known"),
        ({"state": "'LOST'"}, "booking_begins_pending"),
        ({"state": "'CONFIRMED'"}, "booking_begins_pending"),
        ({"ends_at": "starts_at + interval '9 days'"}, "booking_starts_before_it_ends"),
        ({"price_cents": "0"}, "booking_whole_shillings"),
        ({"price_cents": "25000100"}, "booking_whole_shillings"),
        ({"price_cents": "250050"}, "booking_whole_shillings"),
        ({"sequence": "-1"}, "sessions_booking_booking_sequence_check"),
        ({"code": "code"}, "sessions_booking_booking_code_key"),
    ],
)
def test_what_no_request_is(changes: dict[str, str], rule: str) -> None:
    assert asked(requested(), **changes) == rule


@pytest.mark.requirement("SES-2")
@pytest.mark.parametrize("before", sorted(State))
@pytest.mark.parametrize("after", sorted(State))
def test_sessions_move_as_listed(before: str, after: str) -> None:
    """Every pair that the table does not list is refused, whoever asks."""
    if before == after or after in MOVES[before]:
        return
    row = in_state(before)
    assert refused_by(f"UPDATE {TABLE} SET state = '{after}' WHERE id = {row.pk}") == "booking_moves_as_listed"  # noqa: S608


def in_state(state: str) -> Booking:
    if state == State.PENDING:
        return requested()
    if state == State.APPROVED:
        return approved()
    row = confirmed() if state in (State.CONFIRMED, State.COMPLETED) else requested()
    if row.state != state:
        Booking.objects.filter(pk=row.pk).update(state=state, reason="x", changed_at=row.starts_at)
    return row


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("state = 'LOST'", "booking_moves_as_listed"),
        ("state = 'APPROVED'", "booking_approved_until"),
        ("state = 'DECLINED'", "booking_declined_for_a_reason"),
        ("state = 'EXPIRED'", "booking_held_until_its_deadline"),
        ("state = 'EXPIRED', changed_at = answer_by - interval '1 s'", "booking_held_until_its_deadline"),
        ("answer_by = NULL", "booking_asked_until"),
        ("answer_by = starts_at + interval '1 s'", "booking_asked_until"),
        ("code = 'X'", "sessions_booking_booking_frozen"),
        ("price_cents = 100", "sessions_booking_booking_frozen"),
        ("environment = 'production'", "sessions_booking_booking_frozen"),
        ("client_id = client_id + 1", "sessions_booking_booking_frozen"),
        ("therapist_id = therapist_id + 1", "sessions_booking_booking_frozen"),
    ],
)
def test_how_a_request_does_not_change(change: str, rule: str) -> None:
    requested()
    assert refused_by(f"UPDATE {TABLE} SET {change}") == rule  # noqa: S608


@pytest.mark.requirement("SES-3")
def test_an_approved_session_is_held_until_it_must_be_paid() -> None:
    approved()
    early = f"UPDATE {TABLE} SET state = 'EXPIRED', changed_at = pay_by - interval '1 s'"  # noqa: S608
    assert refused_by(early) == "booking_held_until_its_deadline"


def test_a_state_that_nobody_knows_is_none() -> None:
    """Two triggers stand before this rule; without them it holds alone."""
    row = requested()
    sql = f"""SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE {TABLE} DISABLE TRIGGER booking_moves_as_listed;
        UPDATE {TABLE} SET state = 'LOST' WHERE id = {row.pk}"""  # noqa: S608
    assert refused_by(sql) == "booking_state_known"


def test_nobody_removes_a_session() -> None:
    row = requested()
    assert refused_by(f"DELETE FROM {TABLE} WHERE id = {row.pk}") == "sessions_booking_booking_frozen"  # noqa: S608


# --- Money ---


@pytest.mark.requirement("SES-4")
def test_confirmed_means_paid() -> None:
    approved()
    assert refused_by(f"UPDATE {TABLE} SET state = 'CONFIRMED'") == "booking_paid_where_confirmed"  # noqa: S608


@pytest.mark.requirement("SES-4")
def test_it_is_paid_by_a_payment_for_itself_and_once() -> None:
    row, other = approved(), approved()
    first_try = failure(prompted(row))
    row, of_a_deposit = confirmed(row), deposit()
    for payment_id in (row.payment_id, of_a_deposit.pk, 999_999):
        paid = f"UPDATE {TABLE} SET payment_id = {payment_id}, paid_at = now() WHERE id = {other.pk}"  # noqa: S608
        assert refused_by(paid) == "booking_paid_by_its_own_payment"
    for value in ("NULL", first_try.pk):
        changed = f"UPDATE {TABLE} SET payment_id = {value} WHERE id = {row.pk}"  # noqa: S608
        assert refused_by(changed) == "booking_paid_once"
    unguarded = f"""SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE {TABLE} DISABLE TRIGGER booking_paid_by_its_own_payment;
        UPDATE {TABLE} SET payment_id = {row.payment_id} WHERE id = {other.pk}"""  # noqa: S608
    assert refused_by(unguarded) == "sessions_booking_booking_payment_id_key"


@pytest.mark.requirement("SES-3", "P5")
def test_only_its_client_pays_and_only_after_approval_at_its_price() -> None:
    payment = money(prompted(approved()))
    fresh = {"transaction_id": "'TXN_OTHER'", "account_reference": "'OTHER'", "idempotency_key": "''"}

    def pays(**changes: str) -> str | None:
        return copy("payments_payment", payment.pk, **{**fresh, **changes})

    assert pays() == "session_paid_by_its_client"  # it is confirmed already
    waiting, open_ = requested(), approved()
    mine = {"target_id": str(open_.pk), "payer_id": str(open_.client_id)}
    mine["counterparty_id"] = str(open_.therapist.user_id)
    assert pays(**{**mine, "target_id": str(waiting.pk)}) == "session_paid_by_its_client"
    assert pays(**{**mine, "payer_id": str(client().pk)}) == "session_paid_by_its_client"
    assert pays(**{**mine, "amount_cents": "100"}) == "session_paid_by_its_client"
    assert pays(**{**mine, "counterparty_id": str(client().pk)}) == "session_paid_by_its_client"
    assert pays(**{**mine, "environment": "'production'"}) == "session_paid_by_its_client"
    assert Payment.objects.filter(purpose="session").count() == 1


# --- Hours, types, reminders ---


def test_what_no_type_is() -> None:
    row = session_type()
    table = "sessions_booking_sessiontype"
    assert copy(table, row.pk) == "session_type_once"
    for changes, rule in (
        ({"minutes": "10"}, "session_type_length"),
        ({"minutes": "241"}, "session_type_length"),
        ({"price_cents": "0"}, "session_type_price_in_limits"),
        ({"price_cents": "25000100"}, "session_type_price_in_limits"),
        ({"price_cents": "250050"}, "session_type_whole_shillings"),
    ):
        assert copy(table, row.pk, name="'Other'", **changes) == rule
    negative = copy(table, row.pk, name="'Other'", minutes="-1")
    assert negative in ("session_type_length", "sessions_booking_sessiontype_minutes_check")


def test_what_no_therapist_is() -> None:
    row = session_type().therapist
    table = "sessions_booking_therapist"
    assert copy(table, row.pk) == "sessions_booking_therapist_user_id_key"
    assert copy(table, row.pk, user_id=str(client().pk), name="''") == "therapist_has_a_name"


def test_what_no_opening_is() -> None:
    row = session_type().therapist
    hours = OpeningHours.objects.filter(therapist=row).latest("pk")
    table = "sessions_booking_openinghours"
    assert copy(table, hours.pk) == "hours_once"
    assert copy(table, hours.pk, weekday="7") == "hours_on_a_weekday"
    assert copy(table, hours.pk, opens="closes") == "hours_open_before_they_close"
    negative = copy(table, hours.pk, weekday="-1")
    assert negative in ("sessions_booking_openinghours_weekday_check",)
    closed = HoursException.objects.create(therapist=row, kind="CLOSED", starts_at=at(3, 8), ends_at=at(3, 9))
    table = "sessions_booking_hoursexception"
    assert copy(table, closed.pk, kind="'PARTY'") == "hours_exception_kind_known"
    assert copy(table, closed.pk, ends_at="starts_at") == "hours_exception_starts_first"
    assert copy(table, closed.pk, starts_at="'0001-01-01 BC'") == "hours_exception_within_reach"
    assert copy(table, closed.pk, ends_at="'9999-12-31 23:59Z'") == "hours_exception_within_reach"


@pytest.mark.requirement("SES-6")
def test_what_no_reminder_is() -> None:
    row = Reminder.objects.get(booking=approved(), kind="24h")
    table = "sessions_booking_reminder"
    assert copy(table, row.pk) == "reminder_once"
    assert copy(table, row.pk, kind="'9h'") == "reminder_kind_known"
    assert copy(table, row.pk, kind="'9h'", state="'LATE'") in ("reminder_kind_known", "reminder_state_known")
    assert refused_by(f"UPDATE {table} SET state = 'LATE'") == "reminder_state_known"  # noqa: S608


def test_a_length_of_half_an_hour_is_exact() -> None:
    type = session_type(minutes=30)
    assert requested(type).ends_at - at(3, 10) == timedelta(minutes=30)
    assert SessionType.objects.get(pk=type.pk).minutes == 30


def test_a_bio_has_an_end() -> None:
    therapist_id = requested().therapist_id
    sql = "UPDATE sessions_booking_therapist SET bio = repeat('é', %s) WHERE id = %s"
    assert refused_by(sql, [2001, therapist_id]) == "therapist_bio_bounded"


def test_no_rule_was_forgotten() -> None:
    attempts = Path(__file__).read_text()
    keys = {rule for rule in rules_of("sessions_booking") if "_fk_" in rule}
    assert {rule for rule in rules_of("sessions_booking") - keys if rule not in attempts} == set()
