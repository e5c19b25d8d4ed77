"""Money that is not known to belong to a payment: booked once, visible, and gone from there once it is matched."""

import pytest
from django.db import transaction

from audit.models import Entry
from ledger import books, chart, checks
from payments import suspense
from payments.facts import Fact, Kind, Lot, Source
from payments.models import LotRow
from payments.sealing import checkout_hash
from payments.states import Status
from payments.tests.factories import AT, acceptance, answered, checkout_of, later, lot, prompted, sent, started, tell

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("CB-7"), pytest.mark.requirement("OUT-6")]


def held(code: str) -> int:
    return books.balance(environment="sandbox", code=code)


def take_in(money: Lot, *, environment: str = "sandbox") -> LotRow | None:
    with transaction.atomic():
        return suspense.take_in(money, environment=environment, shortcode="174379", reference="K7", now=AT)


def test_it_is_booked_once_and_in_the_trail() -> None:
    money = lot("UKL000000A", 70_000)
    assert take_in(money) is not None
    assert take_in(money) is None
    assert (held(chart.SUSPENSE), held(chart.utility("174379"))) == (70_000, 70_000)
    assert Entry.objects.filter(action="lot.in_suspense", subject="lot:UKL000000A").count() == 1


def test_a_receipt_of_a_payment_is_not_taken_in_again() -> None:
    money = lot()
    tell(prompted(), money)
    assert take_in(money) is None
    assert held(chart.SUSPENSE) == 0


def test_the_amount_that_was_booked_counts_when_it_is_told_with_another() -> None:
    take_in(lot("UKL000000A", 70_000))
    payment = tell(prompted(), lot("UKL000000A", 100_000))
    assert (payment.received_cents, payment.reasons) == (70_000, ["ODD_AMOUNT:UKL000000A"])
    assert (held(chart.SUSPENSE), held(chart.owed(payment.payer_id))) == (0, 70_000)
    assert checks.prove() == []


def test_it_replaces_a_success_that_was_told_without_a_receipt() -> None:
    take_in(lot("UKL000000A"))
    payment = tell(prompted(), Fact(Kind.SUCCEEDED, Source.QUERY))
    tell(payment, lot("UKL000000A"))
    assert (payment.receipt, payment.received_cents) == ("UKL000000A", 100_000)
    assert (held(chart.AWAITED), held(chart.SUSPENSE)) == (0, 0)
    assert (held(chart.wallet(payment.payer_id)), held(chart.utility("174379"))) == (100_000, 100_000)


def test_it_is_found_by_its_request_once_that_is_known_and_only_in_its_environment() -> None:
    payment = started()
    begun = sent(payment)
    hashed = checkout_hash(checkout_of(payment.pk))
    take_in(lot("UKL000000A", checkout_hash=hashed))
    take_in(lot("UKL000000B", checkout_hash=hashed), environment="production")
    take_in(lot("UKL000000C", checkout_hash="c" * 64))
    payment = answered(begun, acceptance(begun), now=later(9))
    assert (payment.status, payment.receipt, payment.reasons) == (Status.COMPLETED, "UKL000000A", [])
    assert held(chart.SUSPENSE) == 100_000
    assert LotRow.objects.filter(payment=None).count() == 2
    assert checks.prove() == []
