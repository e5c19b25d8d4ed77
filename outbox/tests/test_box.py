"""What goes into the box comes out once, or is known not to have."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from django.conf import LazySettings, settings
from django.db import connection, transaction

from lib.errors import Refusal
from lib.turns import key_of
from outbox import box, tasks
from outbox.models import Delivery, State
from outbox.tests import handlers
from tests.refusals import refused_by

pytestmark = pytest.mark.requirement("NOT-2")

NOW = datetime(2030, 1, 1, tzinfo=UTC)  # later than anything's `next_attempt_at`
HERE = "outbox.tests.handlers"


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    handlers.called.clear()
    yield
    handlers.called.clear()


def put(handler: str = "takes", key: str = "payment:1", **payload: object) -> Delivery:
    with transaction.atomic():
        box.publish(topic="payment.paid", key=key, payload=payload, handlers=[f"{HERE}.{handler}"])
    return Delivery.objects.latest("id")


def run(later: int = 0, limit: int = 10) -> int:
    """Deliver `later` seconds after NOW."""
    return box.deliver_due(now=NOW + timedelta(seconds=later), limit=limit)


@pytest.mark.django_db
class TestPublishing:
    def test_each_handler_of_a_topic_gets_a_row(self, settings: LazySettings) -> None:
        settings.REACTIONS = {"payment.paid": [f"{HERE}.takes", f"{HERE}.breaks"]}
        for _ in range(2):  # said twice, done once
            box.publish(topic="payment.paid", key="payment:1", payload={"payment": 1})
        box.publish(topic="payment.failed", key="payment:1", payload={"payment": 1})
        rows = Delivery.objects.order_by("id").values_list("topic", "handler", "payload", "state")
        assert list(rows) == [
            ("payment.paid", f"{HERE}.takes", {"payment": 1}, "WAITING"),
            ("payment.paid", f"{HERE}.breaks", {"payment": 1}, "WAITING"),
        ]

    def test_many_are_one_query(self, django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
        with django_assert_num_queries(1):
            box.publish_many(box.Message("t", f"k:{n}", {"id": n}, [f"{HERE}.takes"]) for n in range(300))
        assert Delivery.objects.count() == 300

    @pytest.mark.parametrize(
        ("sql", "rule"),
        [
            ("INSERT INTO outbox_delivery (topic, key, handler, payload, state, attempts, last_error, reason)"
             " SELECT topic, key, handler, payload, state, attempts, '', '' FROM outbox_delivery", "delivery_once"),
            ("UPDATE outbox_delivery SET payload = '{}'", "outbox_delivery_frozen"),
            ("UPDATE outbox_delivery SET key = 'x'", "outbox_delivery_frozen"),
            ("DELETE FROM outbox_delivery", "outbox_delivery_frozen"),
            ("UPDATE outbox_delivery SET state = 'SENDING'", "delivery_leased_while_sending"),
            ("UPDATE outbox_delivery SET state = 'DONE'", "delivery_done_has_its_time"),
            ("UPDATE outbox_delivery SET state = 'LOST'", "delivery_state_known"),
        ],
    )  # fmt: skip
    def test_rules(self, sql: str, rule: str) -> None:
        put(payment=1)
        assert refused_by(sql) == rule

    def test_sending_again_needs_a_reason(self) -> None:
        first = put(payment=1)
        sql = (
            "INSERT INTO outbox_delivery (topic, key, handler, payload, state, attempts, last_error, reason, again_of_id)"
            " VALUES ('t', 'k', 'h', '{}', 'WAITING', 0, '', '', %s)"
        )
        assert refused_by(sql, [first.pk]) == "delivery_sent_again_for_a_reason"


@pytest.mark.django_db
class TestDelivering:
    def test_what_returns_is_done(self) -> None:
        delivery = put(payment=1)
        assert (run(), run()) == (1, 0)
        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts, delivery.lease_token) == (State.DONE, 1, None)
        assert handlers.called == [{"payment": 1}]

    def test_the_refused_is_tried_again_and_then_failed(self) -> None:
        delivery = put("refuses")
        moment = 0
        for wait in box.BACKOFF_S:
            assert run(moment) == 1
            assert run(moment + wait - 1) == 0
            moment += wait + 1
        assert run(moment) == 1
        delivery.refresh_from_db()
        assert (delivery.state, len(handlers.called)) == (State.FAILED, 5)
        assert delivery.last_error == "Refused: busy, called from ********5678"

    def test_what_is_perhaps_sent_is_never_repeated(self) -> None:
        delivery = put("breaks")
        assert (run(), run(10**6)) == (1, 0)
        delivery.refresh_from_db()
        assert (delivery.state, delivery.last_error) == (State.DOUBTFUL, "TimeoutError: no answer")

    def test_a_handler_that_does_not_exist_was_certainly_not_called(self) -> None:
        delivery = put("nowhere")
        run()
        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts) == (State.WAITING, 1)

    def test_a_worker_that_died_leaves_doubt(self) -> None:
        delivery = put()
        assert box.claim(now=NOW) == delivery
        assert run(settings.OUTBOX_LEASE_S - 1) == 0
        assert run(settings.OUTBOX_LEASE_S) == 0
        delivery.refresh_from_db()
        assert (delivery.state, handlers.called) == (State.DOUBTFUL, [])

    def test_a_result_without_the_token_is_not_written(self) -> None:
        delivery = put("loses_its_lease")
        run()
        delivery.refresh_from_db()
        assert (delivery.state, delivery.last_error) == (State.DOUBTFUL, "taken over")

    def test_a_token_of_another_claim_writes_nothing(self) -> None:
        claimed = put()
        box.claim(now=NOW)
        claimed.lease_token = uuid.uuid4()
        box._finish(claimed, state=State.DONE, done_at=NOW)
        claimed.refresh_from_db()
        assert claimed.state == State.SENDING

    def test_one_that_fails_does_not_stop_the_others(self) -> None:
        put("breaks", key="1")
        put("takes", key="2")
        assert run() == 2
        assert list(Delivery.objects.order_by("id").values_list("state", flat=True)) == ["DOUBTFUL", "DONE"]

    @pytest.mark.parametrize(("handler", "said"), [("quotes_nul", "no\ufffd"), ("quotes_half_a_letter", "no?")])
    def test_a_refusal_in_words_that_no_database_keeps_is_a_refusal(self, handler: str, said: str) -> None:
        """Else it ended the run of all others, and was doubtful when its lease was over."""
        first = put(handler, key="1")
        put("takes", key="2")
        assert run() == 2
        first.refresh_from_db()
        assert (first.state, first.last_error) == (State.WAITING, f"Refused: {said}")
        assert list(Delivery.objects.order_by("id").values_list("state", flat=True)) == ["WAITING", "DONE"]


@pytest.mark.django_db
class TestSendingAgain:
    def test_a_doubtful_one_is_sent_again_once_and_audited(self) -> None:
        old = put("breaks", payment=1)
        run()
        new = Delivery.objects.get(pk=box.send_again(delivery_id=old.pk, reason=" asked ", actor="user:3", now=NOW))
        assert (new.again_of, new.reason, new.payload, new.state) == (old, "asked", {"payment": 1}, State.WAITING)
        entry = apps.get_model("audit", "Entry").objects.get(action="outbox.sent_again")
        assert (entry.actor, entry.subject, entry.data["reason"]) == ("user:3", f"delivery:{old.pk}", "asked")
        with pytest.raises(Refusal) as refusal:
            box.send_again(delivery_id=old.pk, reason="asked", actor="user:3", now=NOW)
        assert refusal.value.code == "cannot_send_again"
        assert run() == 1
        box.send_again(delivery_id=new.pk, reason="once more", actor="user:3", now=NOW)

    def test_not_without_reason_and_not_what_was_sent(self) -> None:
        done = put()
        run()
        with pytest.raises(Refusal, match="say why"):
            box.send_again(delivery_id=done.pk, reason=" ", actor="user:3", now=NOW)
        with pytest.raises(Refusal, match="Only a failed or doubtful"):
            box.send_again(delivery_id=done.pk, reason="asked", actor="user:3", now=NOW)


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_a_transaction_is_needed_to_publish_and_refused_to_deliver(self) -> None:
        with pytest.raises(RuntimeError, match="must run inside a transaction"):
            box.publish(topic="t", key="k", payload={})
        put()
        with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
            run()

    def test_the_claim_is_committed_before_sending(self) -> None:
        with transaction.atomic():
            id = put("takes", key="1").pk + 1
            put("looks", key="2", id=id)
        assert run() == 2
        assert Delivery.objects.get(pk=id).state == State.DONE

    def test_four_workers_send_each_delivery_once(self) -> None:
        with transaction.atomic():
            box.publish_many(box.Message("t", f"k:{n}", {"id": n}, [f"{HERE}.takes"]) for n in range(40))

        def work(_: int) -> int:
            try:
                return run(limit=100)
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as workers:
            counts = list(workers.map(work, range(4)))
        assert sum(counts) == 40
        assert sorted(payload["id"] for payload in handlers.called) == list(range(40))  # type: ignore[type-var]
        assert not Delivery.objects.exclude(state=State.DONE).exists()


# --- What waits for other servers ---


@pytest.mark.django_db(transaction=True)
def test_what_waits_for_others_holds_up_nothing_else(settings: LazySettings) -> None:
    settings.OUTBOX_SLOW = [f"{HERE}.refuses"]
    put("refuses", key="slow")
    put("takes", key="quick")
    assert box.deliver_due(now=NOW, limit=10, slow=False) == 1
    assert [delivery.state for delivery in Delivery.objects.order_by("id")] == ["WAITING", "DONE"]
    assert box.deliver_due(now=NOW, limit=10, slow=True) == 1
    assert Delivery.objects.filter(attempts=0).count() == 0


@pytest.mark.django_db(transaction=True)
def test_only_so_many_workers_wait_for_others(settings: LazySettings) -> None:
    settings.OUTBOX_SLOW = [f"{HERE}.takes"]
    put("takes")

    def elsewhere() -> None:
        try:
            tasks.deliver_slow()
        finally:
            connection.close()

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, 0)", [key_of("outbox.deliver_slow")])
        with ThreadPoolExecutor(1) as pool:
            pool.submit(elsewhere).result()
            assert Delivery.objects.get().state == State.WAITING
            cursor.execute("SELECT pg_advisory_unlock(%s, 0)", [key_of("outbox.deliver_slow")])
            pool.submit(elsewhere).result()
    assert Delivery.objects.get().state == State.DONE


@pytest.mark.django_db(transaction=True)
def test_what_may_be_repeated_is_repeated_when_its_worker_died(settings: LazySettings) -> None:
    settings.OUTBOX_REPEATABLE = [f"{HERE}.takes"]
    put("takes", key="ours")
    put("breaks", key="theirs")
    assert [box.claim(now=NOW) is not None for _ in range(2)] == [True, True]
    assert box.deliver_due(now=NOW + timedelta(seconds=box.REPEATABLE_LEASE_S), limit=10) == 1
    assert [delivery.state for delivery in Delivery.objects.order_by("id")] == ["DONE", "SENDING"]
    box.deliver_due(now=NOW + timedelta(seconds=settings.OUTBOX_LEASE_S), limit=10)
    assert Delivery.objects.get(key="theirs").state == State.DOUBTFUL
    assert len(handlers.called) == 1


@pytest.mark.django_db(transaction=True)
def test_what_kills_every_worker_is_not_repeated_for_ever(settings: LazySettings) -> None:
    settings.OUTBOX_REPEATABLE = [f"{HERE}.takes"]
    put("takes")
    deaths = 0
    while box.claim(now=NOW + deaths * timedelta(seconds=box.REPEATABLE_LEASE_S)):
        deaths += 1
        assert deaths <= 10
        box.doubt_abandoned(now=NOW + deaths * timedelta(seconds=box.REPEATABLE_LEASE_S))
    assert (deaths, Delivery.objects.get().state) == (box.MOST_DEATHS, State.DOUBTFUL)
    assert handlers.called == []
