"""Telling open pages that something changed: no row, no content. The page then fetches the server's own words.

Messages go out after the commit, together, and may be lost: pages read the state when they connect and poll every
3 s without a socket. Redis down must neither fail nor hold up a payment, so a broken layer is left alone for a while.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
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


def tell(changes: Sequence[Changed], *, now: datetime) -> None:
    """Tell the payment's page, the payer's and counterparty's pages, and the staff's lists, after the commit."""
    said = [(group, _message(change, now)) for change in changes for group in _groups(change)]
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
    return [payment_group(change.transaction_id), *people, STAFF_GROUP]


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
        async_to_sync(_send_all)(said)
    except Exception as error:
        _broken_until = time.monotonic() + _PAUSE_S
        log.warning("live.not_told", messages=len(said), error=type(error).__name__)


async def _send_all(said: Sequence[Said]) -> None:
    layer = get_channel_layer()
    async with asyncio.timeout(_TIMEOUT_S):
        await asyncio.gather(*(layer.group_send(group, message) for group, message in said))
