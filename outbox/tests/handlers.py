"""Handlers for tests: what they were called with, and what they do, stands in the payload."""

from collections.abc import Mapping

from django.db import connection

from outbox import Refused
from outbox.models import Delivery, State

called: list[Mapping[str, object]] = []


def takes(payload: Mapping[str, object]) -> None:
    called.append(payload)


def refuses(payload: Mapping[str, object]) -> None:
    called.append(payload)
    raise Refused("busy, called from 254712345678")


def quotes_nul(payload: Mapping[str, object]) -> None:
    """A gateway refused it in words of its own, which no database keeps."""
    raise Refused("no\x00")


def quotes_half_a_letter(payload: Mapping[str, object]) -> None:
    raise Refused("no\ud800")


def breaks(payload: Mapping[str, object]) -> None:
    called.append(payload)
    raise TimeoutError("no answer")


def looks(payload: Mapping[str, object]) -> None:
    """Nothing is open while it sends, and the claim is there for all to see."""
    assert not connection.in_atomic_block
    assert Delivery.objects.get(pk=payload["id"]).state == State.SENDING
    called.append(payload)


def loses_its_lease(payload: Mapping[str, object]) -> None:
    """Another worker came, found the lease over, and said so."""
    words = "taken over"
    Delivery.objects.filter(state=State.SENDING).update(
        state=State.DOUBTFUL, lease_token=None, lease_until=None, last_error=words
    )
