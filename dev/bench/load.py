"""A client that costs little: requests are bytes made before, connections stay open, one loop of epoll drives them.

It shares the processors with what it measures, so whatever it does itself would be counted against the product.
"""

import re
import selectors
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from dev import processes
from dev.places import Unusable

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PATIENCE_S = 20.0


@dataclass(slots=True)
class Done:
    """How long each answer took, in seconds, and how long all of it."""

    took: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.took) / self.seconds


@dataclass(slots=True)
class _Line:
    """One connection: what it waits for, and since when."""

    socket: socket.socket
    began: float = 0.0
    read: bytes = b""


def request(method: str, path: str, *, port: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {processes.LOOPBACK}:{port}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def run(port: int, requests: Sequence[bytes], *, clients: int, seconds: float = 0.0, status: int = 200) -> Done:
    """Each client sends the next request as soon as it is answered: for so long, or (0) until each was sent once.

    Raises Unusable at the first answer of another status.
    """
    done = Done()
    waiting = _endless(requests) if seconds else iter(requests)
    with _connected(port, min(clients, len(requests))) as (lines, selector):
        began = time.perf_counter()
        ends = began + seconds if seconds else float("inf")
        for line in lines:
            _send(line, next(waiting))
        while lines:
            for line in _ready(selector, _PATIENCE_S, status):
                now = time.perf_counter()
                done.took.append(now - line.began)
                following = next(waiting, None) if now < ends else None
                if following is None:
                    lines.remove(line)
                else:
                    _send(line, following)
        done.seconds = time.perf_counter() - began
    return done


def run_at(port: int, requests: Sequence[bytes], *, clients: int, per_second: float, status: int = 200) -> Done:
    """Each request once, at its own time, whether those before it are answered or not (as long as a client is free)."""
    done, waiting, sent = Done(), list(reversed(requests)), 0
    with _connected(port, clients) as (idle, selector):
        began = time.perf_counter()
        while len(done.took) < len(requests):
            while waiting and idle and time.perf_counter() >= began + sent / per_second:
                _send(idle.pop(), waiting.pop())
                sent += 1
            patience = began + sent / per_second - time.perf_counter() if waiting and idle else _PATIENCE_S
            for line in _ready(selector, max(0.0, patience), status, idle_is_fine=bool(waiting)):
                done.took.append(time.perf_counter() - line.began)
                idle.append(line)
        done.seconds = time.perf_counter() - began
    return done


@contextmanager
def _connected(port: int, clients: int) -> Iterator[tuple[list[_Line], selectors.DefaultSelector]]:
    with ExitStack() as closing, selectors.DefaultSelector() as selector:
        lines = [
            _Line(closing.enter_context(socket.create_connection((processes.LOOPBACK, port)))) for _ in range(clients)
        ]
        for line in lines:
            line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(line.socket, selectors.EVENT_READ, line)
        yield lines, selector


def _ready(
    selector: selectors.DefaultSelector, patience_s: float, status: int, *, idle_is_fine: bool = False
) -> Iterator[_Line]:
    """Those whose whole answer has come now."""
    events = selector.select(patience_s)
    if not events and not idle_is_fine:
        raise Unusable(f"the server did not answer for {patience_s:.0f} s")
    for key, _ in events:
        if _answered(key.data, status):
            yield key.data


def _endless(requests: Sequence[bytes]) -> Iterator[bytes]:
    while True:
        yield from requests


def _send(line: _Line, request: bytes) -> None:
    line.read, line.began = b"", time.perf_counter()
    line.socket.sendall(request)


def _answered(line: _Line, status: int) -> bool:
    """Whether the whole answer is there."""
    part = line.socket.recv(262_144)
    if not part:
        raise Unusable("the server closed a connection")
    line.read += part
    head, found, body = line.read.partition(b"\r\n\r\n")
    if not found:
        return False
    if int(head[9:12]) != status:
        raise Unusable(f"answered {head[9:12].decode()}: {body[:300].decode(errors='replace')}")
    length = _LENGTH.search(head)
    return body.endswith(b"0\r\n\r\n") if length is None else len(body) >= int(length[1])
