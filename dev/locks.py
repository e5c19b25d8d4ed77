"""Locks on files, freed by the kernel however their holder ends.

Of the three files in a server's folder, users hold USERS (shared), starters START (one at a time), and its guardian
holds GUARDIAN as long as it lives.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType

USERS, START, GUARDIAN, STATE = "users.lock", "start.lock", "guardian.lock", "server.json"


class Held:
    """A lock that is held until released, or until this process ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        os.close(self._descriptor)

    def is_at(self, path: Path) -> bool:
        """Whether others who look there meet this lock: its file may have been deleted while we waited."""
        return path.exists() and os.path.samestat(os.fstat(self._descriptor), path.stat())

    def __enter__(self) -> "Held":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def hold(path: Path, *, shared: bool) -> Held:
    """Wait for the lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
    return Held(descriptor)


def try_hold(path: Path, *, shared: bool) -> Held | None:
    """The lock, or None where somebody else has it. Raises FileNotFoundError where nobody ever had it."""
    descriptor = os.open(path, os.O_RDWR)  # never creates: the folder may be just being deleted
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return Held(descriptor)
