"""Everything that happened to one payment, in one list."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import trail
from lib import clock
from payments import calls, inbox, lifecycle, review
from payments.calls import Call
from payments.facts import Fact, Kind, Source
from payments.models import Payment
from payments.tests import bodies, factories
from payments.tests.factories import later, lot, prompted, sent, tell
from payments.timeline import timeline

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("ADM-1", "SEC-6")]


def told(payment: Payment, *kinds: str) -> list[tuple[str, str]]:
    return [(event.who, event.text) for event in timeline(payment) if event.kind in (kinds or (event.kind,))]


def test_a_payment_that_went_well() -> None:
    order = sent()
    made = [Call("STK_PUSH", "{}", "{}", 200, 1234, "")]
    pushed = factories.acceptance(order)
    lifecycle.finish(order=order, pushed=pushed, made=made, caller=calls.NOBODY, now=later(2))
    payment = Payment.objects.get(pk=order.payment_id)
    factories.callback(payment, bodies.success(factories.checkout_of(payment.pk), receipt="UKL7RT61SV"), now=later(9))
    inbox.drain(now=later(9))
    payment.refresh_from_db()
    assert told(payment, "call", "callback", "fact", "money") == [
        ("Malipo", "Push 1 goes to M-Pesa"),
        ("Malipo", "STK PUSH: HTTP 200 after 1,234 ms"),
        ("M-Pesa, to the push", "Push 1 was accepted"),
        ("M-Pesa", "A callback came"),
        ("M-Pesa, by callback", "KES 1,000 arrived under receipt UKL7RT61SV"),
    ]
    assert told(payment, "books") == [("Malipo", "Booked KES 1,000")]
    assert ("system", "Status PROMPTED → COMPLETED") in told(payment, "trail")


@pytest.mark.requirement("CB-4", "P42")
def test_mpesas_own_words_stand_beside_ours() -> None:
    order = sent()
    fact = Fact(Kind.REFUSED, Source.PUSH, 1, "400.002.02 OURS", text="Bad Request", merchant_request_id="1234-5")
    pushed = factories.Pushed((fact,), passing=False)
    payment = factories.answered(order, pushed, now=later(1))
    refused, failed = [event for event in timeline(payment) if event.kind == "fact"][1:]
    assert refused.detail == "400.002.02 OURS · Bad Request · request 1234-5"
    assert (failed.text, failed.detail) == ("It was not paid", "400.002.02 OURS · Bad Request")


def test_what_people_did() -> None:
    payment = tell(prompted(), lot("UKL7RT61SV", 50_000))
    key = payment.reasons[0]
    review.answer(payment_id=payment.pk, key=key, reason="Refunded by hand", actor="user:7", now=later(60))
    assert ("user:7", "Looked at: another amount than was asked") in told(payment, "fact")
    trail.record(action="admin.viewed", actor="user:7", subject=f"payment:{payment.transaction_id}")
    assert "Admin.viewed" not in {text for _, text in told(payment, "trail")}


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        (Fact(Kind.CANCELLED, Source.CALLBACK, code="1032"), "It was cancelled"),
        (Fact(Kind.UNRESOLVED, Source.QUERY, code="7777"), "A code came that nobody knows"),
        (Fact(Kind.SUCCEEDED, Source.QUERY), "It was paid; no receipt was told"),
        (Fact(Kind.CLOSED, Source.CLOCK, code="SILENT"), "Waited for no longer"),
        (Fact(Kind.LOST, Source.PUSH, 1, "timeout"), "The answer to push 1 was lost: perhaps on a phone"),
        (Fact(Kind.DOUBTED, Source.CALLBACK, code="ODD_DATE", receipt="UKL7RT61SV"), "M-Pesa's own time is odd UKL7RT61SV"),
        (Fact(Kind.REVERSED, Source.STATEMENT, receipt="UKL7RT61SV", amount_cents=5000), "M-Pesa took KES 50 of receipt UKL7RT61SV back"),
    ],
)  # fmt: skip
def test_every_fact_in_words(fact: Fact, words: str) -> None:
    payment = tell(prompted(), fact, now=later(5))
    assert words in [text for _, text in told(payment, "fact")]


def test_a_forged_callback_is_named() -> None:
    payment = prompted()
    factories.callback(payment, b"{}", verdict="FORGED", verdict_reason="wrong token", state="DONE", now=later(3))
    [event] = [event for event in timeline(payment) if event.kind == "callback"]
    assert (event.text, event.tone, event.detail) == ("A forged callback came", "red", "Processed · wrong token")


@pytest.mark.requirement("OPS-6")
def test_its_length_costs_no_queries() -> None:
    payment = prompted()
    with CaptureQueriesContext(connection) as short:
        timeline(payment)
    for number in range(20):
        factories.callback(payment, b"{}", now=clock.now())
        tell(payment, lot(f"UKL7RT61{number:02d}"))
    with CaptureQueriesContext(connection) as long:
        assert len(timeline(payment)) > 60
    assert len(long) == len(short) == 6
