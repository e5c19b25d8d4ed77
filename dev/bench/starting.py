"""What our own server adds to M-Pesa's answer when a payment is started, and how many pushes a second it makes."""

import json

from dev.bench import load, stage
from dev.bench.figures import Figure, milliseconds, shown

ALONE = 200  # started one after the other
TOGETHER = 800
CLIENTS = 16


def measure() -> list[Figure]:
    tokens = stage.product("visiting.newcomers", ALONE + TOGETHER)
    with stage.m_pesa() as address, stage.web(MPESA_BASE_URL=address, PUBLIC_URL="http://127.0.0.1:9") as port:
        requests = [_request(n, token, port) for n, token in enumerate(tokens)]
        alone = load.run(port, requests[:ALONE], clients=1)
        together = load.run(port, requests[ALONE:], clients=CLIENTS)
    theirs = stage.product("visiting.waited_for_m_pesa", ALONE)
    added = [whole - part for whole, part in zip(alone.took[10:], theirs[10:], strict=True)]  # the first ones load code
    return [
        *milliseconds("start", "added to M-Pesa's own answer", added, p99="≤ 50"),
        Figure("start", f"pushes accepted by the simulator, {CLIENTS} at once", shown(together.per_second), "/s"),
        *milliseconds("start", f"whole request, {CLIENTS} at once", together.took),
    ]


def _request(n: int, token: str, port: int) -> bytes:
    body = {"phoneNumber": f"2547{n:08d}", "amount": 100, "description": "Bench"}
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return load.request("POST", "/api/deposits/initiate", port=port, body=json.dumps(body).encode(), headers=headers)
