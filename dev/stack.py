"""The processes of a running product, as tables: what is started, where it listens, when it counts as up."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dev import processes
from dev.places import RUN, Unusable

_PYTHON = sys.executable
_BIN = Path(sys.executable).parent
# Celery's queues (config/schedule.py) and their processes: one more than may wait for other servers at once.
WORKERS = {"money": 3, "news": 2}


@dataclass(frozen=True, slots=True)
class Ports:
    """Where pages and simulated phones are."""

    web: int
    simulator: int

    @property
    def site(self) -> str:
        return f"http://{processes.LOOPBACK}:{self.web}"

    @property
    def phones(self) -> str:
        return f"http://{processes.LOOPBACK}:{self.simulator}"


@dataclass(frozen=True, slots=True)
class Part:
    """One process. `up` is the address that answers, or the words in its log, once it works."""

    name: str
    command: list[str]
    address: str = ""
    words: str = ""
    env: Mapping[str, str] = field(default_factory=dict)


def ports(read: Callable[[str], str | None] = os.environ.get) -> Ports:
    """From PORT and SIMULATOR_PORT. Raises Unusable where they are no ports, the same one, or taken."""
    chosen = {
        name: _port(name, read(name) or default) for name, default in (("PORT", "8000"), ("SIMULATOR_PORT", "8100"))
    }
    if len(set(chosen.values())) == 1:
        raise Unusable("PORT and SIMULATOR_PORT must be two different ports.")
    for name, port in chosen.items():
        if processes.is_taken(port):
            by = processes.holder(port)
            who = f" by {by}" if by else ""
            raise Unusable(f"Port {port} is taken{who}. End that, or choose another one: make run {name}={port + 1000}")
    return Ports(web=chosen["PORT"], simulator=chosen["SIMULATOR_PORT"])


def _port(name: str, text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise Unusable(f"{name} must be a port number, not {text!r}")


def environment(at: Ports) -> dict[str, str]:
    """What all processes must agree on; what the developer has set stays."""
    defaults = {
        "PUBLIC_URL": at.site,
        "MPESA_BASE_URL": at.phones,
        "SIMULATOR_URL": at.phones,
        "PYTHONUNBUFFERED": "1",
    }
    return {**defaults, **os.environ}


def preparation() -> Part:
    return Part("prepare", [_PYTHON, "-m", "dev.prepare"])


def simulator(at: Ports) -> Part:
    return Part("simulator", [_PYTHON, "manage.py", "simulator", "--port", str(at.simulator)], address=f"{at.phones}/")


def worker(queue: str, size: int) -> Part:
    """One that serves this queue alone, so that no other's backlog holds it up."""
    command = [
        str(_BIN / "celery"),
        "--quiet",
        "-A",
        "config",
        "worker",
        "--queues",
        queue,
        "--hostname",
        f"{queue}@%h",
    ]
    options = ["--concurrency", str(size), "--without-gossip", "--without-mingle"]
    return Part(queue, [*command, *options], words="ready.", env={"PYTHONWARNINGS": "ignore:You're running the worker"})


def parts(at: Ports) -> list[Part]:
    """All that need the database."""
    celery = [str(_BIN / "celery"), "--quiet", "-A", "config"]
    beat = ["beat", "--schedule", str(RUN / "celerybeat-schedule"), "--pidfile", ""]
    uvicorn = [
        str(_BIN / "uvicorn"), "config.asgi:application", "--host", processes.LOOPBACK, "--port", str(at.web),
        "--loop", "asyncio", "--no-proxy-headers", "--no-access-log", "--no-server-header", "--lifespan", "off", "--timeout-graceful-shutdown", "3", "--log-level", "warning",
    ]  # fmt: skip
    return [
        Part("web", uvicorn, address=f"{at.site}/health/live"),
        *(worker(queue, size) for queue, size in WORKERS.items()),
        Part("beat", [*celery, *beat]),
    ]
