"""Sending at once: the commit that writes a payment says that it is being sent, and no prompt is doubled by that."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from lib import clock
from lib.errors import Refusal
from payments import calls, chase, lifecycle, sending, starting
from payments.facts import Kind
from payments.models import Payment, PaymentFact
from payments.providers import Order
from payments.states import Status
from payments.tests.factories import AT, UserFactory, acceptance, later, new_phone, order
from simulator.testing import Sim, running_simulator
from tests.stack import until
from wallet.models import Wallet

pytestmark = [pytest.mark.requirement("STK-3"), pytest.mark.requirement("STK-8")]


CALL = [calls.Call("STK_PUSH", "{}", "{}", 200, 5, "")]


@pytest.fixture
def m_pesa(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sim]:
    """An M-Pesa over HTTP; the threads of the pool keep no connection open after the test."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    with (
        running_simulator() as sim,
        override_settings(MPESA=replace(settings.MPESA, base_url=sim.url), PUBLIC_URL="http://127.0.0.1:9"),
    ):
        yield sim


@pytest.fixture
def none_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many calls as may be are under way."""
    monkeypatch.setattr(sending, "_free", threading.BoundedSemaphore(1))
    assert sending._free.acquire()


def begun_at_once(**given: Any) -> starting.Started:
    return starting.start(order=order(UserFactory(), **given), now=AT, at_once=True)


def statements(asked: CaptureQueriesContext) -> list[str]:
    """Without those that a test's own transaction needs."""
    return [query["sql"] for query in asked if "SAVEPOINT" not in query["sql"]]


def push_of(begun: starting.Started) -> Order:
    assert begun.push
    return begun.push


# --- One commit ---


@pytest.mark.django_db
def test_it_is_as_if_it_had_been_started_and_then_begun() -> None:
    phone = new_phone()
    push = push_of(begun_at_once(phone=phone))
    other = starting.start(order=order(UserFactory(), phone=new_phone()), now=AT)
    assert lifecycle.begin(payment_id=other.payment_id, now=AT)
    both = [Payment.objects.get(pk=pk) for pk in (push.payment_id, other.payment_id)]
    same = [
        "status", "reasons", "attempts", "last_submitted_at", "next_attempt_at", "deadline_at", "next_query_at",
        "timed_out_at", "updated_at", "answer", "journals", "callback_received", "received_cents",
    ]  # fmt: skip
    assert [getattr(both[0], name) for name in same] == [getattr(both[1], name) for name in same]
    facts = [
        list(PaymentFact.objects.filter(payment=row).values_list("kind", "source", "submission", "at")) for row in both
    ]
    assert facts[0] == facts[1] == [("SENT", "PUSH", 1, AT)]
    assert (push.phone, push.submission, push.amount_cents) == (phone, 1, both[0].amount_cents)


@pytest.mark.django_db
def test_nobody_else_sends_what_is_being_sent() -> None:
    begun = begun_at_once()
    assert lifecycle.begin(payment_id=begun.payment_id, now=later(3)) is None
    assert not Payment.objects.filter(next_attempt_at__isnull=False).exists()
    chase.close_overdue(now=later(121))
    row = Payment.objects.get()
    assert (row.status, row.reasons) == (Status.EXPIRED, ["UNHEARD_OF"])


@pytest.mark.django_db
@pytest.mark.requirement("STK-6")
def test_who_finds_a_payment_that_is_there_pushes_nothing() -> None:
    wanted = order(UserFactory(), idempotency_key="k")
    first = starting.start(order=wanted, now=AT, at_once=True)
    for again in (wanted, replace(wanted, idempotency_key="")):
        assert starting.start(order=again, now=AT, at_once=True) == starting.Started(
            first.payment_id, first.transaction_id, created=False
        )
    assert PaymentFact.objects.filter(kind=Kind.SENT).count() == 1


@pytest.mark.django_db
def test_what_a_payer_waits_for_asks_the_database_so_often() -> None:
    """So that it does not grow unseen: each statement is a trip to the database and back."""
    begun_at_once()  # the merchant is there after it
    payer = UserFactory()
    Wallet.objects.create(user=payer, environment="sandbox")
    with CaptureQueriesContext(connection) as starts:
        begun = starting.start(order=order(payer), now=AT, at_once=True)
    pushed = acceptance(push_of(begun))
    with CaptureQueriesContext(connection) as ends:
        row = lifecycle.finish(order=push_of(begun), pushed=pushed, made=CALL, caller=calls.NOBODY, now=AT)
    assert row.status == Status.PROMPTED
    assert (len(statements(starts)), len(statements(ends))) == (8, 10)


# --- Turns ---


@pytest.mark.django_db
def test_without_a_turn_a_worker_sends_it(none_free: None) -> None:
    with sending.turn() as turn:
        begun = starting.start(order=order(UserFactory()), now=AT, at_once=turn.given)
    assert (begun.created, begun.push) == (True, None)
    assert Payment.objects.get().next_attempt_at == later(2)


def refused_with_a_turn() -> None:
    with sending.turn() as turn:
        assert turn.given
        raise Refusal("phone_busy", "It is busy.")


def test_a_turn_that_is_not_used_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_free", threading.BoundedSemaphore(1))
    for _ in range(3):
        with pytest.raises(Refusal):
            refused_with_a_turn()
    assert sending._free.acquire(blocking=False)


@pytest.mark.django_db(transaction=True)
def test_a_turn_is_free_again_when_the_call_has_ended(m_pesa: Sim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_free", threading.BoundedSemaphore(1))
    for _ in range(2):
        with sending.turn() as turn:
            begun = starting.start(order=order(UserFactory()), now=clock.now(), at_once=turn.given)
            row = turn.push(order=push_of(begun), caller=calls.NOBODY)
        assert row
        assert row.status == Status.PROMPTED
        until(lambda: sending._free._value == 1, what="the turn to be given back")


# --- The pool ---


class Starved(ThreadPoolExecutor):
    """A machine that can start no thread any more: the pool raises, and has kept what it was given."""

    def __init__(self) -> None:
        super().__init__(max_workers=1)
        self.kept: list[Callable[[], Any]] = []

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        self.kept.append(lambda: work(*args, **kwargs))
        raise RuntimeError("can't start new thread")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("late", [False, True], ids=["never", "later"])
def test_a_pool_that_takes_nothing_doubles_no_prompt_and_loses_none(
    m_pesa: Sim, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    pool = Starved()
    monkeypatch.setattr(sending, "_pool", pool)
    with sending.turn() as turn:
        begun = starting.start(order=order(UserFactory()), now=clock.now(), at_once=turn.given)
        row = turn.push(order=push_of(begun), caller=calls.NOBODY)
    for work in pool.kept if late else []:
        assert work() is None
    assert row
    assert row.status == Status.PROMPTED
    assert len(m_pesa.pushes()) == 1
