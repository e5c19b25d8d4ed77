"""The access token: one per app, shared by all processes, fetched by one at a time (STK-7).

M-Pesa may make the old token invalid when a new one is issued, so a token is a shared thing, not a private one. A store
keeps it 50 minutes at most and never to its very end, lets one process fetch while the others wait for what it brings,
forgets a token only if it is still the one that was refused, and allows five fetches a minute per app. Who fetches
holds a short lease and renews it meanwhile: a process that dies fetching holds the others up for seconds, a slow M-Pesa
is still asked by one alone.

Redis, where the token lies sealed, is allowed to be down: each process then goes on with the token it knows and its own
lock and count. That may cost a few fetches more, never a payment. Emptying Redis costs one fetch.
"""

import base64
import binascii
import contextlib
import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any, Protocol, TypeVar

import redis

from daraja.errors import Refused, Topic
from lib.crypto import Unreadable

log = logging.getLogger(__name__)
T = TypeVar("T")

LONGEST_LIFE_S = 50 * 60
MARGIN_S = 60
FETCHES_A_MINUTE = 5
WINDOW_S = 60.0
WAIT_S = 10.0  # for another one's fetch
_LOOK_EVERY_S = 0.05
LEASE_S = 3.0  # a process that dies while fetching holds the others up this long at most
LONGEST_FETCH_S = 30.0  # longer than a fetch may take; a thread that hangs in one is not waited for any longer
_REST_S = 5.0  # Redis is not asked again for this long after it failed

_RENEW = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0"
_FORGET = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"
# A sliding window by the server's own clock. Answers 0, or the milliseconds until the oldest fetch leaves the window.
_ADMIT = """
local t = redis.call('time')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('zremrangebyscore', KEYS[1], '-inf', now - tonumber(ARGV[1]))
if redis.call('zcard', KEYS[1]) >= tonumber(ARGV[2]) then
  return tonumber(redis.call('zrange', KEYS[1], 0, 0, 'WITHSCORES')[2]) + tonumber(ARGV[1]) - now
end
redis.call('zadd', KEYS[1], now, ARGV[3])
redis.call('pexpire', KEYS[1], ARGV[1])
return 0
"""


@dataclass(frozen=True, slots=True)
class Token:
    """`life_s` is M-Pesa's `expires_in`."""

    value: str = field(repr=False)
    life_s: int

    @property
    def keep_s(self) -> int:
        """How long it may be used: at most 50 minutes, and never past expiry less a margin."""
        return min(LONGEST_LIFE_S, self.life_s - MARGIN_S)


class TokenStore(Protocol):
    """`app` names one app of one environment; it holds no secret."""

    def get(self, app: str) -> str | None:
        """The token, while it may be used."""

    def put(self, app: str, token: Token) -> None:
        """Keep a fresh token for its `keep_s`."""

    def invalidate(self, app: str, value: str) -> None:
        """Forget the token if it is still this one."""

    def lock(self, app: str) -> AbstractContextManager[bool]:
        """Tries once, without waiting: True for the one who may fetch now."""

    def wait_before_fetch(self, app: str) -> int:
        """0 and the fetch is counted, or the seconds until one more is allowed."""


def obtain(
    store: TokenStore, app: str, fetch: Callable[[], Token], *, fresh: bool = False, wait_s: float = WAIT_S
) -> str:
    """The shared token, fetched at most by one at a time; with `fresh`, a new one whatever is stored.

    Raises Refused (nothing was sent): `token_busy`, `token_rate`, or what `fetch` raises.
    """
    give_up = time.monotonic() + wait_s
    while True:
        if not fresh and (known := store.get(app)):
            return known
        with store.lock(app) as mine:
            if mine:
                return (None if fresh else store.get(app)) or _fetched(store, app, fetch)
        if time.monotonic() > give_up:
            raise Refused(
                "token_busy", "Another process is still fetching the access token", transient=True, topic=Topic.ACCESS
            )
        time.sleep(_LOOK_EVERY_S)


def _fetched(store: TokenStore, app: str, fetch: Callable[[], Token]) -> str:
    if wait_s := store.wait_before_fetch(app):
        message = f"{FETCHES_A_MINUTE} access tokens were fetched within a minute"
        raise Refused("token_rate", message, transient=True, wait_s=wait_s, topic=Topic.ACCESS)
    token = fetch()
    if token.keep_s > 0:
        store.put(app, token)
    return token.value


class MemoryTokens:
    """A store for one process. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._guard = Lock()
        self._kept: dict[str, tuple[str, float]] = {}
        self._locks: dict[str, Lock] = {}
        self._fetches: dict[str, deque[float]] = {}

    def get(self, app: str) -> str | None:
        value, until = self._kept.get(app, ("", 0.0))
        return value if value and self._clock() < until else None

    def put(self, app: str, token: Token) -> None:
        self.remember(app, token.value, token.keep_s)

    def remember(self, app: str, value: str, keep_s: float) -> None:
        """Keep a token that was fetched earlier, by whomever, for the rest of its time."""
        self._kept[app] = (value, self._clock() + keep_s)

    def invalidate(self, app: str, value: str) -> None:
        with self._guard:
            if self._kept.get(app, ("", 0.0))[0] == value:
                del self._kept[app]

    @contextmanager
    def lock(self, app: str) -> Iterator[bool]:
        with self._guard:
            lock = self._locks.setdefault(app, Lock())
        mine = lock.acquire(blocking=False)
        try:
            yield mine
        finally:
            if mine:
                lock.release()

    def wait_before_fetch(self, app: str) -> int:
        with self._guard:
            past, now = self._fetches.setdefault(app, deque()), self._clock()
            while past and past[0] <= now - WINDOW_S:
                past.popleft()
            if len(past) >= FETCHES_A_MINUTE:
                return max(1, int(past[0] + WINDOW_S - now) + 1)
            past.append(now)
            return 0


class RedisTokens:
    """`seal` and `open` bind the text to its place (their context); `client` should have short socket timeouts.

    A process that was stopped for longer than `lease_s` may bring its token beside another one's: that costs one more
    fetch, when M-Pesa calls the older one invalid.
    """

    def __init__(
        self,
        client: "redis.Redis",
        seal: Callable[[bytes], bytes],
        open: Callable[[bytes], bytes],
        prefix: str = "daraja",
        lease_s: float = LEASE_S,
    ) -> None:
        self._redis: Any = client
        self._seal = seal
        self._open = open
        self._prefix = prefix
        self._lease_ms = round(lease_s * 1000)
        self._own = MemoryTokens()
        self._down_until = 0.0

    def get(self, app: str) -> str | None:
        def read() -> str | None:
            value, until = self._opened(self._redis.get(self._key("token", app)))
            if value:
                self._own.remember(app, value, until - time.time())
            return value if time.time() < until else None

        return self._or_own(read, lambda: self._own.get(app))

    def put(self, app: str, token: Token) -> None:
        self._own.put(app, token)
        plain = f"{time.time() + token.keep_s:.0f} {token.value}".encode()
        sealed = base64.b64encode(self._seal(plain)).decode()
        self._or_own(lambda: self._redis.set(self._key("token", app), sealed, ex=token.keep_s), lambda: None)

    def invalidate(self, app: str, value: str) -> None:
        self._own.invalidate(app, value)

        def forget() -> None:
            key = self._key("token", app)
            stored = self._redis.get(key)
            if self._opened(stored)[0] == value:
                # Another process may have put a new one since the line above: only this very text is deleted.
                self._redis.eval(_FORGET, 1, key, stored)

        self._or_own(forget, lambda: None)

    @contextmanager
    def lock(self, app: str) -> Iterator[bool]:
        key, holder = self._key("lock", app), uuid.uuid4().hex
        mine = self._or_own(lambda: bool(self._redis.set(key, holder, nx=True, px=self._lease_ms)), lambda: None)
        if mine is None:
            with self._own.lock(app) as mine_here:
                yield mine_here
            return
        if not mine:
            yield False
            return
        try:
            with self._renewed(key, holder):
                yield True
        finally:
            with contextlib.suppress(redis.RedisError):
                self._redis.eval(_FORGET, 1, key, holder)

    @contextmanager
    def _renewed(self, key: str, holder: str) -> Iterator[None]:
        """A thread of its own renews the lease while its holder waits for M-Pesa; it dies with its process."""
        over, give_up = Event(), time.monotonic() + LONGEST_FETCH_S

        def renew() -> None:
            while not over.wait(self._lease_ms / 3000) and time.monotonic() < give_up:
                with contextlib.suppress(redis.RedisError):
                    self._redis.eval(_RENEW, 1, key, holder, self._lease_ms)

        thread = Thread(target=renew, name="token-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def wait_before_fetch(self, app: str) -> int:
        def admit() -> int:
            window_ms, name = int(WINDOW_S * 1000), uuid.uuid4().hex
            left_ms = self._redis.eval(_ADMIT, 1, self._key("fetches", app), window_ms, FETCHES_A_MINUTE, name)
            return -(-int(left_ms) // 1000)

        return self._or_own(admit, lambda: self._own.wait_before_fetch(app))

    def _key(self, kind: str, app: str) -> str:
        return f"{self._prefix}:{kind}:{app}"

    def _opened(self, stored: bytes | str | None) -> tuple[str, float]:
        """The token and the time (Unix seconds) it may be used until; nothing where it was sealed with a lost key."""
        if not stored:
            return "", 0.0
        try:
            until, _, value = self._open(base64.b64decode(stored, validate=True)).decode().partition(" ")
            return value, float(until)
        except (Unreadable, binascii.Error, ValueError):
            return "", 0.0

    def _or_own(self, shared: Callable[[], T], own: Callable[[], T]) -> T:
        """Ask Redis; while it is down, this process alone."""
        if time.monotonic() < self._down_until:
            return own()
        try:
            return shared()
        except redis.RedisError as error:
            self._down_until = time.monotonic() + _REST_S
            log.warning("Redis is down, the access token is kept per process: %s", type(error).__name__)
            return own()
