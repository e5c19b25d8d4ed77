"""A start that loses its race for a phone again and again: each time the winner ends before the loser has looked.

Everything is awaited in PostgreSQL's own locks: the rival's row, not committed, holds the start at its INSERT, and a
lock on the wallets, asked for meanwhile, holds its next attempt before it looks. So each race is lost for certain.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.db import connection

from lib.errors import Refusal
from payments import starting
from payments.models import Payment
from payments.tests.factories import AT, UserFactory, new_phone, order, started

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("STK-6", "STK-9")]
NAMES = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password", "NAME": "dbname"}
NEW = """
    INSERT INTO payments_payment SELECT (jsonb_populate_record(row, jsonb_build_object(
        'id', nextval(pg_get_serial_sequence('payments_payment', 'id')), 'transaction_id', 'TXN_RIVAL' || %(number)s,
        'account_reference', 'RIVAL' || %(number)s, 'status', 'SENDING'
    ))).* FROM payments_payment row WHERE id = %(like)s"""

HOLD = "BEGIN; LOCK TABLE wallet_wallet IN EXCLUSIVE MODE"  # a start locks its wallet; the rival's rules only read


class Race:
    """One start in a thread, and what it meets; `other` and `holder` are somebody else's connections."""

    def __init__(self, other: "psycopg.Connection[Any]", holder: "psycopg.Connection[Any]", crowd: Any) -> None:
        self.other, self.holder, self._crowd = other, holder, crowd
        self.order = order(UserFactory(), phone=new_phone())
        self._like = started(phone=self.order.phone).pk
        self.end_rivals()
        self._rivals, self._pid = 0, 0
        self.started: Future[starting.Started] | None = None

    def lose(self) -> None:
        """The start meets a rival that is not committed yet, waits, and is refused by the rule."""
        self._rivals += 1
        self.other.execute("BEGIN")
        self.other.execute(NEW, {"number": self._rivals, "like": self._like})
        self.go_on()
        self._until(lambda: self._blocked_by(self.other))
        asked = self._crowd.submit(self.holder.execute, HOLD)
        self._until(lambda: self.holder.info.backend_pid in self._waiting())
        self.other.execute("COMMIT")
        asked.result(60)
        self._until(lambda: self._blocked_by(self.holder) or self._done())

    def end_rivals(self) -> None:
        self.other.execute("UPDATE payments_payment SET status = 'EXPIRED' WHERE status = 'SENDING'")

    def go_on(self) -> None:
        if self.started is None:
            self.started = self._crowd.submit(self._start)
        else:
            self.holder.execute("ROLLBACK")

    def result(self) -> starting.Started:
        self.go_on()
        assert self.started
        return self.started.result(60)

    def _start(self) -> starting.Started:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            self._pid = cursor.fetchone()[0]
        try:
            return starting.start(order=self.order, now=AT)
        finally:
            connection.close()

    def _done(self) -> bool:
        return self.started is not None and self.started.done()

    def _blocked_by(self, one: "psycopg.Connection[Any]") -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s = ANY(pg_blocking_pids(%s))", [one.info.backend_pid, self._pid])
            return bool(cursor.fetchone()[0])

    def _waiting(self) -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'wallet_wallet'::regclass"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            return [pid for (pid,) in cursor.fetchall()]

    @staticmethod
    def _until(holds: Callable[[], bool]) -> None:
        ends = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < ends
            time.sleep(0.002)


@pytest.fixture
def race() -> Iterator[Race]:
    login = {ours: connection.settings_dict[theirs] for theirs, ours in NAMES.items()}
    with contextlib.ExitStack() as open_ones:
        crowd = open_ones.enter_context(ThreadPoolExecutor(2))  # ends last: what it waits for is let go before
        pair = [psycopg.connect(**login, autocommit=True, options="-c lock_timeout=60s") for _ in range(2)]
        for one in pair:
            open_ones.callback(one.close)
        yield Race(*pair, crowd)


def test_who_loses_twice_is_told_what_is_true_then(race: Race) -> None:
    race.lose()
    race.end_rivals()
    race.lose()
    with pytest.raises(Refusal) as refused:
        race.result()
    assert (refused.value.code, refused.value.status) == ("phone_busy", 409)
    assert not Payment.objects.filter(payer_id=race.order.payer_id).exists()


def test_who_loses_twice_and_finds_nobody_there_has_started(race: Race) -> None:
    for _ in range(2):
        race.lose()
        race.end_rivals()
    assert race.result().created
    assert Payment.objects.get(payer_id=race.order.payer_id).status == "SENDING"


def test_who_always_loses_is_refused_after_a_few_attempts(race: Race) -> None:
    for _ in range(starting.ATTEMPTS):
        race.lose()
        race.end_rivals()
    with pytest.raises(Refusal) as refused:
        race.result()
    assert (refused.value.code, refused.value.status, refused.value.retry_after) == ("phone_busy", 409, 5)
    assert not Payment.objects.filter(payer_id=race.order.payer_id).exists()
