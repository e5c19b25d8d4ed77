"""Telling open pages that something changed: no row, no content. The page then fetches the server's own words.

Messages go out after the commit, together, and may be lost: pages read the state when they connect and poll every
3 s without a socket. Redis down must neither fail nor hold up a payment, so a broken layer is left alone for a while.
"""

import functools
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import redis
import structlog
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction

from payments.models import Payment

log = structlog.get_logger(__name__)

STAFF_GROUP = "payments.staff"
_PAUSE_S = 5.0
_TIMEOUT_S = 1.0
_broken_until = 0.0
Said = tuple[str, dict[str, Any]]  # group, message


@dataclass(frozen=True, slots=True)
class Changed:
    """A payment whose status or words changed."""

    transaction_id: str
    payer_id: int
    counterparty_id: int | None
    status: str


def changed(row: Payment) -> Changed:
    return Changed(row.transaction_id, row.payer_id, row.counterparty_id, row.status)


def payment_group(transaction_id: str) -> str:
    return f"payment.{transaction_id}"


def person_group(user_id: int) -> str:
    return f"person.{user_id}"


def who_group(user_id: int) -> str:
    """Every socket of the person's, whatever it listens to."""
    return f"who.{user_id}"


def who_changed(*, user_id: int) -> None:
    """Their sockets hang up after the commit; each page asks again, as whoever it is by then."""
    _after_commit([(who_group(user_id), {"type": "who.changed"})])


def tell(changes: Sequence[Changed], *, now: datetime) -> None:
    """Tell the payment's page, the payer's and counterparty's pages, and the staff's lists, after the commit."""
    said = [(group, _message(change, now)) for change in changes for group in _groups(change)]
    if changes:  # staff's lists read themselves again, whatever it was
        said.append((STAFF_GROUP, {**_message(changes[-1], now), "changes": len(changes)}))
    _after_commit(said)


def tell_people(user_ids: Iterable[int], said: Mapping[str, str], *, now: datetime) -> None:
    """Tell every open page of these people that something of theirs changed, after the commit.

    `said` has a `type` for the browser (`session_update`), and ids; never content.
    """
    message = {"type": "person.update", "said": {**said, "timestamp": now.isoformat()}}
    _after_commit([(person_group(user_id), message) for user_id in sorted(set(user_ids))])


def _groups(change: Changed) -> list[str]:
    people = [
        person_group(change.payer_id),
        *([person_group(change.counterparty_id)] if change.counterparty_id else []),
    ]
    return [payment_group(change.transaction_id), *people]


def _message(change: Changed, now: datetime) -> dict[str, Any]:
    said = {"transactionId": change.transaction_id, "status": change.status, "timestamp": now.isoformat()}
    return {"type": "transaction.update", **said}


def _after_commit(said: Sequence[Said]) -> None:
    if said:
        transaction.on_commit(lambda: _send(said), robust=True)


def _send(said: Sequence[Said]) -> None:
    global _broken_until
    if time.monotonic() < _broken_until:
        return
    try:
        _publish(said)
    except Exception as error:
        _broken_until = time.monotonic() + _PAUSE_S
        log.warning("live.not_told", messages=len(said), error=type(error).__name__)


def _publish(said: Sequence[Said]) -> None:
    """All in one go. `group_send` would make an event loop and a connection each time, and a round trip each message."""
    layer, prefix = get_channel_layer(), _layer()["prefix"]
    pipeline = _redis(os.getpid()).pipeline(transaction=False)
    for group, message in said:
        pipeline.publish(f"{prefix}__group__{group}", layer.serialize(message))
    pipeline.execute()


@functools.lru_cache(maxsize=4)
def _redis(process: int) -> redis.Redis:
    """Of each process its own: a fork must not share a connection."""
    return redis.Redis.from_url(_layer()["hosts"][0], socket_connect_timeout=_TIMEOUT_S, socket_timeout=_TIMEOUT_S)


def _layer() -> dict[str, Any]:
    configured: dict[str, Any] = settings.CHANNEL_LAYERS["default"]
    return dict(configured["CONFIG"])
