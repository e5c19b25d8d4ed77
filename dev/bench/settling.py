"""How many paid callbacks a second become money in wallets, beside pgbench saying the same SQL payment by payment."""

import time
from collections.abc import Callable
from typing import Any

from dev.bench import limits, load, stage
from dev.bench.figures import Figure, milliseconds, shown
from dev.places import Unusable

CLIENTS = 16
FIRST, BY_PGBENCH, ARRIVING = 100_000_001, 101_000_001, 103_000_001  # ids begin here
EACH = 150  # payments that each client of pgbench settles
DRAINED = 6000
WORKERS = 2
ARRIVED = 2500


def measure() -> list[Figure]:
    by_pgbench = CLIENTS * EACH
    stage.product("settling.prepare", FIRST, DRAINED)
    stage.product("settling.prepare", BY_PGBENCH, by_pgbench)
    stage.product("settling.fill", BY_PGBENCH, by_pgbench)
    limit = _limit(by_pgbench)
    stage.product("settling.fill", FIRST, DRAINED)
    begin_at = round(time.time()) + 5
    workers = [stage.product_beside("settling.drain", begin_at) for _ in range(WORKERS)]
    ends = [stage.answer_of(worker) for worker in workers]
    _prove(FIRST, DRAINED)
    drained = sum(end["drained"] for end in ends)
    arriving = _while_they_arrive()
    rate = drained / (max(end["ended"] for end in ends) - begin_at)
    return [
        Figure("settle", f"callbacks settled, {WORKERS} workers", shown(rate), "/s"),
        Figure("settle", "pgbench, the same SQL, one transaction a payment", shown(limit), "/s"),
        Figure("settle", "settled ÷ pgbench", shown(rate / limit), "", "≥ 0.5"),
        *arriving,
    ]


def _limit(by_pgbench: int) -> float:
    script = stage.product("settling.script")
    head = f"\\set i :i + 1\n\\set n {BY_PGBENCH - 1} + :client_id * {EACH} + :i\n"
    tps = limits.transactions_per_second(head + script, clients=CLIENTS, each=EACH, variables={"i": 0, "colon": ":"})
    _prove(BY_PGBENCH, by_pgbench)
    return tps


def _prove(first: int, number: int) -> None:
    settled = stage.product("settling.settled", first, number)
    if settled != number:
        raise Unusable(f"{settled} of {number} payments are settled")


def _while_they_arrive() -> list[Figure]:
    """With a web server, workers and beat as in production: as fast as they come, and then at half of that."""
    stage.product("settling.prepare", ARRIVING, 2 * ARRIVED)
    posts = stage.product("settling.post", ARRIVING, 2 * ARRIVED)
    with stage.hooks() as port, stage.worker():
        time.sleep(6)  # the worker says nothing when it is ready
        headers = {"Content-Type": "application/json"}
        requests = [load.request("POST", path, port=port, body=body.encode(), headers=headers) for path, body in posts]
        fast = _watched(lambda: load.run(port, requests[:ARRIVED], clients=CLIENTS))
        sustained = ARRIVED / fast["seconds"]
        half = _watched(lambda: load.run_at(port, requests[ARRIVED:], clients=2 * CLIENTS, per_second=sustained / 2))
    return [
        Figure("settle", "callbacks settled while they arrive, web and workers together", shown(sustained), "/s"),
        *milliseconds("settle", "from arrival to settled at half that load", half["waited"], p99="≤ 1000"),
    ]


def _watched(arrive: Callable[[], object]) -> dict[str, Any]:
    watcher = stage.product_beside("settling.watch", ARRIVED)
    time.sleep(3)
    arrive()
    seen: dict[str, Any] = stage.answer_of(watcher)
    if len(seen["waited"]) < ARRIVED:
        raise Unusable(f"{len(seen['waited'])} of {ARRIVED} callbacks were settled within a minute")
    return seen
