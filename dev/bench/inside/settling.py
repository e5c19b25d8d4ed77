"""Callbacks from the inbox to the books, and the very SQL of it for pgbench."""

import time

from django.db import connection
from django.db.models import Max
from django.test.utils import CaptureQueriesContext

from dev.bench.inside import crowd
from lib import clock
from payments import inbox
from payments.models import Callback, Payment

_SAMPLE = crowd.FIRST + 2_000_000
_JOURNAL = 777_000_000  # an id of nothing else
_PATIENCE_S = 60.0


def prepare(first: int, number: int) -> None:
    crowd.make(first, number)
    _analyze()


def fill(first: int, number: int) -> None:
    crowd.put_into_inbox(first, number)
    _analyze()


def _analyze() -> None:
    """What autovacuum would do within a minute: plans by the sizes that the tables have."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def post(first: int, number: int) -> list[tuple[str, str]]:
    return crowd.paths_and_bodies(first, number)


def script() -> str:
    """What one payment's settlement says to PostgreSQL, from BEGIN to COMMIT, with `:n` for its number."""
    crowd.make(_SAMPLE, 2)
    crowd.put_into_inbox(_SAMPLE, 2)
    inbox._drain(now=clock.now(), limit=1, only=_SAMPLE)  # the accounts of everybody are there after it
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('ledger_journal_id_seq', %s)", [_JOURNAL])
    with CaptureQueriesContext(connection) as asked:
        inbox._drain(now=clock.now(), limit=1, only=_SAMPLE + 1)
    return "\n".join(_for_any(query["sql"]) for query in asked.captured_queries)


def _for_any(sql: str) -> str:
    """`:colon` stands for a colon before the number, where `::n` would not be read as a variable."""
    n, journal = str(_SAMPLE + 1), str(_JOURNAL + 1)
    sql = sql.replace(f":{n}", ":colon:n").replace(n, ":n").replace(journal, ":journal_id")
    return f"{sql} \\gset journal_" if "INSERT INTO ledger_journal" in sql else f"{sql};"


def settled(first: int, number: int) -> int:
    """How many of these are completed, with their money in the wallet."""
    ids = range(first, first + number)
    paid = Payment.objects.filter(pk__in=ids, status="COMPLETED", answer="GIVEN").count()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM ledger_account WHERE id BETWEEN %s AND %s AND balance_cents = %s",
            [ids[0], ids[-1], crowd.CENTS],
        )
        return min(paid, cursor.fetchone()[0])


def drain(begin_at: int) -> dict[str, float]:
    """As a worker does, beside others that begin at the same second, until nothing is left."""
    inbox.drain(now=clock.now(), limit=1)
    time.sleep(max(0.0, begin_at - time.time()))
    drained = 0
    while taken := inbox.drain(now=clock.now()):
        drained += taken
    return {"ended": time.time(), "drained": drained}


def watch(number: int) -> dict[str, object]:
    """While callbacks arrive and workers drain: how long it took in all, and each from its arrival to its commit.

    Their order is kept, so the k-th to be settled came as the k-th; how many are settled is read every 10 ms.
    """
    new = Callback.objects.filter(pk__lt=crowd.FIRST, pk__gt=_last())
    curve: list[tuple[float, int]] = []
    ends = time.time() + _PATIENCE_S
    while (not curve or curve[-1][1] < number) and time.time() < ends:
        curve.append((time.time(), new.filter(state="DONE").count()))
        time.sleep(0.01)
    came = [at.timestamp() for at in new.order_by("received_at").values_list("received_at", flat=True)]
    waited, settled = [], 0
    for seen, count in curve:
        waited += [max(seen - arrived, 0.0) for arrived in came[settled:count]]
        settled = max(settled, count)
    return {"waited": waited, "seconds": curve[-1][0] - came[0]}


def _last() -> int:
    """The callbacks of `fill` have ids far above those that arrive."""
    return int(Callback.objects.filter(pk__lt=crowd.FIRST).aggregate(last=Max("pk"))["last"] or 0)
