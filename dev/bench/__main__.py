"""Absolute numbers say more about the machine than about the code (it is shared and noisy), so each figure with a target
is a ratio to a limit that was measured beside it, or a time. `make bench only=ack,settle` measures these parts only.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit, urlunsplit

import environ

from dev import postgres, servers
from dev.bench import acknowledging, chasing, exporting, figures, listening, polling, settling, starting, visiting
from dev.bench.figures import Figure
from dev.places import CHECKOUT, RUN, Unusable

DATABASE = "malipo_bench"
PARTS: Mapping[str, Callable[[], list[Figure]]] = {
    "ack": acknowledging.measure,
    "settle": settling.measure,
    "start": starting.measure,
    "status": polling.measure,
    "sockets": listening.measure,
    "chase": chasing.measure,
    "pages": visiting.measure,
    "export": exporting.measure,
}


def main() -> None:
    try:
        parts = chosen(sys.argv[1:])
        _refuse_production()
        servers.lend("bench")
        found = [figure for name in parts for figure in _measure(name)]
    except Unusable as refusal:
        sys.exit(str(refusal))
    print(f"\n{figures.table(found)}")
    figures.write(found, RUN / "bench.json")


def chosen(arguments: Sequence[str]) -> list[str]:
    """`only=ack,settle`, or all. Raises Unusable."""
    given = [name for argument in arguments for name in argument.removeprefix("only=").split(",") if name]
    if unknown := [name for name in given if name not in PARTS]:
        raise Unusable(f"There is no part {unknown[0]!r}. The parts are {', '.join(PARTS)}: make bench only=ack")
    return given or list(PARTS)


def _refuse_production() -> None:
    environ.Env.read_env(CHECKOUT / ".env")
    if environ.Env().bool("PRODUCTION", default=False):
        raise Unusable("make bench fills a database and loads it: it does not run where PRODUCTION is on.")


def _measure(name: str) -> list[Figure]:
    """Each part on an empty database, so that none pays for what another left."""
    began = time.monotonic()
    print(f"{name} …", flush=True)
    _empty_database()
    found = PARTS[name]()
    print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    return found


def _empty_database() -> None:
    server = urlsplit(os.environ["DATABASE_URL"])
    env = {**os.environ, "PGPASSWORD": server.password or ""}
    address = ["-h", server.hostname, "-p", server.port, "-U", server.username, "-d", "postgres", "-q"]
    for statement in (f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", f"CREATE DATABASE {DATABASE}", "CHECKPOINT"):
        command = [postgres.program("psql"), *address, "-c", statement]
        subprocess.run([str(part) for part in command], env=env, check=True, stderr=subprocess.DEVNULL)
    os.environ["DATABASE_URL"] = urlunsplit(server._replace(path=f"/{DATABASE}"))
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=CHECKOUT, check=True)


if __name__ == "__main__":
    main()
