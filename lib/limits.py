"""Rate limits (SEC-2): so many requests in a window, counted in the cache.

They fail open: without Redis nobody is kept from paying. (The log-in has a limit of its own that does not.)
"""

import time

import structlog
from django.conf import settings
from django.core.cache import cache

log = structlog.get_logger(__name__)


def spend(kind: str, who: str) -> int | None:
    """Count one request of `kind` ("change", "read", "refund"); the seconds to wait where it is over the limit."""
    allowed, window = settings.RATE_LIMITS[kind]
    slot, into = divmod(int(time.time()), window)
    key = f"limit:{kind}:{who}:{slot}"
    try:
        used = _counted(key, window)
    except Exception as error:
        log.warning("limits.not_counted", error=type(error).__name__)
        return None
    return window - into if used > allowed else None


def _counted(key: str, window: int) -> int:
    """In one trip to Redis; the cache's own `incr` makes two, and four for the first of a window."""
    place = cache.make_and_validate_key(key)
    both = cache._cache.get_client(place, write=True).pipeline(transaction=False)  # type: ignore[attr-defined]
    both.set(place, 0, ex=window, nx=True)
    both.incr(place)
    return int(both.execute()[1])
