"""Telling open pages that something changed: no row, no content. The page then fetches the server's own words.

Messages go out after the commit, together, and may be lost: pages read the state when they connect and poll every
3 s without a socket. Redis down must neither fail nor hold up a payment, so a broken layer is left alone for a while.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

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
    if changes:
        transaction.on_commit(lambda: _send(changes, now), robust=True)


def _send(changes: Sequence[Changed], now: datetime) -> None:
    global _broken_until
    if time.monotonic() < _broken_until:
        return
    try:
        async_to_sync(_send_all)(changes, now.isoformat())
    except Exception as error:
        _broken_until = time.monotonic() + _PAUSE_S
        log.warning("live.not_told", changes=len(changes), error=type(error).__name__)


async def _send_all(changes: Sequence[Changed], timestamp: str) -> None:
    layer = get_channel_layer()
    sends = []
    for change in changes:
        message = {
            "type": "transaction.update",
            "transactionId": change.transaction_id,
            "status": change.status,
            "timestamp": timestamp,
        }
        groups = [payment_group(change.transaction_id), person_group(change.payer_id), STAFF_GROUP]
        if change.counterparty_id:
            groups.append(person_group(change.counterparty_id))
        sends += [layer.group_send(group, message) for group in groups]
    async with asyncio.timeout(_TIMEOUT_S):
        await asyncio.gather(*sends)
