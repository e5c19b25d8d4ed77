"""Misfortunes, one after the other: processes die and come back, freeze and thaw; M-Pesa has a bad minute.

Called from the main thread only: children are tied to the thread that starts them (`dev.processes.spawn`).
"""

import shutil
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from dev import postgres, processes, redis, stack
from dev.places import home
from tests.chaos.plan import Misfortune
from tests.stack import Stack


class Servers:
    """A PostgreSQL that survives being killed and a Redis that forgets: of this run alone."""

    def __init__(self) -> None:
        self.folder = home() / f"chaos-{threading.get_native_id()}"
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("postgres", "redis"):
            (self.folder / name).mkdir(parents=True)
        self._held = ExitStack()  # the ports, while their servers are away
        port, other = (self._held.enter_context(processes.held_port()) for _ in range(2))
        self.postgres = postgres.start(self.folder / "postgres", durable=True, port=port)
        self.redis = redis.start(self.folder / "redis", durable=False, again=f"redis://{processes.LOOPBACK}:{other}/0")

    def kill_postgres(self) -> None:
        """SIGQUIT is its immediate shutdown: nothing is written any more, the next start recovers from the log."""
        processes.stop([self.postgres.process], by=signal.SIGQUIT, patience_s=10)

    def start_postgres(self) -> None:
        port = int(self.postgres.url.rsplit(":", 1)[1].split("/")[0])
        self.postgres = postgres.start(self.folder / "postgres", durable=True, port=port)

    def kill_redis(self) -> None:
        processes.stop([self.redis.process], by=signal.SIGKILL, patience_s=5)

    def start_redis(self) -> None:
        self.redis = redis.start(self.folder / "redis", durable=False, again=self.redis.url)

    def stop(self) -> None:
        self.kill_redis()
        self.kill_postgres()
        self._held.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def bring(misfortune: Misfortune, product: Stack, servers: Servers) -> None:
    """Begins, lasts, and is over; the product is whole again when this returns."""
    begin, end = _table(product, servers)[misfortune.what]
    begin()
    time.sleep(misfortune.lasts_s)
    end()


def _table(product: Stack, servers: Servers) -> dict[str, tuple[Callable[[], None], Callable[[], None]]]:
    def killed(name: str) -> tuple[Callable[[], None], Callable[[], None]]:
        return lambda: product.kill(name), lambda: product.start(name)

    def frozen(name: str) -> tuple[Callable[[], None], Callable[[], None]]:
        return lambda: product.freeze(name), lambda: product.thaw(name)

    def m_pesa(refusal: str) -> tuple[Callable[[], None], Callable[[], None]]:
        return (
            lambda: product.sim.refuse("all", refusal, times=0),
            lambda: product.sim.refuse("all", None),
        )

    return {
        "web is killed": killed("web"),
        "worker for money is killed": killed("money"),
        "worker for news is killed": killed("news"),
        "beat is killed": killed("beat"),
        "Redis is killed and empty": (servers.kill_redis, servers.start_redis),
        "PostgreSQL is killed": (servers.kill_postgres, servers.start_postgres),
        "web is frozen": frozen("web"),
        "worker for money is frozen": frozen("money"),
        "worker for news is frozen": frozen("news"),
        "M-Pesa is busy": m_pesa("spike"),
        "M-Pesa breaks connections": m_pesa("closed"),
    }


def logs(product: Stack, folder: Path) -> None:
    """Kept where somebody may read them after a failure."""
    for name in ("web", *stack.WORKERS, "beat", "simulator"):
        (folder / f"{name}.txt").write_text(product.log(name))
