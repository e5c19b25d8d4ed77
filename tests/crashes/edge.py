"""The edge of a process: what it does to the world, step by step, and where it dies.

A process that dies can be told from one that lives only by what it wrote, sent and committed. So the steps counted
here (each writing statement, each COMMIT, each HTTP request before it is sent and before its answer is read, each
writing word to Redis) are all the places where dying makes a difference; between two of them all deaths are the same.
Reads and locks are no steps: they end with the transaction. Nothing is faked, only watched and cut off with SIGKILL.
"""

import os
import re
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import redis
import redis.asyncio
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.backends.signals import connection_created
from urllib3.connection import HTTPConnection

_WRITES = re.compile(r'\s*(INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)', re.IGNORECASE)
_REDIS_READS = {"GET", "HELLO", "CLIENT", "AUTH", "SELECT", "PING", "SUBSCRIBE", "UNSUBSCRIBE", "INFO", "TTL"}


@dataclass
class Edge:
    """Dies at a step: `at` is its number ("7") or its name ("COMMIT", "COMMIT #2", "after COMMIT")."""

    at: str
    report: Callable[[str], None]
    seen: Counter[str] = field(default_factory=Counter)
    last: str = ""

    def step(self, label: str, action: Callable[[], Any]) -> Any:
        self.last = label
        self.seen[label] += 1
        times = self.seen[label]
        names = {f"{label} #{times}" if times > 1 else label, str(self.seen.total())}
        self.report(label)
        if self.at in names:
            die()
        done = action()
        if self.at in {f"after {name}" for name in names}:
            die()
        return done


def die() -> None:
    """Without a word, as a process that is killed: the operating system closes its sockets."""
    os.kill(os.getpid(), signal.SIGKILL)


def watch(edge: Edge) -> None:
    """Count the steps of this process from now on."""
    _watch_sql(edge)
    _watch_http(edge)
    _watch_redis(edge)


def _watch_sql(edge: Edge) -> None:
    def statement(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found = _WRITES.match(sql)
        if not found:
            return execute(sql, params, many, context)
        label = f"{found[1].split()[0].upper()} {found[2]}"
        return edge.step(label, lambda: execute(sql, params, many, context))

    def connected(connection: DatabaseWrapper, **_: Any) -> None:
        connection.execute_wrappers.append(statement)

    commit = DatabaseWrapper._commit
    connection_created.connect(connected, weak=False)
    DatabaseWrapper._commit = lambda self: edge.step("COMMIT", lambda: commit(self))


def _watch_http(edge: Edge) -> None:
    request, getresponse = HTTPConnection.request, HTTPConnection.getresponse

    def sent(self: HTTPConnection, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        self.asked = url.partition("?")[0]
        edge.step(f"send {self.asked}", lambda: request(self, method, url, *args, **kwargs))

    def answered(self: HTTPConnection) -> Any:
        return edge.step(f"await {self.asked}", lambda: getresponse(self))

    HTTPConnection.request, HTTPConnection.getresponse = sent, answered


def _watch_redis(edge: Edge) -> None:
    send, send_later = redis.Connection.send_command, redis.asyncio.Connection.send_command

    def said(self: redis.Connection, *args: Any, **kwargs: Any) -> Any:
        return _redis_step(edge, args, lambda: send(self, *args, **kwargs))

    def said_later(self: redis.asyncio.Connection, *args: Any, **kwargs: Any) -> Any:
        return _redis_step(edge, args, lambda: send_later(self, *args, **kwargs))

    redis.Connection.send_command, redis.asyncio.Connection.send_command = said, said_later


def _redis_step(edge: Edge, args: tuple[Any, ...], action: Callable[[], Any]) -> Any:
    """What is published in one go is one step: of its parts, none leaves anything behind."""
    word = str(args[0]).split()[0].upper()
    label = f"redis {word}"
    in_one_go = word == "PUBLISH" and edge.last == label
    return action() if word in _REDIS_READS or in_one_go else edge.step(label, action)
