"""A handler of the outbox that says a word to the world: Redis keeps what was said, whoever dies after it."""

import json
from collections.abc import Mapping

import redis
from django.conf import settings

_SAID = "tests.crashes.said"
# What payers are told about.
REACTIONS = {
    "payment.completed": ["tests.crashes.said.completed"],
    "payment.cancelled": ["tests.crashes.said.cancelled"],
    "payment.expired": ["tests.crashes.said.expired"],
    "session.reminder": ["tests.crashes.said.reminded"],
    "session.expired": ["tests.crashes.said.released"],
    "session.cancelled": ["tests.crashes.said.called_off"],
}


def completed(payload: Mapping[str, object]) -> None:
    _say("payment.completed", payload)


def cancelled(payload: Mapping[str, object]) -> None:
    _say("payment.cancelled", payload)


def expired(payload: Mapping[str, object]) -> None:
    _say("payment.expired", payload)


def reminded(payload: Mapping[str, object]) -> None:
    _say("session.reminder", {"payment_id": None, **payload})


def released(payload: Mapping[str, object]) -> None:
    _say("session.expired", {"payment_id": None, **payload})


def called_off(payload: Mapping[str, object]) -> None:
    _say("session.cancelled", {"payment_id": None, **payload})


def _say(topic: str, payload: Mapping[str, object]) -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as world:
        world.rpush(_SAID, json.dumps({"topic": topic, **payload}))


def everything() -> list[dict[str, object]]:
    with redis.Redis.from_url(settings.REDIS_URL) as world:
        return [json.loads(word) for word in world.lrange(_SAID, 0, -1)]


def forget() -> None:
    """All that Redis knows, tokens and their locks included: as before the first word."""
    with redis.Redis.from_url(settings.REDIS_URL) as world:
        world.flushdb()
