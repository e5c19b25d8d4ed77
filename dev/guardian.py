"""Keeps one embedded server running for as long as anybody uses it: `python -m dev.guardian <kind> <folder>`.

Whoever uses the server holds a shared lock on `users.lock`. The kernel frees it however the user ends, so there is
nothing to count and nothing to clean: when the guardian can have the lock for itself, nobody is left, and it stops
the server. If the guardian is killed, the kernel ends the server (`processes.spawn`).
"""

import argparse
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from dev import locks, postgres, redis
from dev.places import Unusable

KINDS: dict[str, Callable[..., postgres.Server | redis.Server]] = {"postgres": postgres.start, "redis": redis.start}
_LOOK_EVERY_S = 0.2


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--throwaway", action="store_true", help="not durable, and deleted at the end")
    options = parser.parse_args()
    if os.fork():
        os._exit(0)  # nobody's child: whoever starts us neither waits for us nor leaves a zombie
    signal.signal(signal.SIGTERM, _end)
    with locks.hold(options.folder / locks.GUARDIAN, shared=False):
        _guard(options.kind, options.folder, durable=not options.throwaway)


def _end(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def _guard(kind: str, folder: Path, *, durable: bool) -> None:
    state = folder / locks.STATE
    try:
        server = KINDS[kind](folder, durable=durable)
    except Unusable as refusal:
        _tell(error=str(refusal))
        return
    try:
        state.touch(mode=0o600)
        state.write_text(json.dumps({"url": server.url, "guardian": os.getpid()}))
        _tell(url=server.url)
        users = _wait_for_the_last_user(folder, server)
    finally:
        state.unlink(missing_ok=True)
        server.stop(durable=durable)
    if users:
        if not durable:
            shutil.rmtree(folder, ignore_errors=True)
        users.release()  # not before: whoever comes meanwhile waits, and then starts afresh


def _tell(**answer: str) -> None:
    """The starter reads one line; after that nobody listens."""
    print(json.dumps(answer), flush=True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def _wait_for_the_last_user(folder: Path, server: postgres.Server | redis.Server) -> locks.Held | None:
    while server.process.poll() is None:
        if held := locks.try_hold(folder / locks.USERS, shared=False):
            return held
        time.sleep(_LOOK_EVERY_S)
    return None  # the server died by itself: its users will notice


if __name__ == "__main__":
    main()
