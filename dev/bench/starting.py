"""What our own server adds to M-Pesa's answer when a payment is started, and how many pushes a second it makes.

The limit beside it: pgbench with one client says the same SQL, start after start.
"""

import json

from dev.bench import limits, load, stage
from dev.bench.figures import Figure, milliseconds, quantile, shown
from dev.places import Unusable

ALONE = 200  # started one after the other
TOGETHER = 800
CLIENTS = 16
BY_PGBENCH = 106_000_001  # ids begin here


def measure() -> list[Figure]:
    tokens = stage.product("visiting.newcomers", ALONE + TOGETHER)
    script = _script()
    before = _by_pgbench(script, BY_PGBENCH)
    with stage.m_pesa() as address, stage.web(MPESA_BASE_URL=address, PUBLIC_URL="http://127.0.0.1:9") as port:
        requests = [_request(n, token, port) for n, token in enumerate(tokens)]
        alone = load.run(port, requests[:ALONE], clients=1)
        after = _by_pgbench(script, BY_PGBENCH + ALONE)
        together = load.run(port, requests[ALONE:], clients=CLIENTS)
    theirs = stage.product("visiting.waited_for_m_pesa", ALONE)
    added = [whole - part for whole, part in zip(alone.took[10:], theirs[10:], strict=True)]  # the first ones load code
    limit = (before + after) / 2
    ratio = quantile(sorted(added), 0.5) / limit
    return [
        *milliseconds("start", "added to M-Pesa's own answer", added, p99="≤ 50"),
        Figure("start", "pgbench, the same SQL, one start after the other", shown(limit * 1000), "ms"),
        Figure("start", "added, p50 ÷ pgbench", shown(ratio)),
        Figure("start", f"pushes accepted by the simulator, {CLIENTS} at once", shown(together.per_second), "/s"),
        *milliseconds("start", f"whole request, {CLIENTS} at once", together.took),
    ]


def _script() -> str:
    text: str = stage.product("starting.script")
    return text


def _by_pgbench(script: str, first: int) -> float:
    """Seconds for each start of so many newcomers."""
    stage.product("starting.newcomers", first, ALONE)
    head = f"\\set i :i + 1\n\\set n {first - 1} + :i\n"
    tps = limits.transactions_per_second(head + script, clients=1, each=ALONE, variables={"i": 0, "colon": ":"})
    if (done := stage.product("starting.accepted", first, ALONE)) != ALONE:
        raise Unusable(f"{done} of {ALONE} payments were started by pgbench")
    return 1 / tps


def _request(n: int, token: str, port: int) -> bytes:
    body = {"phoneNumber": f"2547{n:08d}", "amount": 100, "description": "Bench"}
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return load.request("POST", "/api/deposits/initiate", port=port, body=json.dumps(body).encode(), headers=headers)
