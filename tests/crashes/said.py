"""A handler of the outbox that says a word to the world: Redis keeps what was said, whoever dies after it."""

import json
from collections.abc import Mapping

import redis
from django.conf import settings

_SAID = "tests.crashes.said"
REACTIONS = {
    f"payment.{end}": ["tests.crashes.said.say"] for end in ("completed", "cancelled", "failed", "expired")
}  # what payers are told about


def say(payload: Mapping[str, object]) -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as world:
        world.rpush(_SAID, json.dumps(payload))


def everything() -> list[dict[str, object]]:
    with redis.Redis.from_url(settings.REDIS_URL) as world:
        return [json.loads(word) for word in world.lrange(_SAID, 0, -1)]


def forget() -> None:
    """All that Redis knows, tokens and their locks included: as before the first word."""
    with redis.Redis.from_url(settings.REDIS_URL) as world:
        world.flushdb()
