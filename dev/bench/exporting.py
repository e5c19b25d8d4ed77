"""A report of a million payments as CSV, by both kinds of server: how fast, and how much memory it takes of theirs.

Beside it stands what PostgreSQL alone does: the same question, answered by COPY to psql. Memory is that of the server's
processes (RSS, and PSS, which shares out what several of them share), at its highest during the report less before it.
"""

import http.client
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dev import postgres, processes
from dev.bench import stage
from dev.bench.figures import Figure, shown
from dev.places import Unusable

ROWS = 1_000_000
_LIST = "/admin/payments/payment/export/"
_SAMPLED_EVERY_S = 0.1
_MB = 1024  # kB


@dataclass(slots=True)
class Memory:
    """Of a server's processes, in kB: before, and the most meanwhile."""

    rss: int
    pss: int
    most_rss: int = 0
    most_pss: int = 0


@dataclass(frozen=True, slots=True)
class Read:
    """What a client got."""

    lines: int
    megabytes: float
    first_s: float
    seconds: float


def measure() -> list[Figure]:
    stage.product("many.grow", 0, ROWS)
    seen = stage.product("exporting.seen")
    copied = _copied(seen["sql"])
    found = [Figure("export", "COPY of the same question to psql alone", shown(copied), "rows/s")]
    found += _by("WSGI (granian)", stage.web(workers=1, threads=8), seen["cookie"], copied)
    return found + _by("ASGI (uvicorn)", stage.sockets(), seen["cookie"], copied)


def _by(server: str, started: AbstractContextManager[int], cookie: str, copied: float) -> list[Figure]:
    with started as port:
        _read(port, f"{_LIST}?q=TXN_M000000001", cookie)  # what a first request loads is not the report's
        with _watched(processes_of(os.getpid(), port)) as memory:
            got = _read(port, _LIST, cookie)
    if got.lines != ROWS + 1:
        raise Unusable(f"the report by {server} has {got.lines:,} lines instead of {ROWS + 1:,}")
    speed = ROWS / got.seconds
    return [
        Figure("export", f"{server}: 1 M payments, {got.megabytes:.0f} MB", shown(speed), "rows/s"),
        Figure("export", f"{server}: ÷ COPY", shown(speed / copied), ""),
        Figure("export", f"{server}: first bytes", shown(got.first_s * 1000), "ms"),
        Figure("export", f"{server}: RSS at most above idle", shown(max(0, memory.most_rss - memory.rss) / _MB), "MB", "≤ 50"),
        Figure("export", f"{server}: PSS at most above idle", shown(max(0, memory.most_pss - memory.pss) / _MB), "MB", "≤ 50"),
    ]  # fmt: skip


def _read(port: int, path: str, cookie: str) -> Read:
    client = http.client.HTTPConnection(processes.LOOPBACK, port, timeout=120)
    began = time.perf_counter()
    client.request("GET", path, headers={"Cookie": f"sessionid={cookie}"})
    answer = client.getresponse()
    if answer.status != 200:
        raise Unusable(f"{path} was answered {answer.status}")
    lines = size = 0
    first_s = 0.0
    while piece := answer.read1(1 << 20):
        first_s = first_s or time.perf_counter() - began
        lines, size = lines + piece.count(b"\n"), size + len(piece)
    client.close()
    return Read(lines, size / 1_000_000, first_s, time.perf_counter() - began)


def _copied(sql: str) -> float:
    """Rows a second."""
    database = urlsplit(os.environ["DATABASE_URL"])
    server = ["-h", str(database.hostname), "-p", str(database.port), "-U", str(database.username)]
    command = [str(postgres.program("psql")), *server, "-d", database.path.lstrip("/"), "-qXc"]
    env = {**os.environ, "PGPASSWORD": database.password or ""}
    began = time.perf_counter()
    copy = f"COPY ({sql}) TO STDOUT WITH (FORMAT csv)"
    subprocess.run([*command, copy], env=env, check=True, stdout=subprocess.DEVNULL)
    return ROWS / (time.perf_counter() - began)


# --- The server's processes ---


def processes_of(ancestor: int, port: int) -> list[int]:
    """Those that descend from `ancestor` and were started for this port, with what they started."""
    parents = {pid: parent for pid in _running() if (parent := _parent(pid))}
    named = {pid for pid in parents if str(port) in _command(pid) and ancestor in _line(pid, parents)}
    return [pid for pid in parents if named & {pid, *_line(pid, parents)}]


def _running() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _line(pid: int, parents: dict[int, int]) -> Iterator[int]:
    while pid := parents.get(pid, 0):
        yield pid


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def _kilobytes(pids: list[int]) -> tuple[int, int]:
    """RSS and PSS of all of them."""
    rss = pss = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            rss += int(line.split()[1]) if line.startswith("Rss:") else 0
            pss += int(line.split()[1]) if line.startswith("Pss:") else 0
    return rss, pss


@contextmanager
def _watched(pids: list[int]) -> Iterator[Memory]:
    memory, over = Memory(*_kilobytes(pids)), threading.Event()

    def watch() -> None:
        while not over.wait(_SAMPLED_EVERY_S):
            rss, pss = _kilobytes(pids)
            memory.most_rss, memory.most_pss = max(memory.most_rss, rss), max(memory.most_pss, pss)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield memory
    finally:
        over.set()
        watching.join()
