"""What an entry holds, and what it never holds."""

import json
import logging
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from audit import trail
from audit.models import Entry
from tests.refusals import refused_by

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
words = st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1, max_size=20)
users = st.integers(1, 10**9).map(lambda id: f"user:{id}")
endings = st.integers(0, 9999).map("{:04d}".format)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def only() -> Entry:
    return Entry.objects.get()


@pytest.mark.requirement("SEC-6")
class TestProperties(TestCase):
    # Feature: mpesa-payment-integration, Property 66: Payment Action Logs Required Fields
    @pytest.mark.requirement("P66")
    @settings(max_examples=100, deadline=None)
    @given(actor=users | st.just("system"), action=words)
    def test_an_entry_says_when_who_and_what(self, actor: str, action: str) -> None:
        before = datetime.now(UTC)
        trail.record(action=action, actor=actor, subject="payment:1")
        entry = only()
        assert (entry.actor, entry.action) == (actor, action)
        assert abs((entry.at - before).total_seconds()) < 60

    # Feature: mpesa-payment-integration, Property 67: Payment Initiation Records Required Fields
    @pytest.mark.requirement("P67")
    @pytest.mark.requirement("SEC-4")
    @settings(max_examples=150, deadline=None)
    @given(
        user=users, thing=words, cents=st.integers(1, 25_000_000), start=st.sampled_from(["2547", "2541", "+2547", "07", "01"]),
        middle=endings, last=endings,
    )  # fmt: skip
    def test_an_initiation_keeps_all_but_the_phone(
        self, user: str, thing: str, cents: int, start: str, middle: str, last: str
    ) -> None:
        phone = start + middle + last
        number = int(phone) if phone.startswith("254") else phone
        data = {"thing": thing, "amount_cents": cents, "phone": phone, "raw": [{"PhoneNumber": number}, f"to {phone}."]}
        trail.record(action="payment.started", actor=user, subject=f"payment:{phone}", data=data)
        entry = only()
        masked = f"********{last}"
        assert entry.data == {
            "thing": thing, "amount_cents": cents, "phone": masked, "raw": [{"PhoneNumber": masked}, f"to {masked}."],
        }  # fmt: skip
        assert (entry.actor, entry.subject) == (user, f"payment:{masked}")

    # Feature: mpesa-payment-integration, Property 68: Status Change Logs Transition Details
    @pytest.mark.requirement("P68")
    @settings(max_examples=100, deadline=None)
    @given(old=words, new=words, reason=words)
    def test_a_change_keeps_from_to_and_reason(self, old: str, new: str, reason: str) -> None:
        data = {"from": old, "to": new, "reason": reason}
        trail.record(action="payment.status", actor="system", subject="payment:1", data=data)
        assert only().data == data

    # Feature: mpesa-payment-integration, Property 69: Admin Access Logs Required Fields
    @pytest.mark.requirement("P69")
    @settings(max_examples=100, deadline=None)
    @given(admin=users, payments=st.lists(st.integers(1, 10**12), max_size=5))
    def test_access_keeps_who_saw_what_and_when(self, admin: str, payments: list[int]) -> None:
        trail.record(action="admin.viewed", actor=admin, subject="payments", data={"ids": payments}, at=AT)
        entry = only()
        assert (entry.actor, entry.data["ids"], entry.at) == (admin, payments, AT)

    @settings(max_examples=150, deadline=None)
    @given(data=st.dictionaries(st.text(), anything, max_size=4), subject=st.text())
    def test_nothing_can_stop_an_entry_from_being_written(self, data: dict[str, object], subject: str) -> None:
        trail.security(event="forged_callback", subject=subject, data=data)
        entry = only()
        assert entry.action == "security.forged_callback"
        json.dumps(entry.data, allow_nan=False)


@pytest.mark.django_db
class TestTrail:
    def test_an_actor_may_be_given_as_a_bare_id(self) -> None:
        trail.record(action="account.signed_in", actor="12", subject="user:12")
        assert only().actor == "user:12"

    def test_checkout_request_ids_are_masked(self) -> None:
        trail.record(action="a", actor="system", subject="", data={"id": "ws_CO_170820261404032708374149"})
        assert only().data == {"id": "ws_CO_****4149"}

    def test_a_number_at_the_cut_of_a_long_text_is_masked(self) -> None:
        trail.record(
            action="a", actor="system", subject="", data={"body": "x" * 1991 + " 254712345678 " + "y" * 99_999}
        )
        assert only().data == {"body": "x" * 1991 + " ********"}

    def test_many_are_one_statement(self, django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
        with django_assert_num_queries(1):
            trail.record_many(trail.Row("a", "system", f"payment:{n}") for n in range(500))
        with django_assert_num_queries(0):
            trail.record_many([])
        subjects = Entry.objects.order_by("id").values_list("subject", flat=True)
        assert list(subjects) == [f"payment:{n}" for n in range(500)]

    def test_security_events_reach_the_log(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING):
            trail.security(event="forged_callback", subject="address:203.0.113.7")
        assert [r.getMessage() for r in caplog.records] == ["security event forged_callback about address:203.0.113.7"]

    @pytest.mark.requirement("SEC-6")
    @pytest.mark.parametrize(
        ("sql", "rule"),
        [
            ("UPDATE audit_entry SET actor = 'user:1'", "audit_entry_frozen"),
            ("DELETE FROM audit_entry", "audit_entry_frozen"),
            ("SET LOCAL malipo.allow_truncate = off; TRUNCATE audit_entry", "audit_entry_frozen"),
            ("INSERT INTO audit_entry (actor, action, subject, environment, data) VALUES ('', 'a', '', '', '{}')",
             "entry_says_who_and_what"),
            ("INSERT INTO audit_entry (actor, action, subject, environment, data) VALUES ('a', 'a', '', 'x', '{}')",
             "entry_environment_known"),
        ],
    )  # fmt: skip
    def test_entries_are_only_ever_added(self, sql: str, rule: str) -> None:
        trail.record(action="a", actor="system", subject="")
        assert refused_by(sql) == rule
