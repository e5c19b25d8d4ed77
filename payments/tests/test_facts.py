"""The three functions over random facts: the same in any order, repetition and batching, and the books balance."""

import random
from datetime import UTC, datetime
from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments import facts
from payments.facts import Accounts, Fact, Given, Kind, Known, Lot, Reason, Source, Why
from payments.states import RANK, Status

CENTS = 100_000
ACCOUNTS = Accounts("collected", "awaited", "thing", "owed", "receivable")
RECEIPTS = [f"UKL{n:07d}" for n in range(1, 6)]
examples = settings(max_examples=200)

kinds = [kind for kind in Kind if kind not in (Kind.REVERSED, Kind.DOUBTED, Kind.ANSWERED)]
submissions = st.integers(0, 3)
told = st.builds(
    Fact,
    st.sampled_from(kinds),
    st.sampled_from(Source),
    submissions,
    code=st.sampled_from(["", "1032", "ZZ9"]),
    provisional=st.booleans(),
    checkout_hash=st.sampled_from(["", "a" * 64, "b" * 64]),
)
reversals = st.builds(
    Fact,
    st.just(Kind.REVERSED),
    st.just(Source.STATEMENT),
    receipt=st.sampled_from(RECEIPTS),
    amount_cents=st.integers(1, 3 * CENTS),
)
doubts = st.builds(
    Fact,
    st.just(Kind.DOUBTED),
    st.just(Source.CALLBACK),
    code=st.sampled_from(["ODD_DATE", "RECEIPT_CLASH"]),
    receipt=st.sampled_from(RECEIPTS),
)
answers = st.builds(
    Fact, st.just(Kind.ANSWERED), st.just(Source.PERSON), code=st.sampled_from(["CONTRADICTION", "SEVERAL_LOTS:2"])
)
some_facts = st.lists(st.one_of(told, reversals, doubts, answers), max_size=12)
amounts = {
    receipt: cents for receipt, cents in zip(RECEIPTS, [CENTS, CENTS, 50_000, 100, 3 * CENTS], strict=True)
}  # what M-Pesa moved under a receipt is one amount, whoever tells it
some_lots = st.lists(
    st.builds(
        lambda receipt, source, checkout: Lot(receipt, amounts[receipt], source, checkout),
        st.sampled_from(RECEIPTS),
        st.sampled_from([Source.CALLBACK, Source.C2B, Source.STATEMENT]),
        st.sampled_from(["", "a" * 64, "b" * 64]),
    ),
    max_size=5,
    unique_by=lambda lot: lot.receipt,
)
given_answers = st.sampled_from([None, Given(CENTS), Given(0, "sold")])


def known_of(news: list[Fact | Lot]) -> Known:
    return Known(CENTS).having(
        facts=[one for one in news if isinstance(one, Fact)], lots=[one for one in news if isinstance(one, Lot)]
    )


# Feature: mpesa-payment-integration, Property 75: a duplicate is detected and changes nothing, in any order
@pytest.mark.requirement("CB-5")
@pytest.mark.requirement("P75")
@examples
@given(some_facts, some_lots, given_answers, st.randoms(use_true_random=False))
def test_the_same_in_any_order_repetition_and_batching(
    some_facts: list[Fact], some_lots: list[Lot], given: Given | None, dice: random.Random
) -> None:
    news: list[Fact | Lot] = [*some_facts, *some_lots]
    mixed = [*news, *dice.choices(news, k=5)] if news else []
    dice.shuffle(mixed)
    cut = dice.randint(0, len(mixed))
    batches = [mixed[:cut], mixed[cut:], news]
    step_by_step = reduce(
        lambda known, batch: known.having(
            facts=[one for one in batch if isinstance(one, Fact)], lots=[one for one in batch if isinstance(one, Lot)]
        ),
        batches,
        Known(CENTS),
    )
    at_once = known_of(news)
    assert facts.status(step_by_step) == facts.status(at_once)
    assert facts.reasons(step_by_step, given) == facts.reasons(at_once, given)
    assert facts.position(step_by_step, given, ACCOUNTS) == facts.position(at_once, given, ACCOUNTS)
    for question in (facts.to_be_given, facts.may_be_sent, facts.may_be_asked, facts.is_live, facts.received_cents):
        assert question(step_by_step) == question(at_once)


@pytest.mark.requirement("LED-1")
@examples
@given(some_facts, some_lots, given_answers)
def test_a_position_sums_to_zero_and_owes_nobody_less_than_nothing(
    some_facts: list[Fact], some_lots: list[Lot], given: Given | None
) -> None:
    held = facts.position(known_of([*some_facts, *some_lots]), given, ACCOUNTS)
    assert sum(held.values()) == 0
    assert held.get("owed", 0) <= 0 <= held.get("receivable", 0)
    assert not ("owed" in held and "receivable" in held)
    assert 0 not in held.values()


@pytest.mark.requirement("LED-1")
@examples
@given(st.lists(st.tuples(some_facts, some_lots, given_answers), min_size=1, max_size=5))
def test_differences_lead_from_nothing_to_the_last_position(
    steps: list[tuple[list[Fact], list[Lot], Given | None]],
) -> None:
    known, booked, held = Known(CENTS), {}, {}
    for some_facts, some_lots, answer in steps:
        known = known.having(facts=some_facts, lots=some_lots)
        new = facts.position(known, answer, ACCOUNTS)
        move = facts.difference(new, held)
        assert sum(move.values()) == 0
        booked = {code: booked.get(code, 0) + move.get(code, 0) for code in {*booked, *move}}
        held = new
    assert {code: cents for code, cents in booked.items() if cents} == held


# Feature: mpesa-payment-integration, Property 21: a confirmed payment is paid, whatever else was told
@pytest.mark.requirement("CB-3")
@pytest.mark.requirement("P21")
@examples
@given(some_facts, some_lots, some_facts, some_lots)
def test_status_is_the_highest_told_and_only_rises(
    some_facts: list[Fact], some_lots: list[Lot], more_facts: list[Fact], more_lots: list[Lot]
) -> None:
    known = known_of([*some_facts, *some_lots])
    alone = [facts.status(known_of([one])) for one in (*some_facts, *some_lots)]
    assert RANK[facts.status(known)] == max((RANK[status] for status in alone), default=RANK[Status.SENDING])
    assert RANK[facts.status(known.having(facts=more_facts, lots=more_lots))] >= RANK[facts.status(known)]
    if some_lots:
        assert facts.status(known) is Status.COMPLETED


# Feature: mpesa-payment-integration, Property 58: a discrepancy flags the payment for a person
@pytest.mark.requirement("CB-7")
@pytest.mark.requirement("P58")
@examples
@given(some_facts, some_lots)
def test_odd_money_is_never_without_a_reason(some_facts: list[Fact], some_lots: list[Lot]) -> None:
    known = known_of([*(fact for fact in some_facts if fact.kind is not Kind.ANSWERED), *some_lots])
    whys = {reason.why for reason in facts.reasons(known, None)}
    assert (Why.ODD_AMOUNT in whys) == any(lot.amount_cents != CENTS for lot in some_lots)
    assert (Why.SEVERAL_LOTS in whys) == (len(some_lots) > 1)
    assert (Why.REVERSED in whys) == any(fact.kind is Kind.REVERSED for fact in some_facts)
    denied = any(f.kind in (Kind.FAILED, Kind.CANCELLED) and not f.provisional for f in some_facts)
    paid = bool(some_lots) or any(f.kind is Kind.SUCCEEDED for f in some_facts)
    assert (Why.CONTRADICTION in whys) == (denied and paid)


@pytest.mark.requirement("REC-2", "REC-6")
@examples
@given(some_facts, some_lots)
def test_what_was_perhaps_sent_and_never_heard_of_is_for_a_person(some_facts: list[Fact], some_lots: list[Lot]) -> None:
    """M-Pesa may have moved money for it, and there is no id to ask about."""
    known = known_of([*some_facts, *some_lots])
    refused = {fact.submission for fact in some_facts if fact.kind is Kind.REFUSED}
    perhaps = any(fact.kind is Kind.SENT and fact.submission not in refused for fact in some_facts)
    named = any(fact.kind is Kind.ACCEPTED for fact in some_facts)
    whys = {reason.why for reason in facts.reasons(known, None)}
    assert (Why.UNHEARD_OF in whys) == (perhaps and not named and facts.status(known) is Status.EXPIRED)


@pytest.mark.requirement("REC-6")
@examples
@given(some_facts, some_lots, given_answers)
def test_what_a_person_answered_is_not_asked_again(
    some_facts: list[Fact], some_lots: list[Lot], given: Given | None
) -> None:
    known = known_of([*some_facts, *some_lots])
    answered = [Fact(Kind.ANSWERED, Source.PERSON, code=reason.key) for reason in facts.reasons(known, given)]
    assert facts.reasons(known.having(facts=answered), given) == frozenset()
    assert all(len(reason.key) <= 200 for reason in facts.reasons(known, given))


def test_an_answer_to_two_lots_does_not_answer_three() -> None:
    two = known_of([Lot(receipt, CENTS, Source.CALLBACK) for receipt in RECEIPTS[:2]])
    answered = two.having(facts=[Fact(Kind.ANSWERED, Source.PERSON, code="SEVERAL_LOTS:2")])
    assert facts.reasons(answered, Given(CENTS)) == frozenset()
    three = answered.having(lots=[Lot("UKL0000099", CENTS, Source.CALLBACK)])
    assert facts.reasons(three, Given(CENTS)) == {Reason(Why.SEVERAL_LOTS, "3")}


@pytest.mark.requirement("REC-6")
@examples
@given(st.integers(1, 60))
def test_each_odd_amount_is_a_question_of_its_own_however_many(count: int) -> None:
    def key(many: int) -> str:
        known = known_of([Lot(f"UKL{n:07d}", 100, Source.C2B) for n in range(1, many + 1)])
        return next(reason.key for reason in facts.reasons(known, None) if reason.why is Why.ODD_AMOUNT)

    assert key(count) != key(count + 1)
    assert len(key(count)) <= 200


@pytest.mark.requirement("STK-8")
@examples
@given(st.lists(st.sampled_from([Kind.REFUSED, Kind.LOST, Kind.ACCEPTED, None]), max_size=6), some_facts)
def test_only_what_was_certainly_refused_is_sent_again(ends: list[Kind | None], noise: list[Fact]) -> None:
    pushes = [Fact(Kind.SENT, Source.PUSH, n) for n, _ in enumerate(ends, 1)]
    answers = [Fact(end, Source.PUSH, n) for n, end in enumerate(ends, 1) if end]
    known = known_of([*pushes, *answers])
    assert facts.may_be_sent(known) == all(end is Kind.REFUSED for end in ends)
    harmless = [fact for fact in noise if fact.kind not in (Kind.REFUSED, Kind.SENT)]
    if not facts.may_be_sent(known):
        assert not facts.may_be_sent(known.having(facts=harmless))


@pytest.mark.requirement("REC-1")
@pytest.mark.parametrize(
    ("told", "asked"),
    [
        ([], True),
        ([Fact(Kind.FAILED, Source.CALLBACK, code="1")], False),
        ([Fact(Kind.CANCELLED, Source.CALLBACK, code="1032")], False),
        ([Fact(Kind.FAILED, Source.CALLBACK, code="1037", provisional=True)], True),
        ([Fact(Kind.CANCELLED, Source.QUERY, code="1032")], True),
        ([Fact(Kind.UNRESOLVED, Source.CALLBACK, code="ZZ9")], True),
        ([Fact(Kind.CLOSED, Source.CLOCK)], True),
        ([Fact(Kind.SUCCEEDED, Source.QUERY)], False),
        ([Fact(Kind.FAILED, Source.PERSON, code="PERSON")], False),
    ],
)
def test_who_is_asked_about(told: list[Fact], asked: bool) -> None:
    accepted = Fact(Kind.ACCEPTED, Source.PUSH, 1, checkout_hash="a" * 64)
    assert facts.may_be_asked(known_of([accepted, *told])) is asked
    assert facts.may_be_asked(known_of(list(told))) is False


@examples
@given(some_facts, st.randoms(use_true_random=False))
def test_facts_are_listed_in_an_order_of_their_own(some_facts: list[Fact], dice: random.Random) -> None:
    mixed = list(some_facts)
    dice.shuffle(mixed)
    assert known_of(list(some_facts)).of(*Kind) == known_of(list(mixed)).of(*Kind)


def test_time_and_words_are_told_with_a_fact_but_are_not_what_it_is() -> None:
    first = Fact(Kind.FAILED, Source.CALLBACK, code="1", text="no money", at=datetime(2026, 11, 21, tzinfo=UTC))
    again = Fact(Kind.FAILED, Source.CALLBACK, code="1", text="The balance is insufficient.", at=None)
    assert known_of([first]).having(facts=[again]).facts == {first}
    assert Lot("UKL0000001", 5, Source.C2B) == Lot("UKL0000001", 7, Source.CALLBACK)
