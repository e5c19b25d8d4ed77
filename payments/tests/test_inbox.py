"""Callbacks from the inbox to the books, on real rows with real bodies."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.keys import phone_hash
from audit.models import Entry
from ledger import books, chart
from payments import calls, chase, inbox, providers, sealing, suspense, timing, unmatched
from payments.facts import Fact, Kind, Lot, Source
from payments.models import Callback, Exchange, LotRow, Payment, PaymentFact
from payments.phones import phone_of
from payments.states import Status
from payments.tests import bodies
from payments.tests.factories import (
    AT,
    acceptance,
    answered,
    callback,
    checkout_of,
    later,
    new_receipt,
    prompted,
    sent,
    started,
    tell,
)
from tests.properties import things

TAMPERED = b"not sealed with any of our keys, or tampered with since"


def paid_body(payment: Payment, receipt: str = "", **given: Any) -> bytes:
    return bodies.success(checkout_of(payment.pk), receipt=receipt or new_receipt(), **given)


def wallet_of(payment: Payment) -> int:
    return books.balance(environment="sandbox", code=chart.wallet(payment.payer_id))


class TestCallbacks(TestCase):
    # Feature: mpesa-payment-integration, Property 21: a confirmed payment is paid
    # Feature: mpesa-payment-integration, Property 22: what was paid for is given in the same step
    # Feature: mpesa-payment-integration, Property 23: the M-Pesa transaction id is stored
    # Feature: mpesa-payment-integration, Property 56: transaction id, amount, phone and time are stored
    # Feature: mpesa-payment-integration, Property 75: a duplicate is detected and ignored
    @pytest.mark.requirement("CB-3")
    @pytest.mark.requirement("CB-5")
    @pytest.mark.requirement("P21")
    @pytest.mark.requirement("P22")
    @pytest.mark.requirement("P23")
    @pytest.mark.requirement("P56")
    @pytest.mark.requirement("P75")
    @settings(max_examples=100)
    @given(
        st.integers(10, 150_000),
        st.sampled_from(["7", "1"]),
        st.integers(0, 10**8 - 1),
        st.integers(1, 3),
        st.integers(5, 110),
    )
    def test_a_success_is_stored_whole_and_counts_once(
        self, shillings: int, line: str, number: int, times: int, after: int
    ) -> None:
        phone, receipt = f"254{line}{number:08d}", new_receipt()
        payment = prompted(amount=shillings, phone=phone)
        body = paid_body(payment, receipt, shillings=shillings, phone=phone, at=later(after))
        for _ in range(times):
            callback(payment, body, now=later(after + 1))
        while inbox.drain(now=later(after + 2), limit=2):
            pass
        payment.refresh_from_db()
        assert (payment.status, payment.answer, payment.reasons) == (Status.COMPLETED, "GIVEN", [])
        assert (payment.receipt, payment.received_cents) == (receipt, shillings * 100)
        assert (payment.mpesa_transaction_at, payment.completed_at) == (later(after), later(after + 2))
        assert (phone_of(payment), payment.phone_hash) == (phone, phone_hash(phone))
        assert payment.callback_received
        assert wallet_of(payment) == shillings * 100
        assert LotRow.objects.get().receipt == receipt

    # Feature: mpesa-payment-integration, Property 72: failing callbacks are retried 3 times with growing pauses
    @pytest.mark.requirement("CB-6")
    @pytest.mark.requirement("P72")
    @settings(max_examples=100)
    @given(st.lists(st.floats(0, 0.9), min_size=4, max_size=4))
    def test_what_cannot_be_processed_is_retried_three_times_and_waits_for_a_person(self, late: list[float]) -> None:
        row = callback(None, b"{}", body_sealed=TAMPERED)
        now = AT
        for attempt, (delay, wait) in enumerate(zip(late, (*timing.INBOX_RETRIES, None), strict=True), 1):
            now += timedelta(seconds=delay)
            assert inbox.drain(now=now) == 1
            row.refresh_from_db()
            assert row.attempts == attempt
            assert row.error == "Unreadable: exchange"
            if wait is not None:
                assert (row.state, row.next_attempt_at) == ("WAITING", now + timedelta(seconds=wait))
                assert inbox.drain(now=row.next_attempt_at - timedelta(milliseconds=1)) == 0
                now = row.next_attempt_at
        assert row.state == "STUCK"
        assert inbox.drain(now=now + timedelta(days=1)) == 0


@pytest.mark.requirement("CB-6")
@pytest.mark.django_db
def test_an_error_in_words_that_no_database_keeps_is_written_down() -> None:
    """Else each drain would break at this callback again, and never come to those behind it."""
    row = callback(None, b"{}")
    inbox._failed(callback_id=row.pk, words="ValueError: \x00 and \ud800", now=AT)
    row.refresh_from_db()
    assert (row.attempts, row.error) == (1, "ValueError: \ufffd and ?")


@pytest.mark.requirement("CB-6")
@pytest.mark.django_db
def test_a_person_has_it_processed_again_once_the_cause_is_gone() -> None:
    """The cause here is a room above that breaks; then it is mended."""
    payment = prompted()
    row = callback(payment, bodies.failure(checkout_of(payment.pk)))
    with things.on_offer():
        things.broken.add(payment.pk)
        for wait in (0, *timing.INBOX_RETRIES):
            inbox.drain(now=later(wait * 2))
        row.refresh_from_db()
        payment.refresh_from_db()
        assert (row.state, row.attempts, payment.status) == ("STUCK", 4, Status.PROMPTED)
        assert "a defect of the room above" in row.error
        things.broken.clear()
        inbox.process_again(callback_id=row.pk, actor="user:1", now=later(60))
        assert inbox.drain(now=later(60)) == 1
    row.refresh_from_db()
    payment.refresh_from_db()
    assert (row.state, row.error, payment.status) == ("DONE", "", Status.CANCELLED)
    assert Entry.objects.get(action="callback.process_again").actor == "user:1"


@pytest.mark.requirement("CB-2")
@pytest.mark.django_db
def test_a_forged_one_is_never_processed() -> None:
    payment = prompted()
    row = callback(payment, paid_body(payment), verdict="FORGED", state="DONE")
    inbox.process_again(callback_id=row.pk, actor="user:1", now=AT)
    assert inbox.drain(now=AT) == 0
    payment.refresh_from_db()
    assert payment.status == Status.PROMPTED


@pytest.mark.requirement("CB-6")
@pytest.mark.requirement("STK-9")
@pytest.mark.django_db
def test_one_bad_row_does_not_stop_forty_nine_others() -> None:
    payments = [prompted() for _ in range(5)]
    for number in range(50):
        payment = payments[number % 5]
        spoilt = {"body_sealed": TAMPERED} if number == 23 else {}
        callback(payment, paid_body(payment, f"UKL{number % 5:07d}".replace("0000000", "000000X")), **spoilt)
    assert inbox.drain(now=AT) == 50
    assert Callback.objects.filter(state="DONE").count() == 49
    assert Callback.objects.get(state="WAITING").attempts == 1
    assert all(p.status == Status.COMPLETED for p in Payment.objects.all())
    assert [wallet_of(payment) for payment in payments] == [100_000] * 5
    assert Exchange.objects.filter(type="CALLBACK").count() == 49


# --- Whom it is about ---


@pytest.mark.requirement("CB-7")
@pytest.mark.django_db
def test_before_the_pushs_own_answer_it_is_matched_by_its_token() -> None:
    payment = started()
    begun = sent(payment)
    callback(payment, paid_body(payment))
    inbox.drain(now=later(1))
    payment.refresh_from_db()
    assert payment.status == Status.COMPLETED
    answered(begun, acceptance(begun), now=later(2))
    payment.refresh_from_db()
    assert (payment.status, payment.reasons, payment.next_query_at) == (Status.COMPLETED, [], None)
    assert payment.checkout_hash == sealing.checkout_hash(checkout_of(payment.pk))
    assert wallet_of(payment) == 100_000


@pytest.mark.requirement("CB-7")
@pytest.mark.requirement("P58")
@pytest.mark.django_db
@pytest.mark.parametrize("ending", [Kind.CLOSED, Kind.CANCELLED, Kind.FAILED])
def test_success_after_an_end_still_pays(ending: Kind) -> None:
    payment = prompted()
    tell(payment, Fact(ending, Source.CALLBACK, code="1032"))
    callback(payment, paid_body(payment))
    inbox.drain(now=later(400))
    payment.refresh_from_db()
    assert (payment.status, wallet_of(payment)) == (Status.COMPLETED, 100_000)
    assert payment.reasons == ([] if ending is Kind.CLOSED else ["CONTRADICTION"])


@pytest.mark.requirement("CB-7")
@pytest.mark.django_db
def test_another_amount_is_owed_to_the_payer_and_flagged() -> None:
    payment = prompted()
    callback(payment, paid_body(payment, "UKL000000A", shillings=999))
    inbox.drain(now=AT)
    payment.refresh_from_db()
    assert (payment.status, payment.reasons) == (Status.COMPLETED, ["ODD_AMOUNT:UKL000000A"])
    assert wallet_of(payment) == 0
    assert books.balance(environment="sandbox", code=chart.owed(payment.payer_id)) == 99_900


@pytest.mark.requirement("CB-7")
@pytest.mark.django_db
def test_the_second_of_two_payments_for_one_thing_is_owed() -> None:
    from_two = []
    with things.on_offer():
        item = {"itemId": prompted().target_id}
        for second in (0, 310):
            from_two.append(prompted(purpose="item", fields=item, now=later(second)))
            chase.close_overdue(now=later(second + 301))
        first, second = from_two
        for payment in (second, first):
            callback(payment, paid_body(payment))
        inbox.drain(now=later(700))
        first.refresh_from_db()
        second.refresh_from_db()
    assert {first.answer, second.answer} == {"GIVEN", "REFUSED"}
    loser = first if first.answer == "REFUSED" else second
    assert (loser.status, loser.reasons, loser.answer_reason) == (Status.COMPLETED, ["NOT_GIVEN"], "sold")
    assert books.balance(environment="sandbox", code=chart.owed(loser.payer_id)) == 100_000
    assert books.balance(environment="sandbox", code=chart.revenue("item")) == 100_000


@pytest.mark.requirement("CB-2")
@pytest.mark.django_db
@pytest.mark.parametrize("wrong", ["checkout", "phone"])
def test_a_body_that_contradicts_its_token_moves_nothing(wrong: str) -> None:
    payment, other = prompted(), prompted()
    checkout = checkout_of(other.pk if wrong == "checkout" else payment.pk)
    phone = phone_of(other if wrong == "phone" else payment)
    row = callback(payment, bodies.success(checkout, receipt=new_receipt(), phone=phone))
    inbox.drain(now=AT)
    row.refresh_from_db()
    assert row.state == "DONE"
    assert not Payment.objects.filter(status=Status.COMPLETED).exists()
    assert not LotRow.objects.exists()
    assert Entry.objects.get(action="security.callback_mismatch").subject == f"callback:{row.pk}"


@pytest.mark.requirement("CB-2")
@pytest.mark.django_db
def test_a_doubtful_one_makes_us_ask_and_moves_nothing() -> None:
    payment = prompted()
    callback(payment, paid_body(payment), verdict="DOUBTFUL")
    inbox.drain(now=later(5))
    payment.refresh_from_db()
    assert (payment.status, payment.next_query_at) == (Status.PROMPTED, later(5))
    assert not LotRow.objects.exists()


@pytest.mark.requirement("CB-1")
@pytest.mark.django_db
@pytest.mark.parametrize("body", [b"", b"{", b"\xff\x00", b"[]", b'{"Body": {}}'])
def test_an_unreadable_one_makes_us_ask(body: bytes) -> None:
    payment = prompted()
    row = callback(payment, body)
    inbox.drain(now=later(5))
    row.refresh_from_db()
    payment.refresh_from_db()
    assert row.state == "DONE"
    assert row.outcome.startswith("not readable")
    assert payment.next_query_at == later(5)


@pytest.mark.requirement("CB-7")
@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "odd"), [(-601, True), (-599, False), (0, False), (630, True)])
def test_an_odd_time_is_flagged_and_the_money_counts(seconds: int, odd: bool) -> None:
    payment = prompted()
    callback(payment, paid_body(payment, "UKL000000A", at=later(seconds)), now=later(20))
    inbox.drain(now=later(20))
    payment.refresh_from_db()
    assert payment.reasons == (["ODD_DATE:UKL000000A"] if odd else [])
    assert wallet_of(payment) == 100_000


@pytest.mark.requirement("CB-4")
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("code", "status", "asked"),
    [
        (1032, Status.CANCELLED, False),
        ("1", Status.FAILED, False),
        (2001, Status.FAILED, False),
        (1037, Status.FAILED, True),
        (4999, Status.PROMPTED, True),
        ("SFC_IC0003", Status.FAILED, False),
        ("ZZ9", Status.PROMPTED, True),
    ],
)
def test_how_codes_end_a_payment(code: object, status: Status, asked: bool) -> None:
    payment = prompted()
    callback(payment, bodies.failure(checkout_of(payment.pk), code, "Something happened"))
    inbox.drain(now=later(5))
    payment.refresh_from_db()
    assert payment.status == status
    assert (payment.next_query_at is not None) == asked
    if code != 4999:
        assert (payment.result_code, payment.result_description) == (str(code), "Something happened")


@pytest.mark.requirement("CB-7")
@pytest.mark.django_db
def test_an_unknown_code_is_flagged_when_it_has_expired() -> None:
    payment = prompted()
    callback(payment, bodies.failure(checkout_of(payment.pk), "ZZ9"))
    inbox.drain(now=later(5))
    chase.close_overdue(now=later(301))
    payment.refresh_from_db()
    assert (payment.status, payment.reasons) == (Status.EXPIRED, ["UNKNOWN_RESULT"])


# --- Requests that nobody knows ---


def loose(payment: Payment, receipt: str = "UKL000000A") -> Callback:
    """On a fixed URL, with M-Pesa's signature: only the CheckoutRequestID says whom it is about."""
    return callback(None, paid_body(payment, receipt), now=later(1))


def confirmed(row: Callback) -> None:
    """M-Pesa, asked about an unknown request, says that it was paid."""
    told = providers.provider("mpesa").read_callback(sealing.unseal(bytes(row.body_sealed), context=calls.CONTEXT))
    answer = providers.Answer((Fact(Kind.SUCCEEDED, Source.QUERY),))
    unmatched.learn(callback_id=row.pk, told=told, answer=answer, made=[], now=later(40))


@pytest.mark.requirement("CB-7")
@pytest.mark.django_db
def test_an_unknown_request_waits_until_it_turns_up() -> None:
    payment = started()
    begun = sent(payment)
    row = loose(payment)
    inbox.drain(now=later(1))
    row.refresh_from_db()
    assert (row.state, row.next_attempt_at) == ("UNMATCHED", later(31))
    answered(begun, acceptance(begun), now=later(2))
    inbox.drain(now=later(2))
    row.refresh_from_db()
    payment.refresh_from_db()
    assert (row.state, row.payment_id, payment.status) == ("DONE", payment.pk, Status.COMPLETED)


@pytest.mark.requirement("CB-7")
@pytest.mark.django_db
def test_a_request_that_turned_up_while_its_callback_was_read_is_still_found() -> None:
    payment = started()
    begun = sent(payment)
    row = loose(payment)
    inbox.drain(now=later(1))
    answered(begun, acceptance(begun), now=later(2))
    # The reader stored its verdict after the request was stored, so nobody woke it.
    Callback.objects.filter(pk=row.pk).update(state="UNMATCHED", next_attempt_at=later(31))
    unmatched.ask_due(now=later(3))
    inbox.drain(now=later(3))
    payment.refresh_from_db()
    assert (payment.status, payment.receipt) == (Status.COMPLETED, "UKL000000A")


@pytest.mark.requirement("CB-7")
@pytest.mark.django_db
def test_money_that_mpesa_confirms_stands_in_suspense_until_its_payment_turns_up() -> None:
    payment = started()
    begun = sent(payment)
    row = loose(payment)
    inbox.drain(now=later(1))
    confirmed(row)
    row.refresh_from_db()
    assert row.state == "DONE"
    assert books.balance(environment="sandbox", code=chart.SUSPENSE) == 100_000
    answered(begun, acceptance(begun), now=later(50))
    payment.refresh_from_db()
    assert (payment.status, payment.receipt, wallet_of(payment)) == (Status.COMPLETED, "UKL000000A", 100_000)
    assert books.balance(environment="sandbox", code=chart.SUSPENSE) == 0
    assert books.balance(environment="sandbox", code=chart.utility("174379")) == 100_000


@pytest.mark.requirement("CB-7")
@pytest.mark.django_db
def test_news_with_its_receipt_takes_money_out_of_suspense() -> None:
    payment = prompted()
    money = Lot("UKL000000B", 100_000, Source.C2B)
    with transaction.atomic():
        suspense.take_in(money, environment="sandbox", shortcode="174379", now=AT)
        assert suspense.take_in(money, environment="sandbox", shortcode="174379", now=AT) is None
    callback(payment, paid_body(payment, "UKL000000B"))
    inbox.drain(now=later(1))
    payment.refresh_from_db()
    assert (payment.status, wallet_of(payment)) == (Status.COMPLETED, 100_000)
    assert books.balance(environment="sandbox", code=chart.SUSPENSE) == 0
    assert LotRow.objects.get().payment_id == payment.pk


@pytest.mark.requirement("CB-7")
@pytest.mark.django_db
def test_unconfirmed_it_is_asked_about_on_schedule_and_waits_for_a_person() -> None:
    row = loose(prompted())
    Callback.objects.filter(pk=row.pk).update(state="UNMATCHED")
    told = providers.provider("mpesa").read_callback(sealing.unseal(bytes(row.body_sealed), context=calls.CONTEXT))
    for wait in timing.QUERIES[1:]:
        unmatched.learn(callback_id=row.pk, told=told, answer=chase.SILENCE, made=[], now=later(1))
        row.refresh_from_db()
        assert row.next_attempt_at == row.received_at + timedelta(seconds=wait)
    unmatched.learn(callback_id=row.pk, told=told, answer=chase.SILENCE, made=[], now=later(1))
    row.refresh_from_db()
    assert row.state == "STUCK"
    assert not LotRow.objects.exists()


@pytest.mark.requirement("CB-7")
@pytest.mark.django_db
def test_one_unknown_request_that_cannot_be_read_does_not_stand_before_the_others() -> None:
    rows = [callback(None, b"{}", state="UNMATCHED", body_sealed=TAMPERED, now=later(n)) for n in range(3)]
    assert unmatched.ask_due(now=later(10)) == 3
    assert unmatched.ask_due(now=later(10)) == 0
    assert {Callback.objects.get(pk=row.pk).attempts for row in rows} == {1}


@pytest.mark.django_db
def test_a_batch_takes_the_same_number_of_queries_for_one_and_for_thirty(
    django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    first = prompted()
    callback(first, paid_body(first))
    with django_assert_max_num_queries(60) as one:
        inbox.drain(now=AT)
    for _ in range(30):
        payment = prompted()
        callback(payment, paid_body(payment))
    with django_assert_num_queries(len(one)):
        inbox.drain(now=AT)
    assert PaymentFact.objects.filter(kind="FAILED").count() == 0
