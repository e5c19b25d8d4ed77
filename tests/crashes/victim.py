"""The process that dies: the product as it is, in a process of its own, which forks one child for each job.

`python -m tests.crashes.victim` reads a job a line (JSON), runs it in a fork that dies where it is told to, and writes
a line about its end. It holds no connection and no thread itself, so that each fork begins as a fresh process does.
"""

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from datetime import datetime
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connections  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import get_resolver  # noqa: E402

from audit import seal  # noqa: E402
from notifications import sending as notifying  # noqa: E402
from outbox import box  # noqa: E402
from payments import calls, chase, inbox, lifecycle, review, starting, unmatched  # noqa: E402
from sessions_booking import booking, reminders  # noqa: E402
from tests.crashes import edge, said  # noqa: E402
from tests.forking import in_a_fork  # noqa: E402

BROKE = 70


def _start_and_push(*, now: datetime, **order: Any) -> None:
    """As a web request: one commit writes the payment and that its push is about to be made."""
    begun = starting.start(order=starting.Start(**order), now=now, at_once=True)
    assert begun.push
    lifecycle.push(order=begun.push, caller=calls.NOBODY, now=lambda: now)


def _callback(*, path: str, body: str, now: datetime) -> None:
    answer = Client().post(path, body, content_type="application/json")
    if answer.status_code != 200:
        raise AssertionError(f"the callback was answered with {answer.status_code}")


def _click(*, path: str, body: str, headers: dict[str, str], now: datetime) -> None:
    """The web's own path: log-in, limits, start, push in a thread of its own, answer."""
    answer = Client(headers=headers).post(path, body, content_type="application/json")
    if answer.status_code not in (200, 201, 202):
        raise AssertionError(f"the request was answered with {answer.status_code}: {answer.content[:300]!r}")


def _decide(*, what: str, now: datetime, **given: Any) -> None:
    """What a person decides about a payment."""
    getattr(review, what)(now=now, **given)


# What a process of the product may be doing when it dies. `now` is the time by which rows are due.
JOBS: dict[str, Callable[..., Any]] = {
    "start": lambda *, now, **order: starting.start(order=starting.Start(**order), now=now),
    "start_and_push": _start_and_push,
    "submit": lambda *, now, payment_id: lifecycle.submit(payment_id=payment_id, now=lambda: now),
    "click": _click,
    "callback": _callback,
    "send_queued": chase.send_queued,
    "drain": inbox.drain,
    "ask": chase.ask_due,
    "ask_unmatched": unmatched.ask_due,
    "close_overdue": chase.close_overdue,
    "deliver": lambda *, now: box.deliver_due(now=now, limit=50),
    "seal": seal.seal_new,
    "decide": _decide,
    "process_again": inbox.process_again,
    "send_again": box.send_again,
    "tell_again": notifying.send_again,
    "cancel_session": booking.cancel,
    "remind": reminders.remind_due,
    "release": booking.release_due,
}


def _live(order: dict[str, Any], report: int) -> None:
    """In the fork. Does not return."""
    try:
        edge.watch(edge.Edge(order["at"], lambda label: _tell(report, label)))
        JOBS[order["job"]](now=datetime.fromisoformat(order["now"]), **order["given"])
        connections.close_all()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(BROKE)


def _tell(report: int, label: str) -> None:
    os.write(report, f"{label}\n".encode())


def _run(order: dict[str, Any]) -> dict[str, Any]:
    code, told = in_a_fork(lambda report: _live(order, report))
    return {"code": code, "steps": told.splitlines()}


def _grow_up() -> None:
    """Load once what each fork would load again; nothing of it opens a connection."""
    for name in ("channels_redis.pubsub", "config.celery", "kombu.transport.redis", "payments.providers.mpesa"):
        importlib.import_module(name)
    get_resolver().reverse_dict  # noqa: B018


def main() -> None:
    _grow_up()
    settings.REACTIONS = said.REACTIONS
    for line in sys.stdin:
        print(json.dumps(_run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
