"""One HTTP call to M-Pesa: bounded in number, time and size, never repeated, and always told to the observer.

What matters is what an error proves. A connection that was never made proves that nothing was sent (`Refused`);
silence, or a connection that broke, proves nothing (`Uncertain`). Nothing here retries: urllib3 would not know.
"""

import logging
import re
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from threading import BoundedSemaphore
from typing import Any, Literal
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from daraja.errors import DarajaError, Refused, Topic, Uncertain
from daraja.hosts import is_loopback

log = logging.getLogger(__name__)
ExchangeType = Literal["TOKEN", "STK_PUSH", "STK_QUERY"]
LARGEST_BODY = 64 * 1024
LARGEST_KEPT = 16 * 1000
HIDDEN = "***"
_SHORTEST_SECRET = 8  # hiding "a" would hide the answer
_ACCESS_TOKEN = re.compile(r'("access_token"\s*:\s*")[^"]*')
_NEVER_LEFT = (
    requests.ConnectTimeout,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidHeader,
    NewConnectionError,
    ConnectTimeoutError,
    ssl.SSLCertVerificationError,
)
# A pooled connection that a firewall forgot looks alive, and a push over it would be lost: the kernel probes idle ones.
_PROBES = [
    (socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 2))
    if hasattr(socket, name)
]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP call as it may be stored: without password, key, secret or token, but with phone and CheckoutRequestID.

    `http_status` is None and `error` says why where no whole answer came; `duration_ms` counts from the first byte out.
    """

    type: ExchangeType
    url: str
    request: dict[str, Any]
    response: str
    http_status: int | None
    duration_ms: int
    error: str


@dataclass(frozen=True, slots=True)
class Call:
    """`secrets` are texts that must not appear in what is kept of the answer; `shown` is the request as it is kept."""

    type: ExchangeType
    method: Literal["GET", "POST"]
    url: str
    auth: AuthBase
    shown: dict[str, Any]
    body: bytes | None = None
    secrets: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """`raw` as it came; `text` with the secrets hidden."""

    http_status: int
    raw: bytes = field(repr=False)
    text: str

    @property
    def ok(self) -> bool:
        return 200 <= self.http_status < 300


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        options = [*HTTPConnection.default_socket_options, (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *_PROBES]
        super().init_poolmanager(*args, socket_options=options, **kwargs)


class Transport:
    """A pool of connections to one host, shared by threads. More calls than `pool_size` at once are refused."""

    def __init__(
        self,
        *,
        base_url: str,
        observe: Callable[[Exchange], None],
        connect_timeout_s: float,
        read_timeout_s: float,
        pool_size: int,
    ) -> None:
        self._observe = observe
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._slots = BoundedSemaphore(pool_size)
        self._session = requests.Session()
        # Proxies and certificates of the environment count for Safaricom's hosts, not for a simulator beside us.
        self._session.trust_env = not is_loopback(urlsplit(base_url).hostname or "")
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # threads share it
        self._session.mount(base_url, _Adapter(pool_connections=1, pool_maxsize=pool_size, max_retries=0))

    @property
    def longest_call_s(self) -> float:
        """Waiting for a slot, connecting, and a last piece that begins just before the end of the reading time."""
        return 2 * self._connect_timeout_s + 2 * self._read_timeout_s

    def close(self) -> None:
        """Close the idle connections."""
        self._session.close()

    def send(self, call: Call, *, read_timeout_s: float | None = None) -> Answer:
        """Raises Refused where nothing left this machine, Uncertain where no whole answer came back."""
        if not self._slots.acquire(timeout=self._connect_timeout_s):
            raise Refused("too_many_calls", "Too many calls to M-Pesa at once", transient=True, topic=Topic.BUSY)
        try:
            return self._observed(call, read_timeout_s or self._read_timeout_s)
        finally:
            self._slots.release()

    def _observed(self, call: Call, read_timeout_s: float) -> Answer:
        started = time.monotonic()
        try:
            answer = self._answered(call, read_timeout_s)
        except (requests.RequestException, HTTPError, OSError) as broken:
            error = meaning(broken)
            self._tell(call, started, error=f"{error.code}: {error.message}")
            raise error from broken
        except Uncertain as error:
            self._tell(call, started, error=f"{error.code}: {error.message}")
            raise
        self._tell(call, started, answer=answer)
        return answer

    def _answered(self, call: Call, read_timeout_s: float) -> Answer:
        with self._session.request(
            call.method,
            call.url,
            data=call.body,
            auth=call.auth,
            headers={"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"},
            timeout=(self._connect_timeout_s, read_timeout_s),
            allow_redirects=False,
            stream=True,
        ) as response:
            raw = _whole_body(response.raw, until=time.monotonic() + read_timeout_s)
            return Answer(response.status_code, raw, _shown(raw, call.secrets))

    def _tell(self, call: Call, started: float, *, answer: Answer | None = None, error: str = "") -> None:
        exchange = Exchange(
            type=call.type,
            url=call.url,
            request=call.shown,
            response=answer.text if answer else "",
            http_status=answer.http_status if answer else None,
            duration_ms=round((time.monotonic() - started) * 1000),
            error=error,
        )
        try:
            self._observe(exchange)
        except Exception as broken:
            # The log of calls is not worth a payment: M-Pesa has answered, and that answer must be kept.
            log.error("The observer of M-Pesa calls failed: %s", type(broken).__name__)


def _whole_body(stream: urllib3.BaseHTTPResponse, *, until: float) -> bytes:
    """Reads piece by piece, so that a body that trickles is cut off at its time. Raises Uncertain."""
    body = b""
    while piece := stream.read1(8192, decode_content=True):
        body += piece
        if len(body) > LARGEST_BODY:
            raise Uncertain("answer_too_long", f"The answer is longer than {LARGEST_BODY} bytes")
        if time.monotonic() > until:
            raise Uncertain("read_timeout", "The answer did not end in time")
    return body


def _shown(raw: bytes, secrets: Sequence[str]) -> str:
    """As text, short, storable, without secrets (M-Pesa echoes a refused token in its message)."""
    text = raw.decode("utf-8", "replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")
    text = _ACCESS_TOKEN.sub(rf"\g<1>{HIDDEN}", text)
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
    return text.encode()[:LARGEST_KEPT].decode("utf-8", "ignore")


def meaning(error: Exception) -> DarajaError:
    """What a broken call proves: that nothing was sent, or nothing at all."""
    words = f"{type(_root(error)).__name__}"
    if _is(error, ssl.SSLCertVerificationError):
        return Refused("tls_untrusted", "The host's certificate is not trusted", transient=False, topic=Topic.SETUP)
    if _is(error, _NEVER_LEFT):
        return Refused("no_connection", f"No connection to M-Pesa ({words})", transient=True, topic=Topic.NO_CONNECTION)
    if _is(error, (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError)):
        return Uncertain("read_timeout", "M-Pesa did not answer in time")
    return Uncertain("connection_broken", f"The connection broke before M-Pesa's answer came ({words})")


def _is(error: BaseException | None, kinds: type[BaseException] | tuple[type[BaseException], ...]) -> bool:
    while error is not None:
        if isinstance(error, kinds):
            return True
        error = _inner(error)
    return False


def _root(error: BaseException) -> BaseException:
    while (inner := _inner(error)) is not None:
        error = inner
    return error


def _inner(error: BaseException) -> BaseException | None:
    """requests and urllib3 wrap by argument, by `reason` and by `original_error`."""
    for candidate in (getattr(error, "reason", None), getattr(error, "original_error", None), *error.args):
        if isinstance(candidate, BaseException) and candidate is not error:
            return candidate
    return None
