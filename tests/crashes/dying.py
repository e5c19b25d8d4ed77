"""Has a job of the product done by a process that dies at a step of it."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.db import connection

from tests.stack import CHECKOUT, until

_NAME = "crash victim"
_CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"
_PATIENCE_S = 180
_SIGKILL = -9


@dataclass(frozen=True)
class End:
    """`steps` are those that were reached, the last one included."""

    died: bool
    steps: list[str]


class Victims:
    """Processes that do one job each; see `tests.crashes.victim`."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self._process, self._log = process, log

    def do(self, job: str, *, at: str = "", now: datetime, **given: Any) -> End:
        """`at` as in `edge.Edge`; without it the job is done to its end."""
        order = {"job": job, "at": at, "now": now.isoformat(), "given": given}
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], _PATIENCE_S)
        answer = json.loads(self._process.stdout.readline()) if ready else {"code": None, "steps": []}
        if answer["code"] not in (0, _SIGKILL):
            raise AssertionError(f"{job} ended with {answer['code']}: {self._log.read_text()[-2000:]}")
        until(_all_gone, what="the server to notice that the process is gone", every_s=0.005)
        return End(answer["code"] == _SIGKILL, answer["steps"])


def _all_gone() -> bool:
    """PostgreSQL rolls back what a dead process left open as soon as it sees that its socket is closed."""
    with connection.cursor() as cursor:
        cursor.execute(_CONNECTED, [_NAME])
        return cursor.fetchone() == (0,)


@contextmanager
def victims(log: Path, *, m_pesa: str) -> Iterator[Victims]:
    """Processes on the test's own database and Redis, and on this M-Pesa."""
    database = urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}"))
    env = {
        **os.environ,
        "DATABASE_URL": database,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LOG_LEVEL": "WARNING",
        "MPESA_BASE_URL": m_pesa,
        "PGAPPNAME": _NAME,
        "PUBLIC_URL": NOWHERE,
        "SIMULATOR_URL": m_pesa,  # whose phones show SMS
    }
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.crashes.victim"],
            cwd=CHECKOUT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            yield Victims(process, log)
        finally:
            process.kill()
            with process:
                pass


NOWHERE = "http://127.0.0.1:9"  # M-Pesa's callbacks are lost there; the tests read them in the simulator's log
