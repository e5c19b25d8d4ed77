"""Locks on files, freed by the kernel however their holder ends.

Of the three files in a server's folder, users hold USERS (shared), starters START (one at a time), and its guardian
holds GUARDIAN as long as it lives.
"""

import fcntl
from io import BufferedRandom
from pathlib import Path
from types import TracebackType

USERS, START, GUARDIAN, STATE = "users.lock", "start.lock", "guardian.lock", "server.json"


class Held:
    """A lock that is held until released, closed or collected."""

    def __init__(self, file: BufferedRandom) -> None:
        self._file = file

    def release(self) -> None:
        self._file.close()

    def __enter__(self) -> "Held":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def hold(path: Path, *, shared: bool) -> Held:
    """Wait for the lock."""
    file = path.open("a+b")
    fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
    return Held(file)


def try_hold(path: Path, *, shared: bool) -> Held | None:
    """The lock, or None where somebody else has it. Raises FileNotFoundError where nobody ever had it."""
    file = path.open("r+b")  # never creates: the folder may be just being deleted
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return Held(file)
