"""The sentence that says why a payment stands as it does."""

import pytest

from payments import lifecycle, reading, review
from payments.facts import Fact, Kind, Source, Why
from payments.models import Payment
from payments.tests import factories
from payments.tests.factories import answered, later, lot, prompted, sent, tell
from payments.why import REVIEWS, why
from payments.why import review as in_words

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("ADM-1", "CB-4")]


def sentence(payment: Payment) -> str:
    payment.refresh_from_db()
    return why(payment, reading.known_of([payment])[payment.pk])


def test_on_its_way() -> None:
    payment = factories.started()
    assert sentence(payment) == "On its way to M-Pesa."


def test_refused_and_sent_again() -> None:
    order = sent()
    payment = answered(order, factories.refusal(order, passing=True))
    assert sentence(payment) == (
        "Not sent yet: M-Pesa refused it (1 of 1), last with 500.003.02 BUSY, “System is busy.”."
        " It is sent again at 21 Nov 12:30:01."
    )


def test_refused_for_good() -> None:
    order = sent()
    payment = answered(order, factories.refusal(order, passing=False), now=later(1))
    assert sentence(payment) == (
        "Failed, because M-Pesa's answer to the push of 21 Nov 12:30:01 says 500.003.02 BUSY, “System is busy.”."
    )


def test_perhaps_sent() -> None:
    order = sent()
    payment = answered(order, factories.loss(order))
    assert sentence(payment).startswith("Perhaps sent: M-Pesa's answer was lost.")


def test_waiting_and_timed_out() -> None:
    payment = prompted()
    waiting = "Waiting, because M-Pesa accepted the push of 21 Nov 12:30:00. Nothing was told since."
    assert sentence(payment) == waiting
    lifecycle.pass_time(payment_ids=[payment.pk], now=later(121))
    assert sentence(payment) == f"{waiting} No answer had come at 21 Nov 12:32:01."


def test_a_code_that_nobody_knows() -> None:
    told = Fact(Kind.UNRESOLVED, Source.QUERY, code="7777", text="Strange.", at=later(60))
    payment = tell(prompted(), told)
    assert "M-Pesa's answer to our query of 21 Nov 12:31:00 says 7777, “Strange.”" in sentence(payment)
    assert "which nobody knows" in sentence(payment)


def test_silent_to_the_end() -> None:
    payment = prompted()
    for seconds in (121, 4000):
        lifecycle.pass_time(payment_ids=[payment.pk], now=later(seconds))
    assert sentence(payment).startswith(
        "Timed out at 21 Nov 13:36:40, because M-Pesa has not told how it ended. M-Pesa is asked again at "
    )


def test_closed_by_a_person() -> None:
    payment = prompted()
    review.close(payment_id=payment.pk, reason="The client came to the desk", actor="user:7", now=later(30))
    assert sentence(payment).startswith(
        "Timed out, because user:7 closed it at 21 Nov 12:30:30: The client came to the desk."
    )


def test_cancelled() -> None:
    told = Fact(Kind.CANCELLED, Source.CALLBACK, code="1032", text="Request cancelled by user.", at=later(9))
    assert sentence(tell(prompted(), told)) == (
        "Cancelled, because the callback of 21 Nov 12:30:09 says 1032, “Request cancelled by user.”."
    )


def test_found_not_paid_by_a_person() -> None:
    payment = prompted()
    review.not_paid(payment_id=payment.pk, reason="Not in the statement", actor="user:7", now=later(30))
    assert sentence(payment) == "Failed, because user:7 found so at 21 Nov 12:30:30: Not in the statement"


def test_paid() -> None:
    payment = tell(prompted(), lot("UKL7RT61SV"), now=later(7))
    assert sentence(payment) == (
        "Paid, because the callback of 21 Nov 12:30:07 carries receipt UKL7RT61SV of KES 1,000."
    )


def test_paid_without_a_receipt() -> None:
    payment = tell(prompted(), Fact(Kind.SUCCEEDED, Source.QUERY, at=later(7)), now=later(7))
    assert sentence(payment) == (
        "Paid, because M-Pesa's answer to our query of 21 Nov 12:30:07 says so. The receipt has not been seen yet."
    )


def test_paid_another_amount() -> None:
    payment = tell(prompted(), lot("UKL7RT61SV", 99_900))
    assert sentence(payment).endswith(
        "carries receipt UKL7RT61SV of KES 999. KES 1,000 was asked for: nothing was given, the money is owed to the payer."
    )


def test_paid_twice_and_taken_back() -> None:
    taken = Fact(Kind.REVERSED, Source.STATEMENT, receipt="UKL7RT61SV", amount_cents=100_000)
    payment = tell(prompted(), lot("UKL7RT61SV"), lot("UKL7RT62AB"))
    assert sentence(payment).endswith(
        "receipt UKL7RT61SV of KES 1,000 and receipt UKL7RT62AB of KES 1,000."
        " KES 1,000 more came than was asked for: it is owed to the payer."
    )
    assert sentence(tell(payment, taken)).endswith("M-Pesa took KES 1,000 back.")


def test_every_reason_for_review_has_words() -> None:
    assert set(REVIEWS) == set(Why)
    assert in_words("ODD_AMOUNT:UKL7RT61SV").evidence == "UKL7RT61SV"
    assert in_words("SEVERAL_LOTS:2").evidence == "2 receipts"
