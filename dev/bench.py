"""`make bench`: what the product does, as ratios of what this machine's PostgreSQL does with the same rows in one run.

Absolute numbers say more about the machine than about the code (these are shared and noisy), so each figure stands
beside a `pgbench` run of the same statement with the same number of clients. Written to .run/bench.json as well.
"""

import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dev import postgres, processes, servers
from dev.places import CHECKOUT, RUN, Unusable

CLIENTS = 16
SECONDS = 5.0
PAYMENTS = 400
_INSERT = """
INSERT INTO payments_callback (kind, environment, payment_id, submission, verdict, verdict_reason, path, address,
    body_sealed, size, received_at, state, attempts, next_attempt_at, outcome, error, checkout_hash)
VALUES ('STK', 'sandbox', 1, 1, 'TRUSTED', 'token', '/hooks/', '127.0.0.1',
    decode(repeat('ab', 520), 'hex'), 490, now(), 'DONE', 0, now(), '', '', '');
"""


def main() -> None:
    try:
        servers.lend("bench")
    except Unusable as refusal:
        sys.exit(str(refusal))
    run("migrate", lambda: subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=CHECKOUT, check=True))
    prepared = json.loads(_in_django("prepare", str(PAYMENTS)))
    limit = run("pgbench, one insert", pgbench)
    acknowledged = run("callbacks acknowledged", lambda: acknowledge(prepared))
    settled = run("callbacks settled", lambda: json.loads(_in_django("settle")))
    figures = {
        "pgbench_inserts_per_s": round(limit),
        "callbacks_acknowledged_per_s": round(acknowledged["per_s"]),
        "acknowledged_over_pgbench": round(acknowledged["per_s"] / limit, 2),
        "acknowledged_p50_ms": acknowledged["p50_ms"],
        "acknowledged_p99_ms": acknowledged["p99_ms"],
        "callbacks_settled_per_s": settled["per_s"],
        "queries_per_batch_of_200": settled["queries"],
    }
    show(figures)
    (RUN / "bench.json").write_text(json.dumps(figures, indent=2) + "\n")


def run(what: str, work: Callable[[], Any]) -> Any:
    """Long work says that it goes on."""
    print(f"{what} …", flush=True)
    return work()


def show(figures: dict[str, Any]) -> None:
    targets = {"acknowledged_over_pgbench": "≥ 0.35"}
    print(f"\n{'figure':34}{'measured':>12}  target")
    for name, value in figures.items():
        print(f"{name:34}{value!s:>12}  {targets.get(name, '')}")


def pgbench() -> float:
    """Transactions per second of the single insert that stores a callback."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(_INSERT)
        script.flush()
        database = urlsplit(os.environ["DATABASE_URL"])
        command = [
            postgres.program("pgbench"), "--no-vacuum", "--client", str(CLIENTS), "--jobs", "2", "--time", str(int(SECONDS)),
            "--file", script.name, "--host", str(database.hostname), "--port", str(database.port),
            "--username", str(database.username), database.path.lstrip("/"),
        ]  # fmt: skip
        env = {**os.environ, "PGPASSWORD": database.password or ""}
        done = subprocess.run([str(part) for part in command], env=env, capture_output=True, text=True, check=True)
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if found is None:
        raise Unusable(f"pgbench said no figure: {done.stdout}")
    return float(found[1])


def acknowledge(prepared: Sequence[dict[str, str]]) -> dict[str, float]:
    """Valid callbacks through the WSGI server, each stored before it is answered; the client is in Python too."""
    port = processes.free_port()
    granian = Path(sys.executable).parent / "granian"
    command = [granian, "--interface", "wsgi", "--host", processes.LOOPBACK, "--port", port, "--workers", 2,
               "--blocking-threads", 8, "--no-ws", "config.wsgi:application"]  # fmt: skip
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "LOG_LEVEL": "ERROR"}
    server = processes.spawn([str(part) for part in command], cwd=CHECKOUT, env=env, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port)
        return _load(port, prepared)
    finally:
        processes.stop([server], patience_s=5)


def _load(port: int, prepared: Sequence[dict[str, str]]) -> dict[str, float]:
    took: list[float] = []
    ends = time.monotonic() + SECONDS

    def post(number: int) -> None:
        connection = http.client.HTTPConnection(processes.LOOPBACK, port)
        while time.monotonic() < ends:
            one = prepared[number % len(prepared)]
            began = time.perf_counter()
            connection.request("POST", one["path"], one["body"], {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise Unusable(f"a callback was answered {answer.status}")
            took.append(time.perf_counter() - began)
            number += CLIENTS

    threads = [threading.Thread(target=post, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took.sort()
    at = {share: round(took[int(len(took) * share)] * 1000, 1) for share in (0.5, 0.99)}
    return {"per_s": len(took) / SECONDS, "p50_ms": at[0.5], "p99_ms": at[0.99]}


def _wait_for(port: int) -> None:
    ends = time.monotonic() + 30
    while not processes.is_taken(port):
        if time.monotonic() > ends:
            raise Unusable("the web server did not start: run `granian --interface wsgi config.wsgi:application`")
        time.sleep(0.1)


def _in_django(*arguments: str) -> str:
    """The parts that need the product's own code run in a process of their own; their last line is their answer."""
    command = [sys.executable, "-m", "dev.bench_product", *arguments]
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "LOG_LEVEL": "ERROR"}
    done = subprocess.run(command, cwd=CHECKOUT, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]


if __name__ == "__main__":
    main()
