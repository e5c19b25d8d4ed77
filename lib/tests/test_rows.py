"""Many rows with one statement: the same as Django's own, for every kind of column a payment has."""

from datetime import UTC, datetime

import pytest
from django.db import DataError, IntegrityError, connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from lib.rows import (
    changed_rows,
    insert_missing,
    insert_row,
    insert_rows,
    read_related,
    read_rows,
    storable,
    update_rows,
)
from notifications.models import Audience, Channel, Notification
from notifications.tests import factories as notified
from outbox.models import Delivery
from payments.models import Exchange, Payment
from payments.tests.factories import started
from sessions_booking.models import Booking
from sessions_booking.tests import factories as booked

pytestmark = pytest.mark.django_db
NAMES = [
    "reasons",
    "result_description",
    "deadline_at",
    "timed_out_at",
    "queries",
    "checkout_sealed",
    "metadata",
    "query_lease",
]


def changed(row: Payment, n: int) -> Payment:
    row.reasons = ["ODD_AMOUNT:A,B", "it's {odd}"][:n]
    row.result_description = ["", "%s 'quoted' \\ {}", "Nairobi – 😀"][n]
    row.deadline_at = None if n == 0 else datetime(2026, 1, n, tzinfo=UTC)
    row.timed_out_at = datetime(2026, 2, 2, tzinfo=UTC) if n == 0 else None
    row.queries = n
    row.checkout_sealed = bytes(range(n * 100))
    row.metadata = {"n": [n, None, "'"]}
    return row


def test_all_is_written_as_it_was_meant_with_one_statement() -> None:
    rows = [changed(started(), n) for n in range(3)]
    other = started()
    with CaptureQueriesContext(connection) as queries:
        assert update_rows(rows, NAMES) == 3
    assert len(queries) == 1
    for row in rows:
        kept = Payment.objects.get(pk=row.pk)
        for name in NAMES:
            value = getattr(kept, name)
            assert (bytes(value) if name == "checkout_sealed" else value) == getattr(row, name)
    assert Payment.objects.get(pk=other.pk).metadata == other.metadata


def test_nothing_to_write_asks_nothing() -> None:
    with CaptureQueriesContext(connection) as queries:
        assert update_rows([], NAMES) == 0
    assert len(queries) == 0


def test_new_rows_are_written_in_order_with_one_statement() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    texts = ["", "%s 'quoted' \\ {}", "Nairobi – 😀"]
    rows = [
        Exchange(
            environment="sandbox", type="CALLBACK", error=text, request_sealed=bytes(range(n * 100)), payment_id=n or None,
            address="2001:db8::1" if n else None, created_at=at,
        )
        for n, text in enumerate(texts)
    ]  # fmt: skip
    with CaptureQueriesContext(connection) as queries:
        assert insert_rows(rows) == 3
    assert len(queries) == 1
    kept = Exchange.objects.order_by("pk")
    assert [(row.error, bytes(row.request_sealed), row.payment_id, row.address, row.created_at) for row in kept] == [
        (row.error, row.request_sealed, row.payment_id, row.address, at) for row in rows
    ]


def test_what_is_there_stays_where_that_is_asked_for() -> None:
    rows = [Delivery(topic="payment.completed", key="TXN_A", handler="a.b", payload={"n": [1, None, "'"]})]
    assert (insert_rows(rows, once=True), insert_rows(rows, once=True)) == (1, 0)
    row = Delivery.objects.get()
    assert (row.payload, row.state) == ({"n": [1, None, "'"]}, "WAITING")
    assert row.created_at == row.next_attempt_at  # by the database's clock
    with pytest.raises(IntegrityError, match="delivery_once"):
        insert_rows(rows)


def test_a_text_that_does_not_fit_is_refused_not_cut() -> None:
    row = started()
    row.receipt = "R" * 31
    with pytest.raises(DataError):
        update_rows([row], ["receipt"])


def test_one_row_is_written_and_read_as_it_was_meant() -> None:
    row, at = started(), datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    before = Payment.objects.get(pk=row.pk)
    new = changed(row, 2)
    new.pk, new.transaction_id, new.account_reference, new.phone_hash = None, "TXN_B", "B", "b" * 64
    new.purpose, new.updated_at = "item", at
    with CaptureQueriesContext(connection) as queries:
        insert_row(new)
        (kept,) = read_rows(Payment, "WHERE id = %s", [new.pk])
    assert len(queries) == 2
    assert new.pk != before.pk
    assert not new._state.adding
    for one in (kept, Payment.objects.get(pk=new.pk)):
        for field in Payment._meta.concrete_fields:
            there, meant = getattr(one, field.attname), getattr(new, field.attname)
            assert (bytes(there) if isinstance(there, bytes | memoryview) else there) == meant, field.attname


def test_rows_that_are_not_there_are_not_read() -> None:
    assert read_rows(Payment, "WHERE id = ANY(%s)", [[]]) == []


def test_a_row_that_was_read_can_be_saved() -> None:
    (kept,) = read_rows(Payment, "WHERE id = %s", [started().pk])
    kept.queries = 3
    kept.save(update_fields=["queries"])
    assert Payment.objects.get(pk=kept.pk).queries == 3


def test_what_hangs_on_a_row_is_read_with_it() -> None:
    """As Django reads it: every column of each, and no query for what was asked for."""
    paid = booked.confirmed()
    other = booked.requested(paid.type, starts_at=booked.at(4, 10))
    paths = ("client", "therapist", "therapist__user", "type")
    with CaptureQueriesContext(connection) as queries:
        rows = read_related(Booking, paths, "WHERE one.id = ANY(%s) ORDER BY one.id", [[paid.pk, other.pk]])
        people = [(row.client, row.therapist, row.therapist.user, row.type) for row in rows]
    assert len(queries) == 1
    kept = Booking.objects.select_related("client", "therapist__user", "type").order_by("pk")
    assert [whole(row) for row in rows] == [whole(row) for row in kept]
    assert [[whole(one) for one in read] for read in people] == [
        [whole(one) for one in (row.client, row.therapist, row.therapist.user, row.type)] for row in kept
    ]


def test_where_nothing_hangs_there_is_nothing() -> None:
    row = notified.one("session.approved", Audience.CLIENT, Channel.EMAIL)
    paths = ("booking", "payment", "payment__payer")
    with CaptureQueriesContext(connection) as queries:
        (read,) = read_related(Notification, paths, "WHERE one.id = %s", [row.pk])
        assert (read.payment, read.payment_id, read.booking) == (None, None, row.booking)
    assert len(queries) == 1
    assert read.data == row.data


def test_rows_are_changed_and_read_with_one_statement() -> None:
    row = started()
    with CaptureQueriesContext(connection) as queries:
        (read,) = changed_rows(Payment, "UPDATE payments_payment SET queries = queries + %s WHERE id = %s", [2, row.pk])
    assert (len(queries), read.queries) == (1, 2)
    assert whole(read) == whole(Payment.objects.get(pk=row.pk))
    assert changed_rows(Payment, "UPDATE payments_payment SET queries = 3 WHERE id = %(id)s", {"id": 0}) == []


def test_those_that_are_missing_are_written_and_told() -> None:
    rows = [Delivery(topic="t", key=key, handler="a.b", payload={"key": key}) for key in ("A", "B", "C")]
    insert_rows(rows[1:2])
    with CaptureQueriesContext(connection) as queries:
        made = insert_missing(rows)
    assert len(queries) == 1
    assert [(row.key, row.payload, row.state) for row in made] == [
        ("A", {"key": "A"}, "WAITING"),
        ("C", {"key": "C"}, "WAITING"),
    ]
    assert {row.pk for row in made} < set(Delivery.objects.values_list("pk", flat=True))
    assert (insert_missing(rows), insert_missing([])) == ([], [])


def whole(row: Model) -> dict[str, object]:
    """Every column, with what is binary as bytes."""
    found = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return {name: bytes(value) if isinstance(value, memoryview) else value for name, value in found.items()}


@pytest.mark.parametrize(
    ("text", "kept"), [("plain é𝄞", "plain é𝄞"), ("a\x00b", "a\ufffdb"), ("a\ud800b", "a?b"), ("", "")]
)
def test_a_strangers_text_is_made_storable(text: str, kept: str) -> None:
    assert storable(text) == kept
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::text", [storable(text)])
        assert cursor.fetchone() == (kept,)
