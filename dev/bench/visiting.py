"""What pages cost as payments become many: two databases, of 10 thousand and a million, asked by turns.

Whatever else the machine does meanwhile meets both alike, so their ratio says what the number of payments costs.
"""

import os
import subprocess
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from dev import postgres
from dev.bench import load, stage
from dev.bench.figures import Figure, quantile, shown

FEW, MANY = 10_000, 1_000_000
_SMALL = "malipo_bench_small"
_ROUNDS, _EACH = 40, 5  # turns of each database, requests in one


def measure() -> list[Figure]:
    stage.product("many.grow", 0, FEW)
    small = _copied()
    took = stage.product("many.grow", FEW, MANY)["seconds"]
    found = [Figure("pages", f"made by COPY, {FEW:,} to {MANY:,} payments", shown(took), "s")]
    few, many = stage.product("visiting.addresses", DATABASE_URL=small), stage.product("visiting.addresses")
    with stage.web(workers=1, threads=1, DATABASE_URL=small) as port_of_few, stage.web(workers=1, threads=1) as port:
        for what in few:
            found += _figures(what, *_by_turns((port_of_few, few[what]), (port, many[what])))
    return found


def _figures(what: str, few: list[float], many: list[float]) -> list[Figure]:
    p95 = [quantile(sorted(took), 0.95) * 1000 for took in (few, many)]
    p50 = [quantile(sorted(took), 0.5) * 1000 for took in (few, many)]
    return [
        Figure("pages", f"{what}, p50 at {FEW:,}", shown(p50[0]), "ms"),
        Figure("pages", f"{what}, p50 at {MANY:,} ÷ at {FEW:,}", shown(p50[1] / p50[0])),
        Figure("pages", f"{what}, p95 at {FEW:,}", shown(p95[0]), "ms"),
        Figure("pages", f"{what}, p95 at {MANY:,} ÷ at {FEW:,}", shown(p95[1] / p95[0]), "", "≤ 1.3"),
    ]


def _by_turns(*asked: tuple[int, dict[str, Any]]) -> list[list[float]]:
    """The seconds of each request to each; those of the first round, in which servers warm up, do not count."""
    took: list[list[float]] = [[] for _ in asked]
    for turn in range(_ROUNDS + 1):
        for (port, pages), times in zip(asked, took, strict=True):
            done = load.run(port, [_request(port, pages, turn * _EACH + n) for n in range(_EACH)], clients=1)
            times.extend(done.took if turn else [])
    return took


def _request(port: int, pages: dict[str, Any], n: int) -> bytes:
    paths, cookies = pages["paths"], pages["cookies"]
    cookie = {"Cookie": f"sessionid={cookies[n % len(cookies)]}"}
    return load.request("GET", paths[n % len(paths)], port=port, headers=cookie)


def _copied() -> str:
    """The database as it is now, under another name; its address."""
    server = urlsplit(os.environ["DATABASE_URL"])
    env = {**os.environ, "PGPASSWORD": server.password or ""}
    address = ["-h", server.hostname, "-p", server.port, "-U", server.username, "-d", "postgres", "-q"]
    made = f"CREATE DATABASE {_SMALL} TEMPLATE {server.path.lstrip('/')}"
    for statement in (f"DROP DATABASE IF EXISTS {_SMALL} WITH (FORCE)", made):
        command = [postgres.program("psql"), *address, "-c", statement]
        subprocess.run([str(part) for part in command], env=env, check=True, stderr=subprocess.DEVNULL)
    return urlunsplit(server._replace(path=f"/{_SMALL}"))
