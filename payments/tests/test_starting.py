"""Starting: one payment for one wish, refusals that say what to do, and what the trail keeps of it."""

import re

import pytest
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from audit.models import Entry
from lib.errors import Refusal
from lib.phone import mask_all
from payments import chase, lifecycle, starting
from payments.facts import Fact, Kind, Source
from payments.models import Payment
from payments.phones import phone_of
from payments.states import Status
from payments.tests.factories import (
    AT,
    UserFactory,
    acceptance,
    answered,
    later,
    lot,
    new_phone,
    order,
    prompted,
    refusal,
    sent,
    started,
    tell,
)
from tests.properties import things
from wallet.models import Wallet

ENDS = [
    Fact(Kind.CANCELLED, Source.CALLBACK, code="1032"),
    Fact(Kind.FAILED, Source.CALLBACK, code="1"),
    Fact(Kind.CLOSED, Source.PERSON, code="PERSON", actor="user:1"),
    lot("UKL000000A"),
]


class TestTrail(TestCase):
    # Feature: mpesa-payment-integration, Property 66: each action is logged with time, user and type
    # Feature: mpesa-payment-integration, Property 67: an initiation records client, thing, amount and masked phone
    # Feature: mpesa-payment-integration, Property 68: a status change records from, to and reason
    @pytest.mark.requirement("SEC-6")
    @pytest.mark.requirement("P66")
    @pytest.mark.requirement("P67")
    @pytest.mark.requirement("P68")
    @settings(max_examples=100)
    @given(st.integers(10, 150_000), st.integers(0, 10**8 - 1), st.sampled_from(ENDS), st.integers(1, 100))
    def test_what_the_trail_keeps(self, shillings: int, number: int, end: Fact, after: int) -> None:
        phone = f"2547{number:08d}"
        payment = prompted(amount=shillings, phone=phone)
        tell(payment, end, now=later(after))
        entries = list(Entry.objects.filter(subject=f"payment:{payment.transaction_id}").order_by("id"))
        assert [(entry.action, entry.at) for entry in entries[:3]] == [
            ("payment.initiated", AT),
            ("payment.status", AT),
            ("payment.status", later(after)),
        ]
        initiated, accepted, ended = entries[:3]
        assert initiated.actor == f"user:{payment.payer_id}"
        assert initiated.data["thing"] == f"deposit:{payment.target_id}"
        assert initiated.data["amount"].replace(",", "").endswith(str(shillings))
        assert initiated.data["phone"] == f"********{phone[-4:]}"
        assert (accepted.data["from"], accepted.data["to"]) == ("SENDING", "PROMPTED")
        assert (ended.data["from"], ended.data["to"]) == ("PROMPTED", payment.status)
        assert ended.data["reason"]
        assert ended.actor == getattr(end, "actor", "system")
        assert phone not in "".join(str(entry.data) for entry in entries)

    # Feature: mpesa-payment-integration, Property 54: concurrent payments do not disturb each other
    @pytest.mark.requirement("STK-9")
    @pytest.mark.requirement("P54")
    @settings(max_examples=100)
    @given(st.lists(st.sampled_from(ENDS), min_size=2, max_size=3), st.randoms(use_true_random=False))
    def test_payments_end_as_if_they_were_alone(self, ends: list[Fact], dice: object) -> None:
        alone = {Kind.CANCELLED: "CANCELLED", Kind.FAILED: "FAILED", Kind.CLOSED: "EXPIRED"}
        steps = [(number, step) for number in range(len(ends)) for step in range(3)]
        mixed = [number for number, _ in steps]
        dice.shuffle(mixed)  # type: ignore[attr-defined]
        payments: dict[int, Payment] = {}
        begun = {}
        done = dict.fromkeys(range(len(ends)), 0)
        for number in mixed:
            step, done[number] = done[number], done[number] + 1
            if step == 0:
                payments[number] = started(amount=100 + number)
                begun[number] = sent(payments[number])
            elif step == 1:
                answered(begun[number], acceptance(begun[number]))
            else:
                end = ends[number]
                tell(payments[number], end if isinstance(end, Fact) else lot(cents=10_000 + 100 * number))
        for number, payment in payments.items():
            payment.refresh_from_db()
            end = ends[number]
            assert payment.status == (alone[end.kind] if isinstance(end, Fact) else "COMPLETED")
            assert payment.reasons == []
            assert payment.received_cents == (0 if isinstance(end, Fact) else 10_000 + 100 * number)


@pytest.mark.requirement("PAY-1")
@pytest.mark.requirement("DEP-4")
@pytest.mark.django_db
def test_what_a_payment_keeps() -> None:
    payer, phone = UserFactory(), new_phone()
    payment = started(payer, phone=phone, amount="1,000", description="WealthRise Deposit")
    assert (payment.provider, payment.purpose, payment.amount_cents, payment.currency) == (
        "mpesa", "deposit", 100_000, "KES",
    )  # fmt: skip
    assert payment.target_id == Wallet.objects.get(user=payer, environment="sandbox").pk
    assert (payment.description, payment.initiated_at, payment.status) == ("WealthRise Deposit", AT, Status.SENDING)
    assert phone_of(payment) == phone
    assert phone.encode() not in bytes(payment.phone_sealed)
    assert len(payment.transaction_id) == 28
    assert re.fullmatch("TXN_[A-F][0-9A-F]{23}", payment.transaction_id)
    assert len(payment.account_reference) == 10
    assert (payment.next_attempt_at, payment.deadline_at) == (later(2), later(120))


@pytest.mark.requirement("STK-6")
@pytest.mark.django_db
def test_the_same_key_answers_with_the_same_payment_also_after_its_end() -> None:
    wanted = order(UserFactory(), idempotency_key="k")
    first = starting.start(order=wanted, now=AT)
    lifecycle.close(payment_id=first.payment_id, source=Source.PERSON, code="X", now=AT)
    again = starting.start(order=wanted, now=later(999))
    assert (again.payment_id, again.created) == (first.payment_id, False)


@pytest.mark.requirement("STK-6")
@pytest.mark.django_db
@pytest.mark.parametrize(
    "other", [{"amount": 999}, {"phone": "254799999999"}, {"fields": {"a": 1}}, {"description": "X"}]
)
def test_the_same_key_with_another_body_is_refused(other: dict[str, object]) -> None:
    payer, phone = UserFactory(), new_phone()
    starting.start(order=order(payer, phone=phone, idempotency_key="k"), now=AT)
    with pytest.raises(Refusal) as refused:
        starting.start(order=order(payer, **{"phone": phone, "idempotency_key": "k", **other}), now=AT)
    assert (refused.value.code, refused.value.status) == ("idempotency_conflict", 409)


@pytest.mark.requirement("STK-6")
@pytest.mark.django_db
def test_keys_of_two_people_are_two_keys() -> None:
    for _ in range(2):
        assert starting.start(order=order(UserFactory(), idempotency_key="k"), now=AT).created


@pytest.mark.requirement("STK-6")
@pytest.mark.django_db
def test_a_second_start_shows_the_live_one_if_it_asks_for_the_same() -> None:
    payer = UserFactory()
    wanted = order(payer)
    first = starting.start(order=wanted, now=AT)
    again = starting.start(order=wanted, now=later(10))
    assert (again.transaction_id, again.created) == (first.transaction_id, False)
    for other in (order(payer, phone=wanted.phone, amount=999), order(payer)):
        with pytest.raises(Refusal) as refused:
            starting.start(order=other, now=later(10))
        assert (refused.value.code, refused.value.retry_after) == ("payment_in_progress", 110)


@pytest.mark.requirement("STK-6")
@pytest.mark.django_db
def test_one_prompt_on_a_phone() -> None:
    phone = new_phone()
    prompted(phone=phone)
    with pytest.raises(Refusal) as refused:
        starting.start(order=order(UserFactory(), phone=phone), now=later(60))
    assert (refused.value.code, refused.value.retry_after) == ("phone_busy", 60)
    assert phone not in refused.value.message


@pytest.mark.requirement("CB-4")
@pytest.mark.django_db
@pytest.mark.parametrize("end", ENDS)
def test_after_an_end_a_new_one_starts_at_once(end: Fact) -> None:
    payer, phone = UserFactory(), new_phone()
    tell(prompted(payer, phone=phone), end, now=later(9))
    assert starting.start(order=order(payer, phone=phone), now=later(10)).created


@pytest.mark.requirement("CB-4")
@pytest.mark.django_db
def test_after_a_refused_push_a_new_one_starts_at_once() -> None:
    payer, phone = UserFactory(), new_phone()
    begun = sent(started(payer, phone=phone))
    answered(begun, refusal(begun, passing=False))
    assert starting.start(order=order(payer, phone=phone), now=later(1)).created


@pytest.mark.requirement("REC-2")
@pytest.mark.django_db
def test_what_was_paid_meanwhile_is_not_paid_again() -> None:
    """The page still said "timed out" when the payer asked to start again."""
    payer = UserFactory()
    old = prompted(payer)
    chase.close_overdue(now=later(121))
    tell(old, lot(), now=later(122))
    again = order(payer, replace=True, instead_of=old.pk, idempotency_key="after")
    answer = starting.start(order=again, now=later(122))
    assert (answer.payment_id, answer.created) == (old.pk, False)
    assert Payment.objects.count() == 1


@pytest.mark.django_db
def test_nobody_starts_instead_of_anothers_payment() -> None:
    other = tell(prompted(), lot())
    assert starting.start(order=order(UserFactory(), instead_of=other.pk), now=AT).created


@pytest.mark.requirement("REC-2")
@pytest.mark.django_db
def test_a_replacement_that_cannot_start_leaves_the_old_one_open() -> None:
    payer, busy = UserFactory(), new_phone()
    old = prompted(payer)
    chase.close_overdue(now=later(121))
    prompted(phone=busy, now=later(110))
    with pytest.raises(Refusal) as refused:
        starting.start(order=order(payer, phone=busy, replace=True), now=later(122))
    assert refused.value.code == "phone_busy"
    old.refresh_from_db()
    assert old.status == Status.PROMPTED


@pytest.mark.requirement("STK-2")
@pytest.mark.django_db
@pytest.mark.parametrize("amount", [9, 150_001, "10.5", "", None, "many", -10, 10**30, True, "1e3", "٣٠"])
def test_amounts_that_no_deposit_has(amount: object) -> None:
    with pytest.raises(Refusal) as refused:
        starting.start(order=order(UserFactory(), amount=amount), now=AT)
    assert refused.value.status == 400
    assert not Payment.objects.exists()


@pytest.mark.requirement("LED-4")
@pytest.mark.django_db
def test_a_thing_of_the_other_environment_is_not_paid_here() -> None:
    elsewhere = Wallet.objects.create(user=UserFactory(), environment="production")
    with things.on_offer(), pytest.raises(Refusal) as refused:
        starting.start(order=order(UserFactory(), purpose="item", fields={"itemId": elsewhere.pk}), now=AT)
    assert refused.value.code == "other_environment"


@pytest.mark.django_db
def test_a_price_is_a_price() -> None:
    with things.on_offer():
        thing = Wallet.objects.create(user=UserFactory(), environment="sandbox")
        item = {"purpose": "item", "fields": {"itemId": thing.pk}}
        with pytest.raises(Refusal) as refused:
            starting.start(order=order(UserFactory(), **item, amount=999), now=AT)
        assert refused.value.code == "amount_differs"
        assert starting.start(order=order(UserFactory(), **item, amount=None), now=AT).created


@pytest.mark.django_db
@override_settings(PAYABLES={})
def test_an_unknown_purpose_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        starting.start(order=order(UserFactory(), purpose="nothing"), now=AT)
    assert refused.value.code == "unknown_purpose"


@pytest.mark.requirement("SEC-4", "SEC-6")
def test_a_transactions_id_is_never_taken_for_a_phone_number() -> None:
    """`TXN_0712345678…` would be masked in the trail and in the log, and nobody could find the payment again."""
    made = [starting.new_transaction_id() for _ in range(1000)]
    assert all(mask_all(f"payment:{name}") == f"payment:{name}" for name in made)
    assert {name[4] for name in made} <= set("ABCDEF")
