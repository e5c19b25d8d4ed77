"""The processes that are measured, started by the lines of `Procfile`, and the product's own code in one of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from dev import processes, procfile
from dev.places import CHECKOUT, RUN, Unusable

_PATIENCE_S = 40.0


def environment(**more: str) -> dict[str, str]:
    """Of every process of the bench: no limits of requests, no log of what is asked a thousand times a second."""
    limits = {"RATE_LIMIT_CHANGES": "100000000", "RATE_LIMIT_READS": "100000000"}
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "LOG_LEVEL": "ERROR", **limits, **more}


def product(what: str, *arguments: object, **more: str) -> Any:
    """Run a part of `dev.bench.product` to its end; its last line is its answer."""
    command = [sys.executable, "-m", "dev.bench.product", what, *map(str, arguments)]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment(**more), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def product_beside(what: str, *arguments: object) -> "subprocess.Popen[bytes]":
    """The same, while other things go on; `answer_of` waits for its end."""
    command = [sys.executable, "-m", "dev.bench.product", what, *map(str, arguments)]
    return processes.spawn(command, cwd=CHECKOUT, env=environment(), stdout=subprocess.PIPE)


def answer_of(process: "subprocess.Popen[bytes]") -> Any:
    said, _ = process.communicate(timeout=300)
    if process.returncode:
        raise Unusable("a part of the bench broke; what it said stands above")
    return json.loads(said.decode().strip().splitlines()[-1])


@contextmanager
def web(*, workers: int = 2, threads: int = 8, **more: str) -> Iterator[int]:
    """Plain HTTP. The port."""
    with _served("pages", "--workers", workers, "--blocking-threads", threads, **more) as port:
        yield port


@contextmanager
def hooks(*, workers: int = 2, **more: str) -> Iterator[int]:
    """M-Pesa's calls alone. The port."""
    with _served("hooks", "--workers", workers, **more) as port:
        yield port


@contextmanager
def m_pesa() -> Iterator[str]:
    """The simulator. Its address, for MPESA_BASE_URL."""
    port = processes.free_port()
    command = [sys.executable, "manage.py", "simulator", "--port", port]
    with running(command, "simulator", {}, port=port):
        yield f"http://{processes.LOOPBACK}:{port}"


@contextmanager
def sockets(**more: str) -> Iterator[int]:
    """WebSockets. The port."""
    with _served("sockets", **more) as port:
        yield port


@contextmanager
def worker(**more: str) -> Iterator[None]:
    """Celery's workers, and beat."""
    schedule = ("--schedule", RUN / "bench-schedule")
    with ExitStack() as parts:
        for name, options in (("money", ()), ("news", ()), ("beat", schedule)):
            line = procfile.process(name, *options)
            parts.enter_context(running(line.command, name, {**line.env, **more, "PYTHONWARNINGS": "ignore"}))
        yield


@contextmanager
def _served(name: str, *options: object, **more: str) -> Iterator[int]:
    port = processes.free_port()
    line = procfile.process(name, *options, port=port)
    with running(line.command, name, {**line.env, **more}, port=port):
        yield port


@contextmanager
def running(command: list[Any], name: str, more: Mapping[str, str], *, port: int = 0) -> Iterator[None]:
    """A process, from when its port is taken to the end of the block; what it says stands in .run/bench-<name>.log."""
    RUN.mkdir(exist_ok=True)
    with (RUN / f"bench-{name}.log").open("wb") as log:
        process = processes.spawn(
            [str(part) for part in command], cwd=CHECKOUT, env=environment(**more), stdout=log, stderr=log
        )
        try:
            _wait_for(process, port, name)
            yield
        finally:
            processes.stop([process], patience_s=8)


def _wait_for(process: "subprocess.Popen[bytes]", port: int, name: str) -> None:
    ends = time.monotonic() + _PATIENCE_S
    while port and not processes.is_taken(port):
        if time.monotonic() > ends or process.poll() is not None:
            raise Unusable(f"a process did not start: its log is .run/bench-{name}.log")
        time.sleep(0.1)
