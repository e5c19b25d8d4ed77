"""A client that costs little: requests are bytes made before, connections stay open, one loop of epoll drives them.

It shares the processors with what it measures, so whatever it does itself would be counted against the product.
"""

import re
import selectors
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
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
    done, selector = Done(), selectors.DefaultSelector()
    lines = [_Line(socket.create_connection((processes.LOOPBACK, port))) for _ in range(min(clients, len(requests)))]
    waiting = _endless(requests) if seconds else iter(requests)
    began = time.perf_counter()
    ends = began + seconds if seconds else float("inf")
    for line in lines:
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(line.socket, selectors.EVENT_READ, line)
        _send(line, next(waiting))
    open_lines = len(lines)
    while open_lines:
        ready = selector.select(_PATIENCE_S)
        if not ready:
            raise Unusable("the server did not answer for 20 s")
        for key, _ in ready:
            line = key.data
            if not _answered(line, status):
                continue
            now = time.perf_counter()
            done.took.append(now - line.began)
            following = next(waiting, None) if now < ends else None
            if following is None:
                selector.unregister(line.socket)
                line.socket.close()
                open_lines -= 1
            else:
                _send(line, following)
    done.seconds = time.perf_counter() - began
    return done


def run_at(port: int, requests: Sequence[bytes], *, clients: int, per_second: float, status: int = 200) -> Done:
    """Each request once, at its own time, whether those before it are answered or not (as long as a client is free)."""
    done, selector = Done(), selectors.DefaultSelector()
    idle = [_Line(socket.create_connection((processes.LOOPBACK, port))) for _ in range(clients)]
    for line in idle:
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(line.socket, selectors.EVENT_READ, line)
    waiting, sent, began = list(reversed(requests)), 0, time.perf_counter()
    while len(done.took) < len(requests):
        due = began + sent / per_second
        while waiting and idle and time.perf_counter() >= due:
            _send(idle.pop(), waiting.pop())
            sent += 1
            due = began + sent / per_second
        for key, _ in selector.select(max(0.0, min(due - time.perf_counter(), 0.01)) if waiting else 1.0):
            if _answered(key.data, status):
                done.took.append(time.perf_counter() - key.data.began)
                idle.append(key.data)
    for line in idle:
        line.socket.close()
    done.seconds = time.perf_counter() - began
    return done


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
