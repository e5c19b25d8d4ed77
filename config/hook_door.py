"""The short way for M-Pesa's callbacks, in the processes that take nothing else (settings.HOOKS_ONLY).

A callback is one insert, and Django's whole request around it costs more than it (docs/decisions/0012). So what is
plainly a callback, and needs nothing but to be stored, is stored from here together with those that come meanwhile.
Everything else goes the long way, through Django: another method or address, a strange length, host or query, http
where https is a must, bodies to be logged, forgeries and other security events. No rule stands here: what is
believed, stored and answered is said in `payments.callbacks`.

It is one loop of asyncio, and a callback on its way holds no thread: neither callers that send their bodies letter by
letter nor a database that takes its time keep others from being heard.
"""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import psycopg
import structlog
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware

from config import outage, posted, proxies, request_log
from config.posted import Receive
from lib import clock, wake
from lib.addresses import client_address
from lib.errors import Refusal
from lib.http import refuse
from payments import callbacks, hooks, storing
from payments.urls import DOCUMENTED_CALLBACKS

log = structlog.get_logger(__name__)
Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Store = Callable[[storing.Row], Awaitable[None]]
Meta = Mapping[str, str]
Where = tuple[str, str, str]  # the scheme, the host, and the scheme that a proxy tells
Headers = list[tuple[bytes, bytes]]
_DOCUMENTED = frozenset(f"/{route}" for route in DOCUMENTED_CALLBACKS)
_BELL_EVERY_S = 0.05
_AT_ONCE = 16  # on the long way; fewer than there are connections to the database
_PROBES = "/health/"


class HookDoor:
    """An ASGI application that takes the short way where it can.

    `store` returns when the row is committed, and raises what kept it from being known to be.
    """

    def __init__(self, django: Application, *, store: Store | None = None) -> None:
        self._django = django
        self._store = store or _into_the_inbox(storing.Together())
        self._turns, self._probes = asyncio.Semaphore(_AT_ONCE), asyncio.Semaphore(_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, meta = time.perf_counter(), _meta(scope)
        request_id = request_log.begin(meta.get("HTTP_X_REQUEST_ID", ""))
        answer = await self._heard(scope, meta, receive, send)
        if answer is None:
            return
        ours = [*_always(_where(scope, meta)), (b"X-Request-ID", request_id.encode())]
        await _say(send, answer, ours)
        request_log.end(f"{scope['method']} {scope['path']}", status=answer.status, started=started)

    async def _heard(self, scope: Scope, meta: Meta, receive: Receive, send: Send) -> "Answer | None":
        """None where Django has answered."""
        try:
            body = await posted.read(receive, limit=settings.CALLBACK_MAX_BYTES, patience_s=posted.PATIENCE_S)
        except posted.Gone:  # or one whose chunks cannot be told apart, who still listens; the log says so in any case
            return _BROKEN_OFF
        except posted.TooSlow:
            return _spelt(refuse(_TOO_SLOW))
        answer = await self._answer(scope["path"], meta, body) if _is_plain(scope, meta) else None
        if answer is None:
            await self._the_long_way(scope, posted.again(body, receive), send)
        return answer

    async def _the_long_way(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A few at once: each takes ten times as long as a callback on the short way, which would wait for hundreds of
        them in a flood of forgeries. Whether the process lives can be asked also where all turns wait for a database."""
        async with self._probes if scope["path"].startswith(_PROBES) else self._turns:
            await self._django(scope, receive, send)

    async def _answer(self, path: str, meta: Meta, body: bytes) -> "Answer | None":
        """None where Django has to answer."""
        try:
            row = callbacks.row_of(_arrived(path, meta, body), now=clock.now())
            if row is None:
                return None
            await self._store(row)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            return _spelt(outage.away(error))
        except Exception:
            log.exception("callback.broken")
            return _spelt(HttpResponse("Error", status=500, content_type="text/plain"))
        return _THANKS


def _into_the_inbox(together: storing.Together) -> Store:
    bell = _Bell()

    async def store(row: storing.Row) -> None:
        await together.store(row)
        bell.ring()

    return store


class _Bell:
    """Wakes the workers for what was stored: at once, then at most every 50 ms, and never from the loop itself."""

    def __init__(self) -> None:
        self._ringing: asyncio.Task[None] | None = None
        self._again = False

    def ring(self) -> None:
        self._again = True
        if self._ringing is None:
            self._ringing = asyncio.create_task(self._ring())

    async def _ring(self) -> None:
        try:
            while self._again:
                self._again = False
                await asyncio.to_thread(wake.wake_often, callbacks.DRAIN)
                await asyncio.sleep(_BELL_EVERY_S)
        finally:
            self._ringing = None


def _meta(scope: Scope) -> dict[str, str]:
    """As much of Django's META as its rules about hosts and https and our own need, made as Django makes it."""
    meta: dict[str, str] = {"REMOTE_ADDR": scope["client"][0] if scope.get("client") else ""}
    for name, value in scope["headers"]:
        if b"_" in name:
            continue
        key, text = _key(name), value.decode("latin1")
        meta[key] = f"{meta[key]},{text}" if key in meta else text
    return meta


@functools.lru_cache(maxsize=256)
def _key(name: bytes) -> str:
    key = name.decode("latin1").upper().replace("-", "_")
    return key if key in ("CONTENT_LENGTH", "CONTENT_TYPE") else f"HTTP_{key}"


def _is_plain(scope: Scope, meta: Meta) -> bool:
    """Nothing that only Django knows what to do with."""
    length = meta.get("CONTENT_LENGTH", "")
    return (
        scope["method"] == "POST"
        and _is_callback(scope["path"])
        and length.isascii()
        and length.isdigit()
        and len(length) < 10
        and not scope["query_string"]
        and not scope.get("root_path")
        and not settings.DEBUG_BODIES
        and _is_welcome(_where(scope, meta))
    )


def _is_callback(path: str) -> bool:
    """By its shape: a token is judged later. One with anything but letters and digits may be spelt otherwise in truth."""
    token = _token(path)
    return (
        path in _DOCUMENTED
        if token is None
        else len(token) == hooks.TOKEN_LENGTH and token.isalnum() and token.isascii()
    )


def _token(path: str) -> str | None:
    return path[len(callbacks.HOOKS) :] if path.startswith(callbacks.HOOKS) else None


def _arrived(path: str, meta: Meta, body: bytes) -> callbacks.Arrived:
    token = _token(path)
    return callbacks.Arrived(
        path=path if token is None else callbacks.HOOKS,
        token=token,
        signature=meta.get("HTTP_X_MPESA_SIGNATURE"),
        address=client_address(meta, settings.TRUSTED_PROXIES),
        length=meta["CONTENT_LENGTH"],
        body=body,
    )


# --- Hosts and https: Django's own code, asked without its request ---------------------------------------------------


class _Asked(HttpRequest):
    """As much of Django's request as its rules about hosts and https need."""

    def __init__(self, scheme: str, meta: dict[str, str]) -> None:
        self._scheme = scheme
        self.META = meta

    def _get_scheme(self) -> str:
        return self._scheme


def _where(scope: Scope, meta: Meta) -> Where:
    return scope["scheme"], meta.get("HTTP_HOST", ""), proxies.told_scheme(meta)


def _asked(where: Where) -> _Asked:
    scheme, host, told = where
    telling = settings.SECURE_PROXY_SSL_HEADER
    return _Asked(scheme, {"HTTP_HOST": host, **({telling[0]: told} if telling and told else {})})


@functools.lru_cache(maxsize=64)
def _is_welcome(where: Where) -> bool:
    """Kept, as what follows: M-Pesa calls thousands of times by the same name."""
    if not where[1]:
        return False
    asked = _asked(where)
    try:
        asked.get_host()
    except DisallowedHost:
        return False
    return asked.is_secure() or not settings.SECURE_SSL_REDIRECT


@functools.lru_cache(maxsize=64)
def _always(where: Where) -> Headers:
    """What Django's own middleware says of security: it depends on settings and the scheme alone."""
    bare = HttpResponse()
    del bare.headers["Content-Type"]
    return _listed(SecurityMiddleware(lambda _: bare).process_response(_asked(where), bare))


# --- What is said ----------------------------------------------------------------------------------------------------


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: Headers


def _listed(response: HttpResponse) -> Headers:
    return [(name.encode("ascii"), text.encode("latin1")) for name, text in response.items()]


def _spelt(response: HttpResponse) -> Answer:
    return Answer(response.status_code, response.content, _listed(response))


_THANKS = Answer(callbacks.THANKS.status, callbacks.THANKS.body, [(b"Content-Type", callbacks.JSON.encode())])
_BROKEN_OFF = Answer(400, b"Bad request", [(b"Content-Type", b"text/plain")])
_TOO_SLOW = Refusal(
    "too_slow", f"The request did not come to its end in {posted.PATIENCE_S:.0f} seconds. Send it again.", status=408
)


async def _say(send: Send, answer: Answer, more: Headers) -> None:
    headers = [*answer.headers, *more, (b"Content-Length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
