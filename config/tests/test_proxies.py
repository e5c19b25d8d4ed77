"""Who may say that a request came by https."""

import asyncio
from typing import Any

import pytest
from django.conf import settings as ours
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from config import proxies

pytestmark = [pytest.mark.requirement("SEC-3", "SEC-7")]
PEERS = [
    ("10.1.2.3", True),
    ("::ffff:10.1.2.3", True),
    ("fd00::1", True),
    ("203.0.113.9", False),
    ("", False),
    ("unix", False),
]


@pytest.fixture(autouse=True)
def _behind_a_proxy(settings: Any) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", "fd00::/8"]


@pytest.mark.parametrize(("peer", "believed"), PEERS)
def test_only_a_proxy_of_ours_is_believed(peer: str, believed: bool) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_PROTO="https")
    assert proxies.middleware(_said)(request).content == str(believed).encode()


@pytest.mark.parametrize(("peer", "believed"), PEERS)
def test_so_it_is_under_asgi(peer: str, believed: bool) -> None:
    async def said(request: HttpRequest) -> HttpResponse:
        return _said(request)

    headers = [(b"x-forwarded-proto", b"https")]
    scope = {"type": "http", "method": "GET", "path": "/", "headers": headers, "client": [peer, 1], "query_string": b""}
    answer = asyncio.run(proxies.middleware(said)(ASGIRequest(scope, None)))
    assert answer.content == str(believed).encode()


def test_nothing_told_is_http() -> None:
    assert proxies.middleware(_said)(RequestFactory().get("/", REMOTE_ADDR="10.1.2.3")).content == b"False"


def test_it_stands_before_all_that_ask_for_the_scheme() -> None:
    assert ours.MIDDLEWARE.index("config.proxies.middleware") == 1  # behind the log


def _said(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(request.is_secure()))
