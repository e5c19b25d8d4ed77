"""The order of statuses, as Python and PostgreSQL know it."""

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError

from payments.models import Payment
from payments.states import ENDED_WITHOUT_MONEY, FINAL, LIVE, RANK, Status, highest
from payments.tests.factories import started


def test_the_order_is_written_down_once() -> None:
    assert [status for status, _ in sorted(RANK.items(), key=lambda item: item[1])] == [
        "SENDING", "PROMPTED", "EXPIRED", "FAILED", "CANCELLED", "COMPLETED",
    ]  # fmt: skip
    assert highest(list(Status)) is Status.COMPLETED


def test_every_status_is_live_or_final() -> None:
    assert set(Status) == LIVE | FINAL
    assert not LIVE & FINAL
    assert {Status.COMPLETED} == FINAL - ENDED_WITHOUT_MONEY


@pytest.mark.django_db
@pytest.mark.parametrize("old", Status)
@pytest.mark.parametrize("new", Status)
def test_the_trigger_has_the_same_order(old: str, new: str) -> None:
    payment = started()
    row = Payment.objects.filter(pk=payment.pk)
    row.update(status=old, completed_at=payment.initiated_at, received_cents=1)
    with transaction.atomic(), connection.cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute("UPDATE payments_payment SET status = %s WHERE id = %s", [new, payment.pk])
            rose = True
        except IntegrityError as error:
            assert error.__cause__.diag.constraint_name == "payment_status_rises"  # noqa: PT017
            rose = False
    assert rose == (RANK[new] >= RANK[old])
