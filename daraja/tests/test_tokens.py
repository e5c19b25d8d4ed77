"""STK-7: one token per app, shared, sealed, fetched by one at a time, with Redis there or gone."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import redis

from daraja.errors import Refused
from daraja.tokens import LEASE_S, LONGEST_LIFE_S, WAIT_S, MemoryTokens, RedisTokens, Token, TokenStore, obtain
from lib import crypto

APP = "an-app"
MakeShared = Callable[..., RedisTokens]


class Issuer:
    """Counts what it issued. Holds the first fetch back until `go` is set."""

    def __init__(self, *, life_s: int = 3599, held: bool = False) -> None:
        self.life_s = life_s
        self.issued = 0
        self.asked = threading.Event()
        self.go = threading.Event()
        if not held:
            self.go.set()

    def fetch(self) -> Token:
        self.asked.set()
        assert self.go.wait(60)
        self.issued += 1
        return Token(f"token-{self.issued}", self.life_s)


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> TokenStore:
    if request.param == "memory":
        return MemoryTokens()
    made: RedisTokens = request.getfixturevalue("make_shared")()
    return made


@pytest.fixture
def gone() -> Iterator[str]:
    """The address of a Redis that is not there."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and stays so: nobody else gets it meanwhile
        yield f"redis://127.0.0.1:{unused.getsockname()[1]}/0"


@pytest.mark.requirement("STK-7")
def test_is_fetched_once_and_kept(store: TokenStore) -> None:
    issuer = Issuer()
    assert [obtain(store, APP, issuer.fetch) for _ in range(3)] == ["token-1"] * 3
    assert obtain(store, "another-app", issuer.fetch) == "token-2"


@pytest.mark.parametrize(
    ("life_s", "keep_s"), [(3599, LONGEST_LIFE_S), (7200, LONGEST_LIFE_S), (600, 540), (61, 1), (60, 0), (0, -60)]
)
@pytest.mark.requirement("STK-7")
def test_is_kept_fifty_minutes_and_never_to_its_end(life_s: int, keep_s: int) -> None:
    assert Token("x", life_s).keep_s == keep_s


def test_is_forgotten_in_time() -> None:
    clock = [1000.0]
    store, issuer = MemoryTokens(clock=lambda: clock[0]), Issuer()
    obtain(store, APP, issuer.fetch)
    clock[0] += LONGEST_LIFE_S - 1
    assert obtain(store, APP, issuer.fetch) == "token-1"
    clock[0] += 1
    assert obtain(store, APP, issuer.fetch) == "token-2"


def test_redis_forgets_it_in_time(make_shared: MakeShared) -> None:
    store = make_shared()
    store.put(APP, Token("x", 3599))
    assert 0 < store._redis.ttl(store._key("token", APP)) <= LONGEST_LIFE_S


def test_one_that_lives_too_shortly_is_used_and_not_kept(store: TokenStore) -> None:
    issuer = Issuer(life_s=30)
    assert obtain(store, APP, issuer.fetch) == "token-1"
    assert store.get(APP) is None


@pytest.mark.requirement("STK-7")
def test_only_the_refused_one_is_forgotten(store: TokenStore) -> None:
    store.put(APP, Token("newer", 3599))
    store.invalidate(APP, "older")
    assert store.get(APP) == "newer"
    store.invalidate(APP, "newer")
    assert store.get(APP) is None


@pytest.mark.requirement("STK-7")
def test_five_fetches_a_minute(store: TokenStore) -> None:
    issuer, began = Issuer(), time.monotonic()
    for _ in range(5):
        obtain(store, APP, issuer.fetch, fresh=True)
    with pytest.raises(Refused) as caught:
        obtain(store, APP, issuer.fetch, fresh=True)
    assert (caught.value.code, caught.value.transient) == ("token_rate", True)
    assert 59 - (time.monotonic() - began) <= (caught.value.wait_s or 0) <= 61
    assert obtain(store, APP, issuer.fetch) == "token-5", "what is known goes on being used"
    assert issuer.issued == 5


def test_the_minute_slides() -> None:
    clock = [1000.0]
    store = MemoryTokens(clock=lambda: clock[0])
    for _ in range(5):
        assert store.wait_before_fetch(APP) == 0
        clock[0] += 10
    assert store.wait_before_fetch(APP) == 11
    clock[0] += 10
    assert store.wait_before_fetch(APP) == 0
    assert store.wait_before_fetch(APP) == 11


@pytest.mark.requirement("STK-7")
def test_processes_fetch_one_at_a_time(make_shared: MakeShared) -> None:
    """Each thread has a store and a connection of its own, as processes have."""
    issuer, got = Issuer(held=True), list[str]()
    stores = [make_shared() for _ in range(10)]
    threads = [
        threading.Thread(target=lambda store=store: got.append(obtain(store, APP, issuer.fetch))) for store in stores
    ]
    for thread in threads:
        thread.start()
    assert issuer.asked.wait(60)
    issuer.go.set()
    for thread in threads:
        thread.join()
    assert got == ["token-1"] * 10


# A process of its own takes the lock and says so; what happens to it then is the test's business.
_HOLDER = """
import sys, redis
from daraja.tokens import RedisTokens
url, prefix, app = sys.argv[1:]
with RedisTokens(redis.Redis.from_url(url), bytes, bytes, prefix).lock(app) as mine:
    print(mine, flush=True)
    sys.stdin.read()
"""


@pytest.mark.requirement("STK-7", "REC-4")
def test_who_dies_fetching_holds_the_others_up_for_seconds(make_shared: MakeShared) -> None:
    store, issuer = make_shared(), Issuer()
    command = [sys.executable, "-c", _HOLDER, os.environ["REDIS_URL"], store._prefix, APP]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "True\n"
        began = time.monotonic()
        holder.send_signal(signal.SIGKILL)
    assert obtain(store, APP, issuer.fetch) == "token-1"
    assert time.monotonic() - began < LEASE_S + WAIT_S  # without its end they would wait in vain


@pytest.mark.requirement("STK-7")
def test_a_slow_fetch_is_one_fetch(make_shared: MakeShared) -> None:
    """M-Pesa takes far longer than the lease, and nobody asks it beside the one who waits for it.

    The lease is long enough for a thread that is to renew it and does not get a processor.
    """
    stores = [make_shared(lease_s=1.5) for _ in range(5)]
    issuer, got = Issuer(held=True), list[str]()
    threads = [
        threading.Thread(target=lambda store=store: got.append(obtain(store, APP, issuer.fetch))) for store in stores
    ]
    for thread in threads:
        thread.start()
    assert issuer.asked.wait(60)
    key, renewed = stores[0]._key("lock", APP), 0
    left, until = stores[0]._redis.pttl(key), time.monotonic() + 60
    while renewed < 3 and time.monotonic() < until:  # each renewal is time that the lease alone would not have had
        before, left = left, stores[0]._redis.pttl(key)
        assert left > 0
        renewed += left > before
    assert renewed == 3
    issuer.go.set()
    for thread in threads:
        thread.join()
    assert (got, issuer.issued) == (["token-1"] * 5, 1)


@pytest.mark.requirement("STK-7")
def test_a_death_is_no_stampede(make_shared: MakeShared) -> None:
    """The lease of a dead process ends for all who wait at the same moment: one of them fetches."""
    stores, issuer, got = [make_shared() for _ in range(10)], Issuer(), list[str]()
    stores[0]._redis.set(stores[0]._key("lock", APP), "a dead process", px=300)
    threads = [
        threading.Thread(target=lambda store=store: got.append(obtain(store, APP, issuer.fetch))) for store in stores
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (got, issuer.issued) == (["token-1"] * 10, 1)


def test_threads_fetch_one_at_a_time() -> None:
    store, issuer, got = MemoryTokens(), Issuer(held=True), list[str]()
    threads = [threading.Thread(target=lambda: got.append(obtain(store, APP, issuer.fetch))) for _ in range(10)]
    for thread in threads:
        thread.start()
    issuer.go.set()
    for thread in threads:
        thread.join()
    assert got == ["token-1"] * 10


def test_nobody_waits_for_ever(store: TokenStore) -> None:
    with store.lock(APP), pytest.raises(Refused) as caught:
        obtain(store, APP, Issuer().fetch, wait_s=0.1)
    assert (caught.value.code, caught.value.transient) == ("token_busy", True)


def test_a_failed_fetch_lets_the_next_one_try(store: TokenStore) -> None:
    def failing() -> Token:
        raise Refused("no_connection", "nobody there", transient=True)

    with pytest.raises(Refused):
        obtain(store, APP, failing)
    assert obtain(store, APP, Issuer().fetch) == "token-1"


@pytest.mark.requirement("STK-7")
def test_it_lies_sealed(make_shared: MakeShared) -> None:
    store = make_shared()
    store.put(APP, Token("in-clear", 3599))
    raw = store._redis.get(store._key("token", APP))
    assert b"in-clear" not in raw
    assert make_shared().get(APP) == "in-clear", "another process opens it"


@pytest.mark.parametrize("stored", [b"", b"\xff\x00 not base64", b"c2hvcnQ=", b"A" * 200])
def test_what_cannot_be_opened_is_no_token(make_shared: MakeShared, stored: bytes) -> None:
    store = make_shared()
    store._redis.set(store._key("token", APP), stored)
    assert store.get(APP) is None
    store.invalidate(APP, "anything")
    assert obtain(store, APP, Issuer().fetch) == "token-1"


def test_one_sealed_with_a_lost_key_is_no_token(make_shared: MakeShared) -> None:
    store, other = make_shared(), crypto.Keyring([crypto.new_key()])
    stranger = RedisTokens(
        store._redis, lambda b: other.seal(b, context="token"), lambda b: other.open(b, context="token"), store._prefix
    )
    stranger.put(APP, Token("theirs", 3599))
    assert store.get(APP) is None


@pytest.mark.requirement("STK-7")
def test_without_redis_each_process_goes_on_alone(make_shared: MakeShared, gone: str) -> None:
    store, issuer = make_shared(gone), Issuer()
    assert [obtain(store, APP, issuer.fetch) for _ in range(3)] == ["token-1"] * 3
    store.invalidate(APP, "token-1")
    assert obtain(store, APP, issuer.fetch) == "token-2"
    for _ in range(3):
        obtain(store, APP, issuer.fetch, fresh=True)
    with pytest.raises(Refused):
        obtain(store, APP, issuer.fetch, fresh=True)


def test_a_token_outlives_redis(make_shared: MakeShared, gone: str) -> None:
    store, other = make_shared(), make_shared()
    other.put(APP, Token("shared", 3599))
    assert store.get(APP) == "shared"
    store._redis = redis.Redis.from_url(gone)
    assert store.get(APP) == "shared", "the process goes on with the token it knows"
    store._redis.close()


def test_an_emptied_redis_costs_one_fetch(make_shared: MakeShared) -> None:
    store, issuer = make_shared(), Issuer()
    obtain(store, APP, issuer.fetch)
    store._redis.delete(store._key("token", APP))
    assert obtain(store, APP, issuer.fetch) == "token-2"


def test_a_lock_is_given_back_by_its_holder_alone(make_shared: MakeShared) -> None:
    store, other = make_shared(), make_shared()
    with store.lock(APP) as first:
        assert first
        with other.lock(APP) as second:
            assert not second
        with other.lock(APP) as third:
            assert not third, "one who did not hold it did not give it back"
    with other.lock(APP) as fourth:
        assert fourth
