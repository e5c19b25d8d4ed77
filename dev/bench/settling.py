"""How many paid callbacks a second become money in wallets, beside pgbench saying the same SQL payment by payment."""

import time

from dev.bench import limits, load, stage
from dev.bench.figures import Figure, milliseconds, shown
from dev.places import Unusable

CLIENTS = 16
FIRST, BY_PGBENCH, ARRIVING = 100_000_001, 101_000_001, 103_000_001  # ids begin here
EACH = 150  # payments that each client of pgbench settles
DRAINED = 6000
WORKERS = 2
ARRIVING_S = 6.0


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
    rate = drained / (max(end["ended"] for end in ends) - begin_at)
    return [
        Figure("settle", f"callbacks settled, {WORKERS} workers", shown(rate), "/s"),
        Figure("settle", "pgbench, the same SQL, one transaction a payment", shown(limit), "/s"),
        Figure("settle", "settled ÷ pgbench", shown(rate / limit), "", "≥ 0.5"),
        *_while_they_arrive(rate / 2),
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


def _while_they_arrive(per_second: float) -> list[Figure]:
    """A web server, workers and beat as in production, at half of what was measured."""
    number = round(per_second * ARRIVING_S)
    stage.product("settling.prepare", ARRIVING, number)
    posts = stage.product("settling.post", ARRIVING, number)
    with stage.web(HOOKS_ONLY="on") as port, stage.worker():
        time.sleep(6)  # the worker says nothing when it is ready
        requests = [
            load.request("POST", path, port=port, body=body.encode(), headers={"Content-Type": "application/json"})
            for path, body in posts
        ]
        watcher = stage.product_beside("settling.watch", number)
        time.sleep(3)
        done = load.run_at(port, requests, clients=32, per_second=per_second)
        waited = stage.answer_of(watcher)
    if len(waited) < number:
        raise Unusable(f"{len(waited)} of {number} callbacks were settled within a minute")
    return [
        Figure("settle", "callbacks arriving meanwhile", shown(done.per_second), "/s"),
        *milliseconds("settle", "from arrival to settled at half that load", waited, p99="≤ 1000"),
    ]
