"""Status requests, which every page without a socket makes each 3 s."""

from dev.bench import load, stage
from dev.bench.figures import Figure, milliseconds, shown

PAYMENTS = 200
CLIENTS = 16
SECONDS = 5.0


def measure() -> list[Figure]:
    tokens = stage.product("visiting.tokens", PAYMENTS)
    with stage.web() as port:
        requests = [
            load.request("GET", f"/api/deposits/status/{id}", port=port, headers={"Authorization": f"Bearer {token}"})
            for token, id in tokens
        ]
        load.run(port, requests, clients=CLIENTS, seconds=1.0)
        done = load.run(port, requests, clients=CLIENTS, seconds=SECONDS)
        nothing = [load.request("GET", "/health/live", port=port)]
        limit = load.run(port, nothing * CLIENTS, clients=CLIENTS, seconds=SECONDS / 2)
    return [
        Figure("status", "status requests answered by the API", shown(done.per_second), "/s"),
        Figure("status", "the same server, a page that does nothing", shown(limit.per_second), "/s"),
        Figure("status", "status ÷ nothing", shown(done.per_second / limit.per_second)),
        *milliseconds("status", f"status request, {CLIENTS} at once", done.took),
    ]
