"""The real product as processes, for tests from outside: simulator, web, workers and beat around a database of their own.

Waiting times run at a tenth: at less, the sweeps of every second (which are not scaled) would decide how things end. Tests speak HTTP, WebSocket and SQL to it, never Python: what they see is what a
person, M-Pesa or an accountant would see.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import psycopg
import requests

from dev import processes, stack, template
from simulator.testing import Sim

CHECKOUT = Path(__file__).resolve().parent.parent
SCALE = 0.1
T = TypeVar("T")


@dataclass(frozen=True)
class Person:
    """Somebody signed in, with a token for the API and a cookie for the pages."""

    id: int
    name: str
    jwt: str
    session: str

    @property
    def api(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.jwt}"}

    @property
    def cookies(self) -> dict[str, str]:
        return {"sessionid": self.session}


class Stack:
    """A running product."""

    def __init__(self, env: dict[str, str], ports: stack.Ports, logs: Path) -> None:
        self.env, self.ports, self._logs = env, ports, logs
        self.site, self.sim = ports.site, Sim(ports.phones)
        self.resting = False
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._desk: subprocess.Popen[bytes] | None = None
        beat = ["--schedule", str(logs / "beat")]
        named = {part.name: part for part in [stack.simulator(ports), *stack.parts(ports)]}
        command = named["beat"].command
        at = command.index("--schedule")
        named["beat"] = replace(named["beat"], command=[*command[:at], *beat, *command[at + 2 :]])
        self._parts = named

    def start(self, *names: str) -> None:
        for name in names:
            part = self._parts[name]
            with (self._logs / f"{name}.log").open("ab") as log:
                self._children[name] = processes.spawn(
                    part.command, cwd=CHECKOUT, env={**self.env, **part.env}, stdout=log, stderr=log
                )
        for name in names:
            address = self._parts[name].address
            if address:
                until(lambda address=address: _answers(address), what=f"{name} to answer")

    def kill(self, name: str) -> None:
        """SIGKILL, with everything it started."""
        processes.stop([self._children.pop(name)], patience_s=0)

    def freeze(self, name: str) -> None:
        """SIGSTOP, with everything it started: alive for the system, dead for everybody else, until `thaw`."""
        os.killpg(self._children[name].pid, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        os.killpg(self._children[name].pid, signal.SIGCONT)

    def rest(self) -> None:
        """Nobody needs it for now, and its sweeps of every second take a tenth of a processor."""
        self.resting = True
        for name in self._children:
            self.freeze(name)

    def wake(self) -> None:
        self.resting = False
        for name in self._children:
            self.thaw(name)

    def stop(self) -> None:
        if self.resting:
            self.wake()  # what stands still cannot end
        desk = [self._desk] if self._desk else []
        for pipe in [pipe for one in desk for pipe in (one.stdin, one.stdout) if pipe]:
            pipe.close()
        processes.stop([*self._children.values(), *desk], patience_s=5)

    def log(self, name: str) -> str:
        return (self._logs / f"{name}.log").read_text(errors="replace")

    def people(self, *names: str) -> list[Person]:
        return [Person(**one) for one in self.ask("tests.people.let_in", list(names))]

    def command(self, name: str) -> None:
        """One of `manage.py`. Raises AssertionError where it fails."""
        self.ask("django.core.management.call_command", name)

    def ask(self, path: str, given: object) -> Any:
        """What the function of this dotted path says, called with the product's settings (tests/desk.py)."""
        desk = self._desk = self._desk or self._opened_desk()
        assert desk.stdin is not None
        assert desk.stdout is not None
        desk.stdin.write(json.dumps([path, given]).encode() + b"\n")
        desk.stdin.flush()
        for line in desk.stdout:
            if line.startswith(b"DESK "):
                said = json.loads(line.removeprefix(b"DESK "))
                assert "answer" in said, said["error"]
                return said["answer"]
        raise AssertionError(self.log("desk")[-2000:])

    def _opened_desk(self) -> "subprocess.Popen[bytes]":
        with (self._logs / "desk.log").open("ab") as log:
            command, pipe = [sys.executable, "-m", "tests.desk"], subprocess.PIPE
            return processes.spawn(command, cwd=CHECKOUT, env=self.env, stdin=pipe, stdout=pipe, stderr=log)

    def sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.env["DATABASE_URL"], autocommit=True) as connection:
            return connection.execute(query, values).fetchall()

    def deposit(self, person: Person, phone: str, amount: int = 1000) -> requests.Response:
        body = {"phoneNumber": phone, "amount": amount, "description": "Matrix"}
        return requests.post(f"{self.site}/api/deposits/initiate", json=body, headers=person.api, timeout=30)

    def status(self, person: Person, transaction_id: str) -> dict[str, Any]:
        answer = requests.get(f"{self.site}/api/deposits/status/{transaction_id}", headers=person.api, timeout=30)
        answer.raise_for_status()
        return dict(answer.json()["transaction"])

    def page(self, person: Person, path: str) -> str:
        answer = requests.get(f"{self.site}{path}", cookies=person.cookies, timeout=30)
        answer.raise_for_status()
        return answer.text


def until(found: Callable[[], T], *, what: str, within_s: float = 180.0, every_s: float = 0.05) -> T:
    """Wait for a condition that others bring about."""
    deadline = time.monotonic() + within_s
    while not (value := found()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within_s} s in vain for {what}")
        time.sleep(every_s)
    return value


@contextmanager
def running(logs: Path, *, database: str = "", redis: str = "", scale: float = SCALE) -> Iterator[Stack]:
    """The whole product on free ports, its database made for it and dropped after it.

    `database` and `redis` name servers of its own; the ones that the environment names if not given.
    """
    with (
        processes.held_port() as web,
        processes.held_port() as simulator,
        _running(logs, stack.Ports(web, simulator), database, redis, scale) as product,
    ):
        yield product


@contextmanager
def _running(logs: Path, ports: stack.Ports, database: str, redis: str, scale: float) -> Iterator[Stack]:
    name = template.name(f"stack_{os.getpid()}")
    server = database or os.environ["DATABASE_URL"]
    migrated = template.ready(server)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {migrated}")
    env = stack.environment(ports) | {
        "PUBLIC_URL": ports.site,
        "MPESA_BASE_URL": ports.phones,
        "SIMULATOR_URL": ports.phones,
        "DATABASE_URL": urlunsplit(urlsplit(server)._replace(path=f"/{name}")),
        "REDIS_URL": _other_redis(redis or os.environ["REDIS_URL"]),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "TIME_SCALE": str(scale),
        "RATE_LIMIT_CHANGES": "100000",
        "RATE_LIMIT_READS": "1000000",
    }
    product = Stack(env, ports, logs)
    try:
        product.start("simulator", "web", *stack.WORKERS, "beat")
        for queue in stack.WORKERS:
            until(lambda queue=queue: "ready." in product.log(queue), what=f"the worker for {queue} to be ready")
        yield product
    finally:
        product.stop()
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _other_redis(url: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path="/5"))


def _answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=10).status_code < 500
    except requests.RequestException:
        return False
