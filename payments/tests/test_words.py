"""Every state a payment can be in has words: what happened, what to do next, and never a code of M-Pesa's."""

import re
from dataclasses import replace
from datetime import datetime

import pytest

from daraja import results
from daraja.complaints import Topic
from payments import timing
from payments.facts import Fact, Kind, Known, Lot, Source, received_cents, status
from payments.models import Payment
from payments.payable import Description
from payments.situation import Situation
from payments.states import LIVE, Status
from payments.tests.factories import AT, later
from payments.words import Action, PayerWords, brief, payer_words, told_by_provider
from payments.words.story import story

THING = Description("Deposit to your wallet", "is in your wallet.", "/wallet/", "/deposit/")
SENT = Fact(Kind.SENT, Source.PUSH, 1, at=AT)
BUSY = Fact(Kind.REFUSED, Source.PUSH, 1, "500.003.02 BUSY", at=AT)
LOST = Fact(Kind.LOST, Source.PUSH, 1, "timeout UNCLEAR", at=AT)
ACCEPTED = Fact(Kind.ACCEPTED, Source.PUSH, 1, checkout_hash="c1", at=AT)
SUCCEEDED = Fact(Kind.SUCCEEDED, Source.QUERY, at=AT)
UNRESOLVED = Fact(Kind.UNRESOLVED, Source.CALLBACK, code="TP40153", at=AT)
CANCELLED = Fact(Kind.CANCELLED, Source.CALLBACK, code="1032", at=AT)
MONEY = Lot("UKL7RT61SV", 100_000, Source.CALLBACK)
REVERSED = Fact(Kind.REVERSED, Source.STATEMENT, receipt="UKL8RT61SV", amount_cents=100_000, at=AT)
RETURNED = Fact(Kind.RETURNED, Source.PERSON, text="Cancelled", actor="user:7", at=later(3600))
GIVEN = Payment.Answer.GIVEN


def failed(code: str, source: Source = Source.CALLBACK) -> Fact:
    return Fact(Kind.FAILED, source, code=code, at=AT)


def closed(source: Source, code: str) -> Fact:
    return Fact(Kind.CLOSED, source, code=code, at=AT)


def payment(*news: Fact | Lot, **columns: object) -> tuple[Payment, Known]:
    """A row as `project` would leave it, without a database."""
    known = Known(100_000).having(
        facts=[one for one in news if isinstance(one, Fact)], lots=[one for one in news if isinstance(one, Lot)]
    )
    decides = next((f for f in known.of(Kind.CANCELLED, Kind.FAILED, Kind.UNRESOLVED) if not known.paid), None)
    fields = {
        "transaction_id": "TXN_1",
        "purpose": "deposit",
        "amount_cents": 100_000,
        "phone_tail": "678",
        "initiated_at": AT,
        "updated_at": AT,
        "attempts": len(known.of(Kind.SENT)),
        "last_submitted_at": AT if known.of(Kind.SENT) else None,
        "deadline_at": later(120),
        "failed_at": AT,
        "completed_at": AT,
        "status": status(known),
        "received_cents": received_cents(known),
        "receipt": min((lot.receipt for lot in known.lots), default=""),
        "result_code": decides.code if decides else "",
        "result_source": decides.source if decides else "",
    }
    return Payment(**{**fields, **columns}), known


def words(row: Payment, known: Known, now: datetime = AT) -> PayerWords:
    return payer_words(row=row, known=known, told=told_by_provider(row=row, known=known), thing=THING, now=now)


LATE = {"timed_out_at": later(120), "deadline_at": later(300)}
EVERY_SITUATION = {
    Situation.SENDING: (payment(SENT), AT),
    Situation.QUEUED: (payment(SENT, BUSY, next_attempt_at=later(12)), AT),
    Situation.PERHAPS_SENT: (payment(SENT, LOST), AT),
    Situation.PROMPTED: (payment(SENT, ACCEPTED), later(18)),
    Situation.UNCLEAR: (payment(SENT, ACCEPTED, UNRESOLVED), later(18)),
    Situation.TIMED_OUT: (payment(SENT, ACCEPTED, **LATE), later(121)),
    Situation.STILL_PROCESSING: (payment(SENT, ACCEPTED, still_processing_at=later(121), **LATE), later(122)),
    Situation.REPLACED: (payment(SENT, ACCEPTED, closed(Source.PAYER, "REPLACED")), later(130)),
    Situation.NOT_SENT: (payment(SENT, BUSY, closed(Source.CLOCK, "UNSENT")), later(130)),
    Situation.CALLED_OFF: (payment(SENT, BUSY, closed(Source.CLOCK, "CALLED_OFF")), later(30)),
    Situation.SILENT: (payment(SENT, ACCEPTED, closed(Source.CLOCK, "SILENT")), later(301)),
    Situation.ENDED_UNCLEAR: (payment(SENT, ACCEPTED, UNRESOLVED, closed(Source.CLOCK, "SILENT")), later(301)),
    Situation.CLOSED_BY_US: (payment(SENT, ACCEPTED, closed(Source.PERSON, "PERSON")), later(400)),
    Situation.FAILED: (payment(SENT, ACCEPTED, failed("1")), later(20)),
    Situation.NOT_PAID: (payment(SENT, LOST, failed("PERSON", Source.PERSON)), later(500)),
    Situation.CANCELLED: (payment(SENT, ACCEPTED, CANCELLED), later(20)),
    Situation.PAID: (payment(SENT, ACCEPTED, MONEY, answer=GIVEN), later(20)),
    Situation.RECEIPT_FOLLOWS: (payment(SENT, ACCEPTED, SUCCEEDED, answer=GIVEN), later(40)),
    Situation.PAID_MORE: (payment(MONEY, Lot("UKL9RT61SV", 50_000, Source.CALLBACK), answer=GIVEN), later(20)),
    Situation.ODD_AMOUNT: (payment(Lot("UKL7RT61SV", 90_000, Source.CALLBACK)), later(20)),
    Situation.NOT_GIVEN: (payment(MONEY, answer=Payment.Answer.REFUSED), later(20)),
    Situation.GIVEN_BACK: (payment(MONEY, RETURNED, answer=Payment.Answer.RETURNED), later(3600)),
    Situation.TAKEN_BACK: (payment(MONEY, REVERSED, answer=GIVEN), later(20)),
    Situation.REFUNDED: (payment(MONEY, answer=GIVEN, refunded_cents=100_000), later(20)),
}
KINDS = {
    results.ResultKind.FAILED: Kind.FAILED,
    results.ResultKind.CANCELLED: Kind.CANCELLED,
    results.ResultKind.UNRESOLVED: Kind.UNRESOLVED,
}
ENDS = [code for code in [*results.known_stk_codes(), "987654", "TP40153"] if results.stk(code).kind in KINDS]
PAID = {Situation.PAID, Situation.RECEIPT_FOLLOWS, Situation.PAID_MORE}


@pytest.mark.requirement("STK-10")
@pytest.mark.parametrize("expected", list(Situation))
def test_every_situation_has_words_and_a_next_step(expected: Situation) -> None:
    (row, known), now = EVERY_SITUATION[expected]
    said = words(row, known, now)
    assert said.situation is expected
    assert said.headline
    assert said.happened.endswith(".")
    assert said.next_step.endswith(".")
    assert (said.tone == "green") == (expected in PAID)
    assert said.live == (row.status in LIVE)
    assert said.live or said.actions, "an end always offers something to do"


@pytest.mark.requirement("STK-10")
def test_every_status_is_one_of_a_situation_and_has_a_short_word() -> None:
    rows = [row for (row, _known), _now in EVERY_SITUATION.values()]
    assert {row.status for row in rows} == set(Status)
    assert all(brief(row).word for row in rows)


@pytest.mark.requirement("STK-10")
@pytest.mark.requirement("P29")
@pytest.mark.parametrize("code", ENDS)
def test_every_result_code_is_said_without_the_code(code: str) -> None:
    result = results.stk(code)
    row, known = payment(SENT, ACCEPTED, Fact(KINDS[result.kind], Source.CALLBACK, code=code, at=AT))
    said = words(row, known, later(5))
    text = " ".join((said.headline, said.happened, said.next_step, said.note))
    assert (said.happened, said.next_step) == (result.payer_text, result.next_step)
    assert not re.search(rf"\b{re.escape(code)}\b", text)
    if result.kind != "UNRESOLVED":
        assert said.actions[0] is Action.AGAIN, "P29: at once"


@pytest.mark.requirement("STK-8")
@pytest.mark.parametrize("topic", list(Topic))
def test_every_refusal_of_a_push_is_said_without_the_code(topic: Topic) -> None:
    told = failed(f"500.001.1001 {topic}", Source.PUSH)
    row, known = payment(SENT, replace(told, kind=Kind.REFUSED), told)
    said = words(row, known)
    assert said.situation is Situation.FAILED
    assert "500.001" not in f"{said.happened} {said.next_step}"
    assert str(topic) not in f"{said.happened} {said.next_step}"


def test_a_defect_of_ours_in_a_call_has_words_too() -> None:
    row, known = payment(SENT, Fact(Kind.LOST, Source.PUSH, 1, "ZeroDivisionError", at=AT))
    assert words(row, known).headline == "Check your phone"


# --- What a payer reads, in full ---


@pytest.mark.requirement("RT-2")
def test_the_prompt_is_on_the_phone() -> None:
    said = words(*payment(SENT, ACCEPTED), now=later(18))
    assert said.headline == "Check your phone"
    assert said.happened == "We sent a request for KES 1,000 to •••• 678."
    assert said.steps == ("Unlock your phone", "Enter your M-Pesa PIN", "Wait here: this page changes by itself")
    assert (said.seconds_left, said.seconds_whole, said.seconds_label) == (42, 60, "Time left")
    assert said.hints


@pytest.mark.requirement("RT-2", "P11")
def test_after_the_prompts_minute_no_clock_says_that_there_is_time_left() -> None:
    sent = payment(SENT, ACCEPTED)
    before, after = words(*sent, now=later(59)), words(*sent, now=later(60))
    assert (before.seconds_left, after.seconds_left) == (1, None)
    assert before.version != after.version, "an open page is written anew"
    assert (after.situation, after.live, after.headline) == (Situation.PROMPTED, True, "Check your phone")
    assert (
        after.happened == "Our request for KES 1,000 to •••• 678 had no answer within a minute. We are asking M-Pesa."
    )
    assert "Do not pay again" in after.next_step
    assert after.steps == ()


@pytest.mark.requirement("RT-2")
@pytest.mark.requirement("P27")
def test_a_cancelled_payment_says_so_and_may_be_tried_again() -> None:
    said = words(*payment(SENT, ACCEPTED, CANCELLED))
    assert said.headline == "Payment Cancelled"
    assert "nothing was taken" in said.happened
    assert said.actions == (Action.AGAIN, Action.CHANGE)


@pytest.mark.requirement("STK-8")
def test_what_waits_to_be_sent_again_says_when_and_how_often() -> None:
    said = words(*payment(SENT, BUSY, next_attempt_at=later(12)))
    assert said.happened == "M-Pesa is very busy just now, so no request was sent."
    assert (said.seconds_left, said.seconds_label) == (12, "Next try in")
    assert said.note == f"That was try 1 of {len(timing.RETRIES) + 1}."
    assert said.actions == ()


@pytest.mark.requirement("STK-8")
def test_after_half_a_minute_the_payer_may_have_it_sent_again() -> None:
    row, known = payment(SENT, BUSY, next_attempt_at=later(31))
    assert words(row, known, later(30)).actions == (Action.RETRY,)


@pytest.mark.requirement("OPS-1")
def test_a_lost_answer_warns_against_paying_again() -> None:
    said = words(*payment(SENT, LOST), now=later(10))
    assert said.headline == "Check your phone"
    assert "Do not pay again" in said.next_step
    assert said.seconds_left == 110
    assert said.actions == ()


def test_an_answer_that_is_long_in_coming_may_be_on_the_phone_already() -> None:
    row, known = payment(SENT)
    assert words(row, known, later(4)).situation is Situation.SENDING
    assert words(row, known, later(5)).situation is Situation.PERHAPS_SENT


@pytest.mark.requirement("REC-2")
@pytest.mark.requirement("P19")
def test_timed_out_says_to_look_first_and_lets_it_be_replaced() -> None:
    said = words(*payment(SENT, ACCEPTED, **LATE), now=later(121))
    assert said.headline == "Timed out"
    assert said.next_step == "Check your M-Pesa messages first. If no money went, try again."
    assert said.actions == (Action.REPLACE,)


@pytest.mark.requirement("REC-2")
def test_while_m_pesa_is_at_work_nothing_is_offered() -> None:
    said = words(*payment(SENT, ACCEPTED, still_processing_at=later(121), **LATE), now=later(122))
    assert said.headline == "M-Pesa is working on it"
    assert said.actions == ()
    assert said.seconds_left == 178


def test_the_page_may_be_ahead_of_the_clocks_sweep() -> None:
    said = words(*payment(SENT, ACCEPTED), now=later(120))
    assert (said.situation, said.actions) == (Situation.TIMED_OUT, ())


@pytest.mark.requirement("CB-3")
def test_paid_says_what_was_given_and_the_receipt() -> None:
    said = words(*payment(SENT, ACCEPTED, MONEY, answer=GIVEN))
    assert (said.headline, said.happened) == ("Paid", "KES 1,000 is in your wallet.")
    assert (said.receipt, said.owed, said.note) == ("UKL7RT61SV", "", "")
    assert said.actions == (Action.DONE, Action.MORE)


@pytest.mark.requirement("CB-3")
def test_paid_without_a_receipt_says_that_it_follows() -> None:
    said = words(*payment(SENT, ACCEPTED, SUCCEEDED, answer=GIVEN))
    assert said.headline == "Paid"
    assert "The receipt number follows" in said.note


@pytest.mark.requirement("CB-7")
@pytest.mark.parametrize(
    ("found", "headline", "kept"),
    [
        (Situation.ODD_AMOUNT, "Paid, another amount", "KES 900 is kept for you."),
        (Situation.NOT_GIVEN, "Paid, and kept for you", "KES 1,000 is kept for you."),
        (Situation.GIVEN_BACK, "Paid, and kept for you", "KES 1,000 is kept for you."),
        (Situation.PAID_MORE, "Paid", "KES 500 is kept for you."),
    ],
)
def test_money_that_buys_nothing_is_kept_for_the_payer(found: Situation, headline: str, kept: str) -> None:
    (row, known), now = EVERY_SITUATION[found]
    said = words(row, known, now)
    assert said.headline == headline
    assert said.owed.startswith(kept)
    assert "do not pay again" in said.next_step


def test_what_was_taken_back_is_not_owed() -> None:
    said = words(*payment(MONEY, REVERSED, answer=GIVEN))
    assert said.happened == "M-Pesa took KES 1,000 of this payment back."
    assert said.owed == ""


def test_a_wait_of_m_pesas_is_counted_down() -> None:
    said = words(*payment(SENT, ACCEPTED, failed("17")), now=later(20))
    assert (said.seconds_left, said.seconds_label) == (100, "Best tried again in")
    assert words(*payment(SENT, ACCEPTED, failed("17")), now=later(121)).seconds_left is None


def test_that_m_pesa_is_asked_on_is_said_only_while_it_is_true() -> None:
    unreachable = Fact(Kind.FAILED, Source.CALLBACK, code="1037", provisional=True, at=AT)
    asked = words(*payment(SENT, ACCEPTED, unreachable, next_query_at=later(30)))
    assert asked.note == "We keep asking M-Pesa for a while. If money did go, it shows here."
    assert words(*payment(SENT, ACCEPTED, unreachable)).note == ""


# --- What an open page and a list need ---


def test_the_version_changes_with_the_words_and_not_with_the_seconds() -> None:
    row, known = payment(SENT, ACCEPTED)
    assert words(row, known, later(1)).version == words(row, known, later(59)).version
    versions = {words(row, known, now).version for (row, known), now in EVERY_SITUATION.values()}
    assert len(versions) == len(EVERY_SITUATION)


@pytest.mark.parametrize(
    ("found", "state", "word"),
    [
        (Situation.QUEUED, "SENDING", "Sending"),
        (Situation.PROMPTED, "PROMPTED", "Waiting for PIN"),
        (Situation.TIMED_OUT, "PROMPTED", "No answer yet"),
        (Situation.SILENT, "EXPIRED", "Timed out"),
        (Situation.FAILED, "FAILED", "Not paid"),
        (Situation.CANCELLED, "CANCELLED", "Cancelled"),
        (Situation.PAID, "COMPLETED", "Paid"),
        (Situation.ODD_AMOUNT, "OWED", "Kept for you"),
        (Situation.REFUNDED, "REFUNDED", "Refunded"),
    ],
)
def test_a_list_says_it_in_a_word(found: Situation, state: str, word: str) -> None:
    (row, _known), _now = EVERY_SITUATION[found]
    said = brief(row)
    assert (said.state, said.word) == (state, word)


def test_part_of_it_refunded() -> None:
    row, known = payment(MONEY, answer=GIVEN, refunded_cents=40_000)
    assert words(row, known).headline == brief(row).word == "Partly refunded"


# --- The timeline ---


def test_the_story_is_told_in_order_and_in_words() -> None:
    late = Fact(Kind.REFUSED, Source.PUSH, 1, "500.003.02 BUSY", at=later(1))
    again = Fact(Kind.SENT, Source.PUSH, 2, at=later(3))
    accepted = replace(ACCEPTED, submission=2, at=later(4))
    row, known = payment(SENT, late, again, accepted, MONEY, answer=GIVEN, completed_at=later(20))
    told = story(row=row, known=known, arrivals={"UKL7RT61SV": later(20)}, thing=THING)
    assert [event.text for event in told] == [
        "You asked to pay KES 1,000 from •••• 678.",
        "M-Pesa is very busy just now, so no request was sent.",
        "We tried again.",
        "M-Pesa took the request and sent it to the phone.",
        "KES 1,000 arrived.",
        "KES 1,000 is in your wallet.",
    ]
    assert told[4].detail == "Receipt UKL7RT61SV"


@pytest.mark.parametrize("found", list(Situation))
def test_every_situation_has_a_story_without_codes(found: Situation) -> None:
    (row, known), _now = EVERY_SITUATION[found]
    told = story(row=row, known=known, arrivals={}, thing=THING)
    assert told[0].at == AT
    codes = {fact.code for fact in known.facts if len(fact.code) > 1}
    assert not [event for event in told if any(code in event.text for code in codes)]


@pytest.mark.requirement("SEC-4")
def test_no_words_hold_a_full_phone_number() -> None:
    for (row, known), now in EVERY_SITUATION.values():
        said = words(row, known, now)
        texts = [getattr(said, name) for name in said.__slots__ if isinstance(getattr(said, name), str)]
        assert not re.search(r"\d{9}", " ".join(texts))


@pytest.mark.requirement("STK-10")
@pytest.mark.parametrize("code", ["1", "2", "3", "4", "5"])
def test_nobody_is_asked_to_choose_another_amount_for_a_price(code: str) -> None:
    row, known = payment(SENT, ACCEPTED, failed(code))
    told = told_by_provider(row=row, known=known)
    said = payer_words(row=row, known=known, told=told, thing=replace(THING, has_price=True), now=later(20))
    assert "amount" not in said.next_step
    assert "amount" in words(row, known, later(20)).next_step
