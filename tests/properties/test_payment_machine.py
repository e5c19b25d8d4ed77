"""Random lives of payments through the real functions and a real PostgreSQL, against a fold of the raw news."""

from collections import Counter, defaultdict
from datetime import timedelta
from typing import ClassVar

import pytest
from django.db import transaction
from hypothesis import settings
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

from ledger import books, chart, checks
from lib.errors import Refusal
from payments import chase, inbox, lifecycle, merchants, review, sealing, starting, suspense
from payments.facts import Fact, Kind, Lot, Source
from payments.lifecycle import News
from payments.models import Callback, Payment
from payments.providers import Answer, Order
from payments.tests import bodies, factories
from payments.tests.factories import AT, UserFactory, acceptance, checkout_of, loss, refusal
from tests.properties import tables, things
from tests.properties.oracle import ORDER, Said, Story, World
from tests.properties.owing import owing_to, prove_listed
from wallet.models import Wallet

SHORTCODE = "174379"
RECEIPTS = [f"UKL{n:07d}" for n in range(1, 7)]
CENTS = [100_000, 100_000, 100_000, 50_000, 100_100]
CODES = {1032: "cancelled", 1: "failed", 1037: "unsure", "ZZ9": "riddle", 4999: "", 2001: "failed"}

which = st.integers(0, 7)
said = st.one_of(
    st.builds(Said, st.just("receipt"), st.sampled_from(RECEIPTS), st.sampled_from(CENTS)),
    st.builds(Said, st.just("back"), st.sampled_from(RECEIPTS), st.sampled_from(CENTS)),
    st.builds(Said, st.sampled_from(["paid", "failed", "unsure", "cancelled", "riddle"])),
)


def as_news(pk: int, said: Said) -> News:
    """What a provider would have made of it."""
    kinds = {"failed": Kind.FAILED, "unsure": Kind.FAILED, "cancelled": Kind.CANCELLED, "riddle": Kind.UNRESOLVED}
    if said.what == "receipt":
        return News(pk, lots=(Lot(said.receipt, said.cents, Source.C2B),))
    if said.what == "back":
        return News(pk, facts=(Fact(Kind.REVERSED, Source.STATEMENT, receipt=said.receipt, amount_cents=said.cents),))
    if said.what == "paid":
        return News(pk, facts=(Fact(Kind.SUCCEEDED, Source.QUERY),))
    fact = Fact(kinds[said.what], Source.CALLBACK, code=said.what, provisional=said.what == "unsure")
    return News(pk, facts=(fact,))


class Cast:
    """Two people with a wallet each, an item that is sold once, three phones: the same in every life."""

    def __init__(self) -> None:
        self.people = [UserFactory() for _ in range(2)]
        self.phones = [factories.new_phone() for _ in range(3)]
        self.wallets = [Wallet.objects.create(user=person, environment="sandbox") for person in self.people]
        self.item = Wallet.objects.create(user=UserFactory(), environment="sandbox").pk
        merchants.merchant_for(environment="sandbox", purpose="deposit")


class Payments(RuleBasedStateMachine):
    """A life of their payments, rolled back at its end."""

    cast: ClassVar[Cast]

    def __init__(self) -> None:
        super().__init__()
        self.offer = things.on_offer()
        self.offer.__enter__()
        self.rollback = transaction.atomic()
        self.rollback._from_testcase = True  # as in a TestCase: entry points may believe that they are outermost
        self.rollback.__enter__()
        self.tables = tables.Tables().__enter__()
        self.world = World()
        self.now = AT
        self.seen: dict[int, int] = {}
        self.listed: object = None
        self.in_flight: list[Order] = []
        self.asked: list[chase.Asked] = []
        self.parked: list[tuple[str, Said | None]] = []
        self.looked_at: defaultdict[int, set[str]] = defaultdict(set)
        self.people, self.phones, self.wallets = self.cast.people, self.cast.phones, self.cast.wallets
        self.item = self.cast.item

    def teardown(self) -> None:
        try:
            assert checks.prove() == []
            assert books.balance(environment="sandbox", code=chart.SUSPENSE) == self.waiting()
        finally:
            self.tables.__exit__(None, None, None)
            transaction.set_rollback(True)
            self.rollback.__exit__(None, None, None)
            self.offer.__exit__(None, None, None)

    def story(self, which: int) -> Story:
        stories = list(self.world.stories.values())
        return stories[which % len(stories)]

    def any_story(self) -> bool:
        return bool(self.world.stories)

    # --- Starting and sending ---

    @initialize(count=st.integers(0, 3))
    def some_prompts(self, count: int) -> None:
        for number in range(count):
            self.prompt(number % 2, number, ["deposit", "item", "deposit"][number])

    @rule(
        person=st.integers(0, 1),
        phone=st.integers(0, 2),
        purpose=st.sampled_from(["deposit", "deposit", "item"]),
        shillings=st.sampled_from([1000, 1000, 500]),
        replace=st.booleans(),
    )
    def start(self, person: int, phone: int, purpose: str, shillings: int, replace: bool) -> None:
        shillings = 1000 if purpose == "item" else shillings
        target = self.item if purpose == "item" else self.wallets[person].pk
        order = starting.Start(
            purpose=purpose,
            payer_id=self.people[person].pk,
            phone=self.phones[phone],
            amount=shillings,
            fields={"itemId": target},
            replace=replace,
        )
        expected, closed = self.expected_start(order, target)
        try:
            with things.undone_with_its_transaction():
                begun = starting.start(order=order, now=self.now)
        except Refusal as refused:
            assert refused.code == expected  # noqa: PT017 - a refusal is one of the expected ends
            return
        assert expected == ("created" if begun.created else "joined")
        if closed:
            self.world.close(closed.pk)
        if begun.created:
            self.world.stories[begun.payment_id] = Story(
                begun.payment_id,
                begun.transaction_id,
                order.payer_id,
                purpose,
                target,
                order.phone,
                shillings * 100,
                self.now,
            )

    def expected_start(self, order: starting.Start, target: int) -> tuple[str, Story | None]:
        live = [story for story in self.world.stories.values() if story.live]
        same = next((s for s in live if (s.purpose, s.thing) == (order.purpose, target)), None)
        if same and not order.replace:
            equal = (same.payer, same.phone, same.cents // 100) == (order.payer_id, order.phone, order.amount)
            return ("joined" if equal else "payment_in_progress"), None
        if same and not same.replaceable:
            return "payment_in_progress", None
        if any(story.phone == order.phone for story in live if story is not same):
            return "phone_busy", None
        return "created", same

    @rule(person=st.integers(0, 1), phone=st.integers(0, 2), purpose=st.sampled_from(["deposit", "item"]))
    def prompt(self, person: int, phone: int, purpose: str) -> None:
        """What mostly happens, in one step."""
        before = set(self.world.stories)
        self.start(person, phone, purpose, 1000, True)
        for pk in set(self.world.stories) - before:
            self.push(list(self.world.stories).index(pk))
            self.push_ends(-1, "accepted")

    @precondition(any_story)
    @rule(which=which)
    def push(self, which: int) -> None:
        story = self.story(which)
        begun = lifecycle.begin(payment_id=story.pk, now=self.now)
        may = story.pushable and self.now < story.begun + timedelta(seconds=120)
        assert (begun is not None) == may
        if begun is not None:
            self.world.pushed(story.pk, begun.submission, self.now)
            self.in_flight.append(begun)

    @precondition(lambda self: self.in_flight)
    @rule(which=which, end=st.sampled_from(["accepted", "accepted", "accepted", "busy", "busy", "wrong", "lost"]))
    def push_ends(self, which: int, end: str) -> None:
        order = self.in_flight.pop(which % len(self.in_flight))
        pushed = {
            "accepted": acceptance(order),
            "busy": refusal(order, passing=True),
            "wrong": refusal(order, passing=False),
            "lost": loss(order),
        }[end]
        factories.answered(order, pushed, now=self.now)
        word = {"busy": "refused", "wrong": "refused"}.get(end, end)
        checkout = checkout_of(order.payment_id, order.submission)
        self.world.push_ended(order.payment_id, order.submission, word, final=end == "wrong", checkout=checkout)
        if end == "accepted":
            self.drain()

    @precondition(any_story)
    @rule(which=which)
    def send_again(self, which: int) -> None:
        story = self.story(which)
        may = story.pushable and story.last_push is not None and self.now >= story.last_push + timedelta(seconds=30)
        assert lifecycle.send_again(payment_id=story.pk, now=self.now) == may

    # --- News ---

    @precondition(any_story)
    @rule(batch=st.lists(st.tuples(which, said), min_size=1, max_size=5), again=st.booleans())
    def news(self, batch: list[tuple[int, Said]], again: bool) -> None:
        told = [(self.story(number).pk, said) for number, said in batch]
        news = [as_news(pk, said) for pk, said in told]
        lifecycle.apply(news=news, now=self.now)
        self.world.hear(told)
        if again:
            assert lifecycle.apply(news=[*reversed(news), *news], now=self.now) == []

    @precondition(any_story)
    @rule(
        which=which,
        body=st.one_of(
            st.tuples(st.sampled_from(RECEIPTS), st.sampled_from(CENTS)),
            st.tuples(st.just(""), st.sampled_from(list(CODES))),
        ),
        submission=st.sampled_from([1, 1, 1, 2]),
        own_url=st.booleans(),
        trusted=st.sampled_from([True, True, True, False]),
        times=st.sampled_from([1, 1, 3]),
    )
    def callback(
        self, which: int, body: tuple[str, int | str], submission: int, own_url: bool, trusted: bool, times: int
    ) -> None:
        story, (receipt, value) = self.story(which), body
        checkout = checkout_of(story.pk, submission)
        if receipt:
            raw = bodies.success(checkout, receipt=receipt, shillings=int(value) / 100)
            said = Said("receipt", receipt, int(value), checkout)
        else:
            raw = bodies.failure(checkout, value)
            said = Said(CODES[value])
        verdict = Callback.Verdict.TRUSTED if trusted else Callback.Verdict.DOUBTFUL
        for _ in range(times):
            payment = Payment(pk=story.pk) if own_url else None
            factories.callback(payment, raw, now=self.now, verdict=verdict)
        heard = said if trusted and said.what else None
        if not own_url:
            self.parked += [(checkout, heard)] * times
        elif heard and story.checkout in ("", checkout):
            self.world.hear([(story.pk, heard)])
        self.drain()

    def drain(self) -> None:
        """Everything that can be read is read at once; what names no known request goes on waiting."""
        while inbox.drain(now=self.now):
            pass
        assert not Callback.objects.filter(state__in=["WAITING", "STUCK"]).exists()
        by_checkout = {story.checkout: story for story in self.world.stories.values() if story.checkout}
        found = [(by_checkout[checkout], said) for checkout, said in self.parked if checkout in by_checkout]
        self.parked = [(checkout, said) for checkout, said in self.parked if checkout not in by_checkout]
        self.world.hear([(story.pk, said) for story, said in found if said])

    @rule(receipt=st.sampled_from(RECEIPTS), cents=st.sampled_from(CENTS), which=st.none() | which)
    def money_for_nobody(self, receipt: str, cents: int, which: int | None) -> None:
        """With the CheckoutRequestID of a request whose answer may still come, or without."""
        awaited = [s for s in self.world.stories.values() if not s.checkout] if which is not None else []
        checkout = checkout_of(awaited[which % len(awaited)].pk) if awaited and which is not None else ""
        new = self.world.owner(receipt) is None and receipt not in self.world.suspense
        money = Lot(receipt, cents, Source.C2B, sealing.checkout_hash(checkout))
        with transaction.atomic():
            row = suspense.take_in(money, environment="sandbox", shortcode=SHORTCODE, now=self.now)
        assert (row is not None) == new
        if new:
            self.world.suspense[receipt] = (cents, checkout)

    # --- Asking ---

    @rule(patient=st.booleans())
    def ask(self, patient: bool) -> None:
        """Now, or when the next one is due."""
        due = Payment.objects.filter(next_query_at__isnull=False).order_by("next_query_at").first()
        if patient and due and due.next_query_at:
            self.now = max(self.now, due.next_query_at)
        self.asked += chase.claim(now=self.now)

    @precondition(lambda self: self.asked)
    @rule(
        which=which,
        answer=st.sampled_from(["paid", "cancelled", "unsure", "riddle", "pending", "silence"]),
        again=st.booleans(),
    )
    def learn(self, which: int, answer: str, again: bool) -> None:
        """Sometimes an answer is told more than once: then its lease is gone."""
        asked = self.asked[which % len(self.asked)] if again else self.asked.pop(which % len(self.asked))
        pk = asked.question.payment_id
        held = Payment.objects.get(pk=pk).query_lease == asked.lease
        answers = {"pending": Answer(still_processing=True), "silence": chase.SILENCE}
        told = Said(answer)
        news = Answer(as_news(pk, told).facts) if answer not in answers else answers[answer]
        chase.learn(asked=chase.Asked(asked.question, asked.lease, news), now=self.now)
        if held and answer == "pending":
            self.world.stories[pk].still_processing = self.now
        elif held and answer != "silence":
            self.world.hear([(pk, told)])

    # --- The clock and people ---

    @rule(seconds=st.sampled_from([0.5, 5, 30, 60, 119, 120, 180, 299, 300, 4000]))
    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def pass_time(self) -> None:
        lifecycle.pass_time(payment_ids=list(self.world.stories), now=self.now)
        self.world.pass_time(self.now)

    @precondition(any_story)
    @rule(which=which, source=st.sampled_from([Source.PAYER, Source.PERSON]))
    def close(self, which: int, source: Source) -> None:
        story = self.story(which)
        closed = lifecycle.close(payment_id=story.pk, source=source, code="TEST", now=self.now)
        assert closed == self.world.close(story.pk)

    @precondition(any_story)
    @rule(which=which)
    def give_back(self, which: int) -> None:
        """What was bought is cancelled by whoever sold it."""
        story = self.story(which)
        with transaction.atomic():
            returned = lifecycle.give_back_within(payment_id=story.pk, reason="Cancelled", actor="user:1", now=self.now)
        assert returned == (bool(story.given) and not story.returned)
        story.returned = story.returned or returned

    @precondition(any_story)
    @rule(which=which)
    def take_off_the_list(self, which: int) -> None:
        """A person has looked at everything that was odd about it."""
        pk = self.story(which).pk
        for key in Payment.objects.values_list("reasons", flat=True).get(pk=pk):
            review.answer(payment_id=pk, key=key, reason="Seen", actor="user:1", now=self.now)
            self.looked_at[pk].add(key.split(":")[0])
        assert Payment.objects.get(pk=pk).reasons == []

    # --- What always holds ---

    @invariant()
    def rows_tell_what_was_heard(self) -> None:
        for row in self.tables.look().payments:
            story = self.world.stories[row.pk]
            assert row.status == story.status
            assert ORDER.index(row.status) >= self.seen.get(row.pk, 0)
            self.seen[row.pk] = ORDER.index(row.status)
            looked_at = self.looked_at[row.pk]
            assert row.flags | looked_at == story.flags() | looked_at
            assert row.flags <= story.flags()
            given = "RETURNED" if story.returned else "GIVEN"
            assert row.answer == {None: "", 0: "REFUSED"}.get(story.given, given)
            assert row.received_cents == (sum(story.receipts.values()) or (story.cents if "paid" in story.said else 0))

    @invariant()
    def journals_are_what_money_did(self) -> None:
        held = self.tables.look().booked
        for story in self.world.stories.values():
            booked = held[story.transaction_id]
            assert booked == story.books(SHORTCODE)
            assert sum(booked.values()) == 0

    @invariant()
    def balances_are_what_was_given(self) -> None:
        held, stories = self.tables.look().accounts, self.world.stories.values()
        for person in self.people:
            own = [s for s in stories if s.payer == person.pk and s.purpose == "deposit" and not s.returned]
            given = sum(story.given or 0 for story in own)
            assert held.get(chart.wallet(person.pk), (0, 0)) == (given, given)
        assert held.get(chart.SUSPENSE, (0, 0)) == (0, self.waiting())

    def waiting(self) -> int:
        return sum(cents for cents, _ in self.world.suspense.values())

    @invariant()
    def what_is_owed_is_listed(self) -> None:
        """The lists that people read are asked after each step that should change them."""
        stories = self.world.stories.values()
        should = (owing_to(stories, shortcode=SHORTCODE), [sorted(row.reasons) for row in self.tables.look().payments])
        if should != self.listed:
            self.listed = should
            prove_listed(stories, shortcode=SHORTCODE, now=self.now)

    @invariant()
    def no_receipt_counts_twice(self) -> None:
        stored = self.tables.look().lots
        heard = Counter({(receipt, cents, None): 1 for receipt, (cents, _) in self.world.suspense.items()})
        for story in self.world.stories.values():
            heard.update((receipt, cents, story.pk) for receipt, cents in story.receipts.items())
        assert stored == heard
        assert len({receipt for receipt, _, _ in stored}) == stored.total()

    @invariant()
    def things_hear_of_each_end_once(self) -> None:
        assert things.ended == self.world.ended
        assert all(times == 1 for times in (*things.ended.values(), *things.settled.values()))

    @invariant()
    def one_live_prompt(self) -> None:
        assert self.tables.look().live_twice == []

    @invariant()
    def never_two_that_are_perhaps_sent(self) -> None:
        perhaps: defaultdict[int, set[int]] = defaultdict(set)
        refused = set()
        for pk, kind, submission in self.tables.look().submissions:
            if kind == "REFUSED":
                refused.add((pk, submission))
            elif (pk, submission) not in refused:
                perhaps[pk].add(submission)
        assert all(len(submissions) == 1 for submissions in perhaps.values())


@pytest.mark.requirement("CB-3")
@pytest.mark.requirement("CB-5")
@pytest.mark.requirement("CB-7")
@pytest.mark.requirement("LED-1")
@pytest.mark.requirement("P21")
@pytest.mark.requirement("P23")
@pytest.mark.requirement("P58")
@pytest.mark.requirement("P75")
@pytest.mark.requirement("REC-6")
class TestPayments(TestCase):
    # Feature: mpesa-payment-integration, Property 21: a confirmed payment is paid, whatever else was said and when
    # Feature: mpesa-payment-integration, Property 23: its receipts are kept
    # Feature: mpesa-payment-integration, Property 58: each discrepancy flags the payment for a person
    # Feature: mpesa-payment-integration, Property 75: a duplicate changes nothing
    def test_every_life(self) -> None:
        Payments.cast = Cast()
        run_state_machine_as_test(Payments, settings=settings(max_examples=100, stateful_step_count=30))
