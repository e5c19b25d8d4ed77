"""Asking about the silent ones, and the clock: each deadline on real rows, with the clock in our hand."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from lib import clock
from lib.errors import Refusal
from payments import chase, facts, holding, lifecycle, providers, situation, starting, tasks, timing
from payments.facts import Fact, Kind, Source
from payments.models import Payment, PaymentFact
from payments.providers import Answer
from payments.situation import Situation
from payments.states import Status
from payments.tests.factories import (
    AT,
    UserFactory,
    answered,
    later,
    loss,
    lot,
    order,
    prompted,
    refusal,
    sent,
    started,
    tell,
)
from tests.properties import things

PENDING = Answer(still_processing=True)
PAID = Answer((Fact(Kind.SUCCEEDED, Source.QUERY),))
CANCELLED = Answer((Fact(Kind.CANCELLED, Source.QUERY, code="1032"),))


def learn(asked: Sequence[chase.Asked], answer: Answer, now: datetime) -> None:
    for one in asked:
        chase.learn(asked=chase.Asked(one.question, one.lease, answer), now=now)


def chased(answer: Answer, *, since: float = 0, until: float = 90_000) -> list[float]:
    """Sweep whenever the one payment is due, first at `since`; how many seconds after `AT` M-Pesa was asked."""
    found: list[float] = []
    while (due := Payment.objects.get().next_query_at) and due < later(until):
        now = max(due, later(since))
        assert chase.claim(now=due - timedelta(milliseconds=1)) == [] or now > due
        asked = chase.claim(now=now)
        found += [(now - AT).total_seconds()] * len(asked)
        learn(asked, answer, now)
    return found


def known(payment: Payment) -> facts.Known:
    rows = PaymentFact.objects.filter(payment=payment)
    return facts.Known(payment.amount_cents).having(facts=[holding.read_fact(row) for row in rows])


# --- When M-Pesa is asked ---


@pytest.mark.requirement("REC-1")
@pytest.mark.django_db
@pytest.mark.parametrize("answer", [PENDING, Answer(), CANCELLED], ids=["processing", "unknown id", "denied by query"])
def test_a_silent_payment_is_asked_about_on_schedule(answer: Answer) -> None:
    prompted()
    for wait, asked in zip(timing.QUERIES, chased(answer, until=100_000), strict=True):
        assert wait <= asked <= wait * (1 + timing.JITTER)


@pytest.mark.requirement("REC-1")
@pytest.mark.django_db
def test_success_ends_the_questions() -> None:
    payment = prompted()
    learn(chase.claim(now=later(33)), PAID, later(33))
    payment.refresh_from_db()
    assert (payment.status, payment.next_query_at) == (Status.COMPLETED, None)


@pytest.mark.requirement("REC-1")
@pytest.mark.django_db
def test_what_was_missed_is_asked_about_once() -> None:
    prompted()
    assert chased(PENDING, since=101, until=140) == [101, pytest.approx(126, abs=7)]


@pytest.mark.requirement("REC-1")
@pytest.mark.django_db
def test_no_answer_is_asked_again_after_a_pause_and_uses_up_nothing() -> None:
    prompted()
    assert chased(chase.SILENCE, since=33, until=72) == [33, 43, 53, 63]
    assert Payment.objects.get().queries == 0


@pytest.mark.requirement("REC-1")
@pytest.mark.django_db
def test_doubtful_callbacks_cannot_use_up_the_questions() -> None:
    payment = prompted()
    for second in range(1, 118, 11):
        chase.ask_soon(payment_ids=[payment.pk], now=later(second))
        learn(chase.claim(now=later(second)), PENDING, later(second))
    times = chased(PENDING, since=118, until=100_000)
    assert len(times) == len([wait for wait in timing.QUERIES if wait >= 118])


@pytest.mark.requirement("CB-7")
@pytest.mark.django_db
def test_doubtful_callbacks_ask_at_most_once_in_ten_seconds() -> None:
    payment = prompted()
    asked = 0
    for second in range(1, 29):
        chase.ask_soon(payment_ids=[payment.pk], now=later(second))
        now = chase.claim(now=later(second))
        learn(now, PENDING, later(second))
        asked += len(now)
    assert asked == 3


@pytest.mark.requirement("REC-1")
@pytest.mark.django_db
def test_our_own_rate_limit() -> None:
    for _ in range(timing.QUERIES_PER_SECOND + 5):
        prompted()
    assert len(chase.claim(now=later(40))) == timing.QUERIES_PER_SECOND
    assert chase.claim(now=later(40.5)) == []
    assert len(chase.claim(now=later(41.1))) == 5


@pytest.mark.requirement("REC-4")
@pytest.mark.django_db
def test_an_answer_after_the_lease_is_lost_changes_nothing() -> None:
    payment = prompted()
    (stale,) = chase.claim(now=later(33))
    assert chase.claim(now=later(33 + timing.QUERY_LEASE - 1)) == []
    (fresh,) = chase.claim(now=later(33 + timing.QUERY_LEASE))
    learn([stale], PAID, later(190))
    payment.refresh_from_db()
    assert (payment.status, payment.queries, payment.query_lease) == (Status.PROMPTED, 0, fresh.lease)
    learn([fresh], CANCELLED, later(191))
    payment.refresh_from_db()
    assert (payment.status, payment.queries) == (Status.CANCELLED, 1)
    learn([fresh], PAID, later(192))
    payment.refresh_from_db()
    assert payment.status == Status.CANCELLED


@pytest.mark.requirement("REC-1")
@pytest.mark.django_db
def test_a_payment_that_cannot_be_asked_about_does_not_stop_the_others() -> None:
    spoilt, sound = prompted(), prompted()
    Payment.objects.filter(pk=spoilt.pk).update(checkout_sealed=b"sealed with a key that is gone" * 2)
    (asked,) = chase.claim(now=later(40))
    assert asked.question.payment_id == sound.pk


# --- Two minutes, five minutes ---


class TestClock(TestCase):
    # Feature: mpesa-payment-integration, Property 14: no response within 120 s is marked as timed out
    # Feature: mpesa-payment-integration, Property 19: unclear after 120 s, so M-Pesa is asked directly
    # Feature: mpesa-payment-integration, Property 31: the payer reads to check M-Pesa messages and to retry
    # Feature: mpesa-payment-integration, Property 74: an unclear status is verified with M-Pesa
    @pytest.mark.requirement("REC-2")
    @pytest.mark.requirement("P14")
    @pytest.mark.requirement("P19")
    @pytest.mark.requirement("P31")
    @pytest.mark.requirement("P74")
    @settings(max_examples=100)
    @given(st.integers(0, 30), st.lists(st.integers(1, 119), max_size=2), st.floats(120, 299))
    def test_at_120_s_it_is_timed_out_and_asked_about(self, delay: int, early: list[int], late: float) -> None:
        payment = started()
        begun = sent(payment, now=later(delay))
        answered(begun, acceptance_of(begun), now=later(delay + 1))
        for second in sorted(early):
            chase.close_overdue(now=later(delay + second))
            payment.refresh_from_db()
            assert payment.timed_out_at is None
        now = later(delay + late)
        chase.close_overdue(now=now)
        payment.refresh_from_db()
        assert (payment.status, payment.timed_out_at, payment.next_query_at) == (Status.PROMPTED, now, now)
        assert [one.question.payment_id for one in chase.claim(now=now)] == [payment.pk]
        assert situation.situation(row=payment, known=known(payment), now=now) is Situation.TIMED_OUT

    # Feature: mpesa-payment-integration, Property 76: monitoring resumes after a restart, from rows alone
    @pytest.mark.requirement("REC-4")
    @pytest.mark.requirement("P76")
    @settings(max_examples=100)
    @given(
        st.lists(
            st.sampled_from(["unsent", "refused", "sent", "lost", "prompted"]), min_size=1, max_size=2, unique=True
        )
    )
    def test_what_was_pending_is_taken_up_after_a_restart(self, states: list[str]) -> None:
        made = {state: [pending(state) for each in states if each == state] for state in set(states)}
        # Nothing but rows is left of the process that made them.
        due = set(Payment.objects.filter(next_attempt_at__lte=later(3)).values_list("pk", flat=True))
        assert due == {p.pk for state in ("unsent", "refused") for p in made.get(state, [])}
        asked = {one.question.payment_id for one in chase.claim(now=later(40))}
        assert asked == {payment.pk for payment in made.get("prompted", [])}
        chase.close_overdue(now=later(121))
        ended = set(Payment.objects.filter(status=Status.EXPIRED).values_list("pk", flat=True))
        assert ended == {p.pk for state in made if state != "prompted" for p in made[state]}
        chase.close_overdue(now=later(301))
        assert not Payment.objects.exclude(status=Status.EXPIRED).exists()


def acceptance_of(begun: providers.Order) -> providers.Pushed:
    """M-Pesa took it, and nothing else is known."""
    return providers.Pushed((Fact(Kind.ACCEPTED, Source.PUSH, begun.submission, checkout_hash="a" * 63 + "b"),))


def pending(state: str) -> Payment:
    if state == "unsent":
        return started()
    if state == "prompted":
        return prompted()
    begun = sent()
    if state == "refused":
        return answered(begun, refusal(begun, passing=True))
    if state == "lost":
        return answered(begun, loss(begun))
    return Payment.objects.get(pk=begun.payment_id)


@pytest.mark.requirement("REC-2")
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "ends_at", "code"),
    [
        ("unsent", 120, "UNSENT"),
        ("refused", 120, "UNSENT"),
        ("sent", 120, "LOST"),
        ("lost", 120, "LOST"),
        ("prompted", 300, "SILENT"),
    ],
)
def test_when_the_clock_closes(state: str, ends_at: int, code: str) -> None:
    payment = pending(state)
    chase.close_overdue(now=later(ends_at - 0.001))
    payment.refresh_from_db()
    assert payment.status in (Status.SENDING, Status.PROMPTED)
    chase.close_overdue(now=later(ends_at))
    payment.refresh_from_db()
    assert (payment.status, payment.failed_at, payment.deadline_at) == (Status.EXPIRED, later(ends_at), None)
    assert payment.timed_out_at is not None
    assert PaymentFact.objects.get(payment=payment, kind="CLOSED").code == code


@pytest.mark.requirement("REC-2")
@pytest.mark.requirement("CB-7")
@pytest.mark.django_db
def test_a_late_proof_of_payment_still_wins() -> None:
    payment = prompted()
    chase.close_overdue(now=later(300))
    tell(payment, lot(), now=later(4000))
    assert (payment.status, payment.reasons, payment.answer) == (Status.COMPLETED, [], "GIVEN")


@pytest.mark.requirement("REC-2")
@pytest.mark.django_db
def test_a_timed_out_payment_is_replaced_in_one_step() -> None:
    payer = UserFactory()
    old = prompted(payer)
    again = order(payer, amount=500, replace=True)
    chase.close_overdue(now=later(119))
    with pytest.raises(Refusal) as refused:
        starting.start(order=again, now=later(119))
    assert (refused.value.code, refused.value.retry_after) == ("payment_in_progress", 1)
    chase.close_overdue(now=later(121))
    new = starting.start(order=again, now=later(122))
    old.refresh_from_db()
    assert new.created
    assert (old.status, PaymentFact.objects.get(payment=old, kind="CLOSED").code) == (Status.EXPIRED, "REPLACED")
    tell(old, lot(), now=later(130))
    assert (old.status, old.answer) == (Status.COMPLETED, "GIVEN")


@pytest.mark.requirement("REC-2")
@pytest.mark.django_db
def test_a_payment_that_mpesa_still_works_on_is_not_replaced_before_it_expires() -> None:
    payer = UserFactory()
    old = prompted(payer)
    again = order(payer, replace=True)
    chase.close_overdue(now=later(121))
    learn(chase.claim(now=later(121)), PENDING, later(122))
    with pytest.raises(Refusal) as refused:
        starting.start(order=again, now=later(123))
    assert (refused.value.code, refused.value.retry_after) == ("payment_in_progress", 177)
    chase.close_overdue(now=later(300))
    assert starting.start(order=again, now=later(301)).created
    old.refresh_from_db()
    assert old.status == Status.EXPIRED


@pytest.mark.django_db
def test_one_payment_whose_thing_fails_does_not_stop_the_clock_of_the_others() -> None:
    with things.on_offer():
        spoilt, *sound = [started() for _ in range(3)]
        things.broken.add(spoilt.pk)
        chase.close_overdue(now=later(121))
    ended = Payment.objects.filter(status=Status.EXPIRED).values_list("pk", flat=True)
    assert set(ended) == {payment.pk for payment in sound}


# --- Sending again ---


class TestRetries(TestCase):
    # Feature: mpesa-payment-integration, Property 71: while M-Pesa is away requests are queued, and retried after 30 s
    @pytest.mark.requirement("STK-8")
    @pytest.mark.requirement("P71")
    @settings(max_examples=100)
    @given(st.lists(st.floats(0, 0.4), min_size=7, max_size=7), st.integers(1, 7))
    def test_a_passing_refusal_is_sent_again_on_schedule(self, slow: list[float], fine_at: int) -> None:
        payment = started()
        now = AT
        for attempt, (took, wait) in enumerate(zip(slow, (*timing.RETRIES, None), strict=True), 1):
            begun = lifecycle.begin(payment_id=payment.pk, now=now)
            assert begun is not None
            assert begun.submission == attempt
            assert lifecycle.begin(payment_id=payment.pk, now=now) is None
            now += timedelta(seconds=took)
            if attempt == fine_at:
                answered(begun, acceptance_of(begun), now=now)
                break
            payment = answered(begun, refusal(begun, passing=True), now=now)
            assert payment.next_attempt_at == (now + timedelta(seconds=wait) if wait else None)
            now = payment.next_attempt_at or now
        payment.refresh_from_db()
        assert (payment.status, payment.attempts, payment.next_attempt_at) == (Status.PROMPTED, fine_at, None)


@pytest.mark.requirement("STK-8")
@pytest.mark.django_db
def test_refused_seven_times_it_has_failed() -> None:
    payment, now = started(), AT
    for wait in (*timing.RETRIES, 0):
        begun = lifecycle.begin(payment_id=payment.pk, now=now)
        assert begun is not None
        payment = answered(begun, refusal(begun, passing=True), now=now)
        now += timedelta(seconds=wait)
    assert (payment.status, payment.attempts, payment.result_code) == (Status.FAILED, 7, "500.003.02 BUSY")
    assert lifecycle.begin(payment_id=payment.pk, now=now) is None


@pytest.mark.requirement("STK-8")
@pytest.mark.django_db
def test_what_does_not_pass_is_never_sent_again() -> None:
    begun = sent()
    payment = answered(begun, refusal(begun, passing=False, code="500.001.1001 CREDENTIALS"))
    assert (payment.status, payment.next_attempt_at) == (Status.FAILED, None)
    assert not lifecycle.send_again(payment_id=payment.pk, now=later(60))


@pytest.mark.requirement("STK-8")
@pytest.mark.django_db
def test_what_was_perhaps_sent_is_never_sent_again() -> None:
    for state in ("sent", "lost", "prompted"):
        payment = pending(state)
        assert payment.next_attempt_at is None
        assert lifecycle.begin(payment_id=payment.pk, now=later(60)) is None
        assert not lifecycle.send_again(payment_id=payment.pk, now=later(60))


@pytest.mark.requirement("STK-8")
@pytest.mark.django_db
def test_the_payer_sends_this_same_payment_again_after_30_s() -> None:
    begun = sent()
    payment = answered(begun, refusal(begun, passing=True))
    Payment.objects.filter(pk=payment.pk).update(next_attempt_at=later(90))
    assert not lifecycle.send_again(payment_id=payment.pk, now=later(29))
    assert lifecycle.send_again(payment_id=payment.pk, now=later(30))
    assert Payment.objects.get().next_attempt_at == later(30)
    again = lifecycle.begin(payment_id=payment.pk, now=later(30))
    assert again is not None
    assert (again.transaction_id, again.submission) == (payment.transaction_id, 2)


@pytest.mark.requirement("STK-8")
@pytest.mark.django_db
def test_nothing_is_sent_late() -> None:
    payment = started()
    assert lifecycle.begin(payment_id=payment.pk, now=later(120)) is None
    assert not lifecycle.send_again(payment_id=payment.pk, now=later(121))


@pytest.mark.django_db
def test_sweeps_take_the_same_number_of_queries_for_one_and_for_thirty() -> None:
    def cost() -> int:
        with connection.execute_wrapper(counter := Counting()):
            chase.close_overdue(now=later(400))
        return counter.count

    prompted()
    one = cost()
    for _ in range(30):
        prompted()
    assert cost() == one


class Counting:
    """Counts statements."""

    count = 0

    def __call__(self, execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        self.count += "SAVEPOINT" not in sql
        return execute(sql, params, many, context)


@pytest.mark.requirement("REC-4")
@pytest.mark.django_db(transaction=True)
def test_one_wake_closes_more_than_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chase, "BATCH", 2)
    for _ in range(5):
        prompted(now=clock.now() - timedelta(seconds=200))
    tasks.close_overdue()
    assert Payment.objects.filter(timed_out_at=None).count() == 0
