"""What Celery wakes us for. Every task sweeps rows that are due; its message may be lost or doubled.

Two of them speak with M-Pesa, which may take long to answer. Of each there is one run at a time on a machine, so that
they can never hold all processes of its money worker (at least three): callbacks and the clock find one that is free.
"""

import socket

from celery import shared_task

from lib import clock
from lib.turns import turn
from payments import chase, inbox, unmatched

_HERE = socket.gethostname()  # a machine that hangs with its turn in hand must not stop the others


@shared_task(name="payments.drain_inbox")
def drain_inbox() -> None:
    """Until the inbox is empty, but not for ever: the next wake goes on."""
    for _ in range(50):
        if inbox.drain(now=clock.now()) < inbox.BATCH:
            return


@shared_task(name="payments.send_queued")
def send_queued() -> None:
    with turn(f"payments.send_queued on {_HERE}") as ours:
        if ours:
            chase.send_queued(now=clock.now())


@shared_task(name="payments.chase")
def ask() -> None:
    with turn(f"payments.chase on {_HERE}") as ours:
        if ours:
            chase.ask_due(now=clock.now())
            unmatched.ask_due(now=clock.now())


@shared_task(name="payments.close_overdue")
def close_overdue() -> None:
    """After an hour without workers very many are overdue; those that break are not tried for ever."""
    for _ in range(10):
        if chase.close_overdue(now=clock.now()) < chase.BATCH:
            return
