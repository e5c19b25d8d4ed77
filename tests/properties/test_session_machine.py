"""Random lives of sessions and their payments, interleaved, against a fold that asks none of the code under test."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

import pytest
from django.conf import settings
from django.db import transaction
from django.test import override_settings
from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.roles import Role
from ledger import chart, checks
from lib.errors import Refusal
from payments import lifecycle, merchants, starting
from payments.tests.factories import UserFactory, acceptance, answered, new_phone
from sessions_booking import booking, reading, reminders
from sessions_booking.models import Booking
from sessions_booking.tests.factories import AT, at, session_type
from tests.properties import tables
from tests.properties.oracle import Said, Story, World
from tests.properties.owing import owing_to, prove_listed
from tests.properties.test_payment_machine import SHORTCODE, as_news, said

ACTS = ["requested", "approved", "declined", "cancelled", "rescheduled", "expired", "confirmed", "completed"]
TOPICS = [f"session.{act}" for act in (*ACTS, "owed", "reminder", "unanswered")]
TIMES = [at(3, 9), at(3, 9, 30), at(3, 10), at(4, 9)]
HOUR = timedelta(hours=1)
HOLDS = ("PENDING", "APPROVED", "CONFIRMED", "COMPLETED")

which = st.integers(0, 7)
times = st.sampled_from(TIMES)


def heard(payload: dict[str, object]) -> None:
    """Whoever is told: it matters only how often a message was published."""


@dataclass
class Sitting:
    """One session, as the fold knows it."""

    pk: int
    code: str
    client: int
    start: datetime
    state: str = "PENDING"
    approved: datetime = AT
    pay_by: datetime | None = None
    asked: datetime = AT
    answer_by: datetime = AT
    paid_by: int | None = None
    moves: int = 0
    confirmed: int = 0

    def overlaps(self, other: "Sitting") -> bool:
        return self is not other and abs(self.start - other.start) < HOUR


class Diary(World):
    """The payments' world, in which money buys sessions of one therapist, an hour each."""

    def __init__(self) -> None:
        super().__init__()
        self.now = AT
        self.sittings: dict[int, Sitting] = {}

    def taken(self, start: datetime, but: Sitting | None = None) -> bool:
        holding = [s for s in self.sittings.values() if s.state in HOLDS and s is not but]
        return any(abs(s.start - start) < HOUR for s in holding)

    def prompted(self, sitting: Sitting) -> Story | None:
        return next((s for s in self.stories.values() if s.thing == sitting.pk and s.live), None)

    def _give(self, story: Story) -> None:
        exact = story.cents in story.receipts.values() if story.receipts else story.paid
        if story.given is not None or not exact:
            return
        sitting = self.sittings[story.thing]
        late = sitting.state == "EXPIRED" and sitting.start > self.now and not self.taken(sitting.start, sitting)
        story.given = story.cents if sitting.state == "APPROVED" or late else 0
        if story.given:
            sitting.state, sitting.paid_by = "CONFIRMED", story.pk
            sitting.confirmed += 1


class Cast:
    """Two clients, one therapist with few times, one admin: the same in every life."""

    def __init__(self) -> None:
        self.type = session_type(minutes=60, shillings=1000)
        self.clients = [UserFactory() for _ in range(2)]
        self.phones = {person.pk: new_phone() for person in self.clients}
        self.admin = UserFactory(role=Role.ADMIN)
        merchants.merchant_for(environment="sandbox", purpose="session")


class Sessions(RuleBasedStateMachine):
    """A life of their sessions, rolled back at its end."""

    cast: ClassVar[Cast]

    def __init__(self) -> None:
        super().__init__()
        self.reactions = override_settings(REACTIONS={topic: [f"{__name__}.heard"] for topic in TOPICS})
        self.reactions.enable()
        self.rollback = transaction.atomic()
        self.rollback._from_testcase = True  # as in a TestCase: entry points may believe that they are outermost
        self.rollback.__enter__()
        self.tables = tables.Tables().__enter__()
        self.diary = Diary()
        self.listed: object = None
        self.standing: object = None
        self.type, self.clients = self.cast.type, self.cast.clients
        self.phones, self.admin = self.cast.phones, self.cast.admin

    def teardown(self) -> None:
        try:
            assert checks.prove() == []
        finally:
            self.tables.__exit__(None, None, None)
            transaction.set_rollback(True)
            self.rollback.__exit__(None, None, None)
            self.reactions.disable()

    @property
    def now(self) -> datetime:
        return self.diary.now

    def sitting(self, which: int) -> Sitting:
        sittings = list(self.diary.sittings.values())
        return sittings[which % len(sittings)]

    def any_sitting(self) -> bool:
        return bool(self.diary.sittings)

    def any_story(self) -> bool:
        return bool(self.diary.stories)

    # --- People ---

    @initialize()
    def one_to_pay_for(self) -> None:
        self.book(0, TIMES[0])
        self.approve(0)
        self.pay(0)

    @rule(person=st.integers(0, 1), start=times)
    def book(self, person: int, start: datetime) -> None:
        client = self.clients[person].pk
        waiting = [s for s in self.diary.sittings.values() if s.client == client and s.state in ("PENDING", "APPROVED")]
        expected = "too_many" if len(waiting) >= 5 else self.refuses(start)
        try:
            row = booking.book(request=booking.Request(client, self.type.pk, start), now=self.now)
        except Refusal as refused:
            assert refused.code == expected  # noqa: PT017 - a refusal is one of the expected ends
            return
        assert expected == ""
        until = min(self.now + self.day(), self.near(start))
        self.diary.sittings[row.pk] = Sitting(row.pk, row.code, client, start, asked=self.now, answer_by=until)

    def day(self) -> timedelta:
        return settings.SESSION_ANSWER_WITHIN * settings.TIME_SCALE

    def near(self, start: datetime) -> datetime:
        """The latest answer before a start: some time before it, or half of the time that is left."""
        return max(start - settings.SESSION_ANSWER_BEFORE * settings.TIME_SCALE, start - (start - self.now) / 2)

    def refuses(self, start: datetime, moving: Sitting | None = None) -> str:
        if start <= self.now:
            return "slot_past"
        if not self.now + HOUR <= start:
            return "slot_not_offered"
        return "slot_taken" if self.diary.taken(start, moving) else ""

    @precondition(any_sitting)
    @rule(which=which)
    def approve(self, which: int) -> None:
        sitting = self.sitting(which)
        expected = "" if sitting.state == "PENDING" else "wrong_state"
        if not expected and sitting.start <= self.now:
            expected = "slot_past"
        therapist = self.type.therapist.user_id
        if self.does(expected, lambda: booking.approve(code=sitting.code, actor_id=therapist, now=self.now)):
            sitting.state, sitting.approved = "APPROVED", self.now
            sitting.pay_by = min(self.now + settings.SESSION_PAY_WITHIN * settings.TIME_SCALE, sitting.start)

    @precondition(any_sitting)
    @rule(which=which)
    def decline(self, which: int) -> None:
        sitting = self.sitting(which)
        expected = "" if sitting.state == "PENDING" else "wrong_state"
        by = {"code": sitting.code, "actor_id": self.type.therapist.user_id, "now": self.now}
        if self.does(expected, lambda: booking.decline(reason="Away", **by)):
            sitting.state = "DECLINED"

    @precondition(any_sitting)
    @rule(which=which, by=st.sampled_from(["client", "therapist", "admin"]))
    def cancel(self, which: int, by: str) -> None:
        sitting = self.sitting(which)
        expected = "" if sitting.state in ("PENDING", "APPROVED", "CONFIRMED") else "wrong_state"
        if not expected and sitting.start <= self.now and by != "admin":
            expected = "too_late"
        actor = {"client": sitting.client, "therapist": self.type.therapist.user_id, "admin": self.admin.pk}[by]
        if self.does(
            expected, lambda: booking.cancel(code=sitting.code, actor_id=actor, reason="Because", now=self.now)
        ):
            sitting.state = "CANCELLED"
            if sitting.paid_by:
                self.diary.stories[sitting.paid_by].returned = True

    @precondition(any_sitting)
    @rule(which=which, start=times)
    def move(self, which: int, start: datetime) -> None:
        sitting = self.sitting(which)
        expected = "" if sitting.state in ("PENDING", "APPROVED", "CONFIRMED") else "wrong_state"
        if not expected and sitting.start <= self.now:
            expected = "too_late"
        if not expected:
            expected = "same_time" if start == sitting.start else self.refuses(start, sitting)
        by = {"code": sitting.code, "actor_id": sitting.client, "now": self.now}
        if self.does(expected, lambda: booking.reschedule(starts_at=start, **by)):
            sitting.start = start
            sitting.moves += 1
            if sitting.state == "PENDING":
                hour, usual = HOUR * settings.TIME_SCALE, sitting.asked + self.day()
                least = min(self.now + hour, start - (start - self.now) / 2, usual + hour)
                sitting.answer_by = max(min(usual, self.near(start)), least)
            if sitting.state == "APPROVED" and sitting.pay_by:
                hour = HOUR * settings.TIME_SCALE
                last = sitting.approved + settings.SESSION_PAY_WITHIN * settings.TIME_SCALE + hour
                least = min(self.now + hour, start, last)
                sitting.pay_by = max(min(sitting.pay_by, start), least)

    def does(self, expected: str, act: object) -> bool:
        """Whether it was done; it is refused exactly as expected."""
        try:
            act()  # type: ignore[operator]
        except Refusal as refused:
            assert refused.code == expected  # noqa: PT017 - a refusal is one of the expected ends
            return False
        assert expected == ""
        return True

    # --- Money ---

    @precondition(any_sitting)
    @rule(which=which)
    def pay(self, which: int) -> None:
        """The client asks to pay, and M-Pesa takes it."""
        sitting = self.sitting(which)
        live = self.diary.prompted(sitting)
        busy = any(s.live and s.payer == sitting.client and s is not live for s in self.diary.stories.values())
        expected = self.unpayable(sitting, live) or ("phone_busy" if busy and not live else "")
        order = starting.Start(
            "session", sitting.client, self.phones[sitting.client], fields={"sessionId": sitting.code}
        )
        try:
            begun = starting.start(order=order, now=self.now)
        except Refusal as refused:
            assert refused.code == expected  # noqa: PT017 - a refusal is one of the expected ends
            return
        assert expected == ""
        assert begun.created == (live is None)
        if live is None:
            story = Story(
                begun.payment_id, begun.transaction_id, sitting.client, "session", sitting.pk, order.phone, 100_000,
                self.now,
            )  # fmt: skip
            self.diary.stories[begun.payment_id] = story
            pushed = lifecycle.begin(payment_id=story.pk, now=self.now)
            assert pushed is not None
            answered(pushed, acceptance(pushed), now=self.now)
            self.diary.pushed(story.pk, 1, self.now)
            self.diary.push_ended(story.pk, 1, "accepted", final=False, checkout=f"C{story.pk}")

    def unpayable(self, sitting: Sitting, live: Story | None) -> str:
        if sitting.state == "PENDING":
            return "not_approved"
        if sitting.state in ("CONFIRMED", "COMPLETED"):
            return "already_paid"
        if sitting.state != "APPROVED":
            return "session_over"
        over = sitting.pay_by is not None and sitting.pay_by <= self.now and live is None
        return "session_over" if over else ""

    @precondition(any_story)
    @rule(batch=st.lists(st.tuples(which, said), min_size=1, max_size=4), again=st.booleans())
    def news(self, batch: list[tuple[int, Said]], again: bool) -> None:
        stories = list(self.diary.stories.values())
        told = [(stories[number % len(stories)].pk, one) for number, one in batch]
        news = [as_news(pk, one) for pk, one in told]
        lifecycle.apply(news=news, now=self.now)
        self.diary.hear(told)
        if again:
            assert lifecycle.apply(news=[*reversed(news), *news], now=self.now) == []

    @precondition(any_sitting)
    @rule(which=which, paid=st.booleans())
    def pay_in_the_last_minute(self, which: int, paid: bool) -> None:
        """The deadline passes while the prompt is on the phone: the hold follows the payment."""
        sitting = self.sitting(which)
        if sitting.state != "APPROVED" or sitting.pay_by is None or sitting.pay_by <= self.now:
            return
        self.diary.now = sitting.pay_by - timedelta(seconds=30)
        self.pay(which)
        self.diary.now += timedelta(seconds=60)
        self.sweeps()
        if paid:
            self.say(sitting, Said("paid"))

    @precondition(any_sitting)
    @rule(which=which, person=st.integers(0, 1), given_away=st.booleans())
    def money_comes_after_the_release(self, which: int, person: int, given_away: bool) -> None:
        sitting = self.sitting(which)
        if sitting.state != "APPROVED" or sitting.pay_by is None or sitting.pay_by <= self.now:
            return
        self.pay(which)
        self.say(sitting, Said("unsure"))
        self.diary.now = sitting.pay_by
        self.sweeps()
        if given_away:
            self.book(person, sitting.start)
        self.say(sitting, Said("paid"))

    def say(self, sitting: Sitting, said: Said) -> None:
        """About the last payment for it, if there is one."""
        stories = [story for story in self.diary.stories.values() if story.thing == sitting.pk]
        if stories:
            lifecycle.apply(news=[as_news(stories[-1].pk, said)], now=self.now)
            self.diary.hear([(stories[-1].pk, said)])

    # --- The clock ---

    @rule(hours=st.sampled_from([0.02, 0.1, 1, 5, 20, 24, 30]))
    def wait(self, hours: float) -> None:
        self.diary.now += timedelta(hours=hours)

    @rule()
    def sweeps(self) -> None:
        lifecycle.pass_time(payment_ids=list(self.diary.stories), now=self.now)
        self.diary.pass_time(self.now)
        released = booking.release_due(now=self.now)
        over = [sitting for sitting in self.diary.sittings.values() if self.is_over(sitting)]
        assert released == len(over)
        for sitting in over:
            sitting.state = "EXPIRED"
        booking.complete_due(now=self.now)
        for sitting in self.diary.sittings.values():
            if sitting.state == "CONFIRMED" and sitting.start + HOUR <= self.now:
                sitting.state = "COMPLETED"
        reminders.remind_due(now=self.now)

    def is_over(self, sitting: Sitting) -> bool:
        if sitting.state == "PENDING":
            return sitting.answer_by <= self.now
        due = sitting.pay_by is not None and sitting.pay_by <= self.now
        return sitting.state == "APPROVED" and due and self.diary.prompted(sitting) is None

    # --- What always holds ---

    @invariant()
    def sessions_are_where_the_fold_says(self) -> None:
        rows = self.tables.look().bookings
        assert {row[0] for row in rows} == self.diary.sittings.keys()
        for pk, state, starts_at, ends_at, answer_by, pay_by, payment in rows:
            sitting = self.diary.sittings[pk]
            assert (state, starts_at, payment) == (sitting.state, sitting.start, sitting.paid_by)
            assert ends_at - starts_at == HOUR
            if state == "PENDING":
                assert answer_by == sitting.answer_by
            if state == "APPROVED":
                assert pay_by == sitting.pay_by

    @invariant()
    def no_two_live_sessions_share_the_therapists_time(self) -> None:
        live = [sitting for sitting in self.diary.sittings.values() if sitting.state in HOLDS]
        assert not any(one.overlaps(other) for one in live for other in live)

    @invariant()
    def a_confirmed_session_has_exactly_one_settlement(self) -> None:
        held, payments = self.tables.look().booked, self.tables.look().payments
        earned: Counter[int] = Counter()
        for story in self.diary.stories.values():
            earned[story.thing] -= held[story.transaction_id].get("revenue:session", 0)
        given = Counter(row.target_id for row in payments if (row.purpose, row.answer) == ("session", "GIVEN"))
        for sitting in self.diary.sittings.values():
            paid = sitting.state in ("CONFIRMED", "COMPLETED")
            assert earned[sitting.pk] == (100_000 if paid else 0)
            assert given[sitting.pk] == (1 if paid else 0)

    @invariant()
    def no_money_without_a_home(self) -> None:
        held = self.tables.look().booked
        stories = {story.transaction_id: story for story in self.diary.stories.values()}
        assert held.keys() <= stories.keys()
        for transaction_id, story in stories.items():
            assert held[transaction_id] == story.books(SHORTCODE)
        for row in self.tables.look().payments:
            story = self.diary.stories[row.pk]
            assert row.status == story.status
            assert row.flags == story.flags()

    @invariant()
    def what_is_owed_is_listed(self) -> None:
        """The lists that people read are asked after each step that should change them."""
        owing = owing_to(self.diary.stories.values(), shortcode=SHORTCODE)
        listed = (owing, [sorted(row.reasons) for row in self.tables.look().payments])
        if listed != self.listed:
            self.listed = listed
            prove_listed(self.diary.stories.values(), shortcode=SHORTCODE, now=self.now)
        standing = (listed, [(sitting.pk, sitting.state) for sitting in self.diary.sittings.values()])
        if standing != self.standing:
            self.standing = standing
            self.prove_said()

    def prove_said(self) -> None:
        """And said on the session's own page."""
        stories = self.diary.stories.values()
        rows = list(Booking.objects.all())
        standings = reading.standings(bookings=rows, now=self.now)
        for row in rows:
            mine = [story for story in stories if story.thing == row.pk]
            owing = sum(-story.books(SHORTCODE).get(chart.owed(story.payer), 0) for story in mine)
            assert standings[row.pk].kept_cents == owing

    @invariant()
    def nobody_is_told_twice(self) -> None:
        said = self.tables.look().published
        for sitting in self.diary.sittings.values():
            assert said[(sitting.pk, "session.requested")] == 1
            assert said[(sitting.pk, "session.rescheduled")] == sitting.moves
            assert said[(sitting.pk, "session.confirmed")] == sitting.confirmed <= 1
            for once in ("approved", "declined", "cancelled", "expired", "completed"):
                assert said[(sitting.pk, f"session.{once}")] <= 1
            in_vain = sum(s.given == 0 for s in self.diary.stories.values() if s.thing == sitting.pk)
            assert said[(sitting.pk, "session.owed")] == in_vain
            assert said[(sitting.pk, "session.unanswered")] <= 1


@pytest.mark.requirement("SES-1", "SES-2", "SES-3", "SES-4", "CB-5", "CB-7", "LED-1", "NOT-2", "P21", "P22", "P28")
class TestSessions(TestCase):
    # Feature: mpesa-payment-integration, Property 21: a confirmed payment is paid, whatever else was said and when
    # Feature: mpesa-payment-integration, Property 22: and its session is confirmed, or the money is owed
    # Feature: mpesa-payment-integration, Property 28: a failure leaves its session approved
    def test_every_life(self) -> None:
        Sessions.cast = Cast()
        run_state_machine_as_test(Sessions, settings=effort(max_examples=100, stateful_step_count=20))
