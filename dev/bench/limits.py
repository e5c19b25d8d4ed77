"""The limit beside each figure: `pgbench` of the embedded PostgreSQL, on the same server, in the same run."""

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from dev import postgres
from dev.places import Unusable

JOBS = 2


def transactions_per_second(
    script: str, *, clients: int, seconds: float = 0.0, each: int = 0, variables: Mapping[str, object] | None = None
) -> float:
    """Of a script, run by so many clients for so long, or so many times by each."""
    given = [part for name, value in (variables or {}).items() for part in ("--define", f"{name}={value}")]
    bounds = ["--transactions", str(each)] if each else ["--time", str(round(seconds))]
    shape = ["--no-vacuum", "--client", str(clients), "--jobs", str(JOBS), *bounds]
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        return tps(_pgbench([*shape, *given, "--file", file.name]))


def tps(told: str) -> float:
    """The figure in what pgbench prints. Raises Unusable where there is none, or a transaction failed."""
    failed = re.search(r"number of failed transactions: (\d+)", told)
    found = re.search(r"tps = ([0-9.]+)", told)
    if found is None or (failed and int(failed[1])):
        raise Unusable(f"pgbench said no figure that counts: {told}")
    return float(found[1])


def _pgbench(arguments: Sequence[str]) -> str:
    database = urlsplit(os.environ["DATABASE_URL"])
    server = ["--host", str(database.hostname), "--port", str(database.port), "--username", str(database.username)]
    command = [str(postgres.program("pgbench")), *arguments, *server, database.path.lstrip("/")]
    env = {**os.environ, "PGPASSWORD": database.password or ""}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        raise Unusable(f"pgbench failed: {done.stderr[-800:]}")
    return done.stdout
