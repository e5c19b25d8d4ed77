"""What pages cost as payments become many: 10 thousand, 100 thousand, a million."""

from typing import Any

from dev.bench import load, stage
from dev.bench.figures import Figure, quantile, shown

SIZES = (10_000, 100_000, 1_000_000)
REQUESTS = 120  # of each kind and size, one after the other


def measure() -> list[Figure]:
    found, there, p95 = [], 0, {}
    for size in SIZES:
        took = stage.product("many.grow", there, size)["seconds"]
        found.append(Figure("pages", f"made by COPY, {there:,} to {size:,} payments", shown(took), "s"))
        p95[size], there = _p95(stage.product("visiting.addresses")), size
    for what in p95[SIZES[0]]:
        for size in SIZES:
            found.append(Figure("pages", f"{what}, p95 at {size:,}", shown(p95[size][what] * 1000), "ms"))
        growth = p95[SIZES[-1]][what] / p95[SIZES[0]][what]
        found.append(Figure("pages", f"{what}, p95 at {SIZES[-1]:,} ÷ at {SIZES[0]:,}", shown(growth), "", "≤ 1.3"))
    return found


def _p95(addresses: dict[str, dict[str, Any]]) -> dict[str, float]:
    with stage.web(workers=1, threads=1) as port:
        return {what: _of(asked, port) for what, asked in addresses.items()}


def _of(asked: dict[str, Any], port: int) -> float:
    requests = [
        load.request("GET", asked["paths"][n % len(asked["paths"])], port=port, headers=_signed_in(asked, n))
        for n in range(REQUESTS)
    ]
    load.run(port, requests[:20], clients=1)
    return quantile(sorted(load.run(port, requests, clients=1).took), 0.95)


def _signed_in(asked: dict[str, Any], n: int) -> dict[str, str]:
    return {"Cookie": f"sessionid={asked['cookies'][n % len(asked['cookies'])]}"}
