"""Child processes that die with their parent, however it dies, and free ports on loopback."""

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
LOOPBACK = "127.0.0.1"


def spawn(
    arguments: Sequence[str | Path],
    *,
    dies_by: signal.Signals = signal.SIGTERM,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: int | None = None,
    group: int | None = None,
    stdin: int | IO[Any] | None = subprocess.DEVNULL,
    stdout: int | IO[Any] | None = None,
    stderr: int | IO[Any] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own that gets `dies_by` when we die.

    The kernel ties this to the thread that spawns: call it from the main thread only.
    """
    parent = os.getpid()

    def tie_to_parent() -> None:  # runs in the child, after it became `user`, which would undo it
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(dies_by), 0, 0, 0)
        if os.getppid() != parent:  # the parent died before it was tied
            os.kill(os.getpid(), dies_by)

    return subprocess.Popen(
        [str(argument) for argument in arguments],
        env=dict(env) if env is not None else None,
        cwd=cwd,
        user=user,
        group=group,
        extra_groups=[] if user is not None else None,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
        preexec_fn=tie_to_parent,
    )


def stop(
    children: Sequence[subprocess.Popen[bytes]], *, by: signal.Signals = signal.SIGTERM, patience_s: float
) -> None:
    """Ask all to end, wait together, then kill what is left with everything it started."""
    for child in children:
        with suppress(ProcessLookupError):
            child.send_signal(by)
    deadline = time.monotonic() + patience_s
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.wait(max(0.0, deadline - time.monotonic()))
    for child in children:
        _kill_group(child)
        child.wait()


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    """Each child leads its session, so its id names the group, and stays theirs while one of them lives.

    Where the child has ended and was waited for, and none is left, the number may be a stranger's by now.
    """
    if child.returncode is not None and Path(f"/proc/{child.pid}").exists():
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def free_port() -> int:
    """A port that was free a moment ago: whoever starts a server on it tries again with another when it is taken."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@contextmanager
def held_port() -> Iterator[int]:
    """A free port that nobody else is given meanwhile: bound, but not listened on, so that our own server can be.

    Servers say SO_REUSEADDR, as this does. It stays ours also while that server is started again.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((LOOPBACK, 0))
        yield int(holder.getsockname()[1])


def is_taken(port: int) -> bool:
    """Whether a server could not listen there now. Ports of connections that just ended do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
        return False


def holder(port: int) -> str:
    """Words for the process that listens on the port, "" where it cannot be seen (another user's)."""
    inodes = _listening_inodes(port)
    for folder in Path("/proc").glob("[0-9]*/fd"):
        if inodes & _open_files(folder):
            return f"process {folder.parent.name}: {command_line(int(folder.parent.name))[:80]}"
    return ""


def _open_files(folder: Path) -> set[str]:
    """Of a process; it opens and closes others while we look."""
    files = set()
    with suppress(OSError):
        for descriptor in folder.iterdir():
            with suppress(OSError):
                files.add(os.readlink(descriptor))
    return files


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        with suppress(OSError):
            for line in table.read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    return inodes


def command_line(process: int) -> str:
    """Its arguments, "" where there is no such process."""
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return ""
