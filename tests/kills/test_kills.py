"""Processes die while payments flow: nothing is lost, nothing is doubled, and everything ends as M-Pesa's books say.

Rows remember, Celery only wakes: whoever comes back takes up what is due (REC-4). The oracle is the simulator.
"""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import redis
import requests

from tests.stack import Person, Stack, until

pytestmark = [pytest.mark.requirement("REC-4", "P76", "OPS-1")]
PAYERS = 12


@pytest.fixture
def payers(product: Stack, request: pytest.FixtureRequest) -> list[Person]:
    return product.people(*(f"{request.node.name}{number}" for number in range(PAYERS)))


def flow(product: Stack, payers: list[Person], first: int) -> None:
    """Deposits of KES 100 that end by themselves; a request that dies with the web process is part of the story."""

    def pay(numbered: tuple[int, Person]) -> None:
        number, person = numbered
        try:
            product.deposit(person, f"254180000{first + number:03d}", 100)
        except requests.RequestException:
            return

    with ThreadPoolExecutor(max_workers=PAYERS) as pool:
        list(pool.map(pay, enumerate(payers)))


def ended_right(product: Stack, payers: list[Person]) -> bool:
    """All are final, and what we hold for each is what the simulator moved for its reference.

    Where the push's answer and the callback both met a dead process nobody can ask M-Pesa (REC-2): such a payment ends
    EXPIRED, and only the statement finds its money.
    """
    ids = [person.id for person in payers]
    try:
        rows = product.sql(
            "SELECT account_reference, status, received_cents, checkout_hash = '' FROM payments_payment"
            " WHERE payer_id = ANY(%s)",
            ids,
        )
    except psycopg.OperationalError:
        return False
    moved: dict[str, int] = {}
    for row in product.sim.books():
        reference = row["account_reference"]
        moved[reference] = moved.get(reference, 0) + round(float(row["amount"]) * 100)
    final = all(status not in ("SENDING", "PROMPTED") for _, status, _, _ in rows)
    return final and all(
        received == moved.get(reference, 0) or (unknown and status == "EXPIRED" and received == 0)
        for reference, status, received, unknown in rows
    )


def check(product: Stack, payers: list[Person]) -> None:
    """Every push that M-Pesa took was paid. A machine too busy to send one in time closes it unsent: no fault of a kill."""
    until(lambda: ended_right(product, payers), what="every payment to end as M-Pesa's books say", within_s=300)
    ids = [person.id for person in payers]
    paid = product.sql("SELECT count(*) FROM payments_payment WHERE payer_id = ANY(%s) AND status = 'COMPLETED'", ids)[
        0
    ][0]
    assert paid >= len(_accepted(product, payers)) >= 1
    doubled = product.sql(
        """
        SELECT f.payment_id FROM payments_paymentfact f JOIN payments_payment p ON p.id = f.payment_id
        WHERE p.payer_id = ANY(%s) AND f.kind = 'SENT' AND NOT EXISTS (
            SELECT 1 FROM payments_paymentfact r
            WHERE r.payment_id = f.payment_id AND r.kind = 'REFUSED' AND r.submission = f.submission)
        GROUP BY f.payment_id HAVING count(*) > 1
        """,
        ids,
    )
    assert doubled == []
    credited = product.sql(
        "SELECT coalesce(sum(balance_cents), 0) FROM ledger_account WHERE code = ANY(%s)",
        [f"wallet:{one}" for one in ids],
    )[0][0]
    assert credited == paid * 100_00


@pytest.mark.parametrize(("worker", "first"), [("money", 100), ("news", 500)])
def test_a_worker_is_killed(product: Stack, payers: list[Person], worker: str, first: int) -> None:
    flow(product, payers, first)
    product.kill(worker)
    product.start(worker)
    check(product, payers)


def test_money_needs_no_worker_for_news(product: Stack, payers: list[Person]) -> None:
    product.kill("news")
    flow(product, payers, 600)
    check(product, payers)
    product.start("news")


def test_beat_is_killed(product: Stack, payers: list[Person]) -> None:
    product.kill("beat")
    flow(product, payers, 200)
    product.start("beat")
    check(product, payers)


def test_redis_is_emptied(product: Stack, payers: list[Person]) -> None:
    with ThreadPoolExecutor(max_workers=1) as pool, redis.Redis.from_url(product.env["REDIS_URL"]) as client:
        flowing = pool.submit(flow, product, payers, 300)
        while not flowing.done():
            client.flushdb()
        client.flushdb()
    check(product, payers)


def test_web_is_killed_while_it_sends(product: Stack, payers: list[Person]) -> None:
    """Some requests die with it: their rows are sent by a worker, or were perhaps sent and are found by callback.

    A callback that meets no web server is lost for good (M-Pesa need not repeat it): the query finds the money.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        flowing = pool.submit(flow, product, payers, 400)
        until(lambda: _accepted(product, payers), what="a push to be answered while others are under way")
        product.kill("web")
        flowing.result()
    product.start("web")
    check(product, payers)


def _accepted(product: Stack, payers: list[Person]) -> list[object]:
    """What M-Pesa can be asked about."""
    ids = [person.id for person in payers]
    return list(product.sql("SELECT id FROM payments_payment WHERE payer_id = ANY(%s) AND checkout_hash <> ''", ids))
