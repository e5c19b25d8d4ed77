"""How a callback gets here: from which address, behind which proxies, under which headers."""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from itertools import count

from django.http import HttpResponse
from hypothesis import strategies as st

from payments.tests import doors

SECRET = "the callbacks' secret"
PROXIES = ["10.0.0.0/8"]
SAFARICOM = "196.201.214.200"
_numbers = count(1)


@dataclass(frozen=True)
class Origin:
    """The peer, what X-Forwarded-For says, and the networks of ours that are believed about it."""

    peer: str
    forwarded: str | None = None
    proxies: list[str] = field(default_factory=list)


def stranger() -> str:
    """An address that nobody had before: so many forgeries from one would not be kept."""
    number = next(_numbers)
    return f"198.{18 + number // 65536 % 2}.{number // 256 % 256}.{number % 256}"


def listed() -> str:
    """The same, on the list of addresses that are M-Pesa's (in development the loopback network is)."""
    number = next(_numbers)
    return f"127.{1 + number // 65536 % 250}.{number // 256 % 256}.{number % 256}"


@st.composite
def genuine(draw: st.DrawFn) -> Origin:
    """M-Pesa itself, at our door or through our proxies, whatever somebody before them claimed."""
    address = listed()
    kinds = [
        Origin(address),
        Origin(address, "203.0.113.9"),
        Origin("10.0.0.5", address, PROXIES),
        Origin("10.0.0.5", f"::ffff:{address}", PROXIES),
        Origin("10.0.0.5", f"203.0.113.9, {address}, 10.0.0.7", PROXIES),
    ]
    return draw(st.sampled_from(kinds))


PRETENDED = st.sampled_from(
    [SAFARICOM, f"{SAFARICOM}, {SAFARICOM}", "127.0.0.1", "::1", "", ",", SAFARICOM + ":443", "10.0.0.5", "unknown"]
) | st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)


@st.composite
def spoofed(draw: st.DrawFn) -> Origin:
    """A stranger who claims to come from somewhere else, at our door or through our proxy, which adds the truth."""
    told, peer = draw(PRETENDED), stranger()
    kinds = [Origin(peer, told), Origin(peer, told, PROXIES), Origin("10.0.0.5", f"{told}, {peer}", PROXIES)]
    return draw(st.sampled_from(kinds))


_HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40)
CONTENT_TYPES = (
    st.sampled_from(
        [
            "application/json",
            "application/json; charset=utf-16",
            "application/json; charset=zip",
            "text/xml",
            "text/plain; charset=latin-1",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "multipart/form-data; boundary=x",
            "",
            ";",
            "a/b; charset=",
        ]
    )
    | _HEADER
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "HTTP_ACCEPT",
            "HTTP_ACCEPT_ENCODING",
            "HTTP_ACCEPT_LANGUAGE",
            "HTTP_AUTHORIZATION",
            "HTTP_CONTENT_ENCODING",
            "HTTP_COOKIE",
            "HTTP_EXPECT",
            "HTTP_IF_MODIFIED_SINCE",
            "HTTP_ORIGIN",
            "HTTP_REFERER",
            "HTTP_USER_AGENT",
            "HTTP_X_FORWARDED_HOST",
            "HTTP_X_FORWARDED_PROTO",
            "HTTP_X_HTTP_METHOD_OVERRIDE",
            "HTTP_X_REQUEST_ID",
        ]
    ),
    _HEADER,
    max_size=3,
)


def signature(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def post(
    url: str, body: bytes, *, origin: Origin | None = None, kind: str = "application/json", **headers: str
) -> HttpResponse:
    """Through either door. `origin.proxies` are to be set by the caller. A server gives header texts as latin-1, and so
    does this."""
    origin = origin or Origin(listed())
    if origin.forwarded is not None:
        headers["HTTP_X_FORWARDED_FOR"] = origin.forwarded
    client = doors.client(doors.by(body + url.encode()))
    return client.generic("POST", url, body, content_type=kind, REMOTE_ADDR=origin.peer, **headers)
