"""The short way for callbacks: what goes it, and that it says to the letter what Django's way says."""

import io
from collections.abc import Iterable
from typing import Any

import pytest
import structlog
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.test import RequestFactory

from config import hook_door, request_log
from payments import hooks
from payments.models import Callback

pytestmark = [pytest.mark.requirement("CB-1"), pytest.mark.django_db(transaction=True)]
TOKEN = hooks.token(hooks.Hook("STK", "sandbox", 1, 1))
FORGED = TOKEN[:-1] + ("0" if TOKEN[-1] != "0" else "1")
BODY = b'{"Body": 1}'
DJANGO = [
    "config.request_log.middleware",
    "config.failures.middleware",
    "config.outage.Outage",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]


@pytest.fixture(autouse=True)
def _as_where_only_callbacks_come(settings: Any) -> None:
    settings.MIDDLEWARE, settings.ROOT_URLCONF = DJANGO, "config.hook_urls"
    hook_door._headers.cache_clear()


def environ(path: str = f"/hooks/{TOKEN}", *, body: bytes = BODY, **more: str) -> dict[str, Any]:
    made = RequestFactory().generic("POST", path, body, content_type="application/json").environ
    return {**made, "HTTP_HOST": "127.0.0.1", "wsgi.input": io.BytesIO(body), **more}


def said_by(application: Any, asked: dict[str, Any]) -> tuple[str, dict[str, str], bytes]:
    heard: list[Any] = []
    parts = application(asked, lambda status, headers, *rest: heard.extend([status, dict(headers)]))
    body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    return heard[0], heard[1], body


def the_long_way(asked: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("299 Long", [])
    return [b""]


def goes_the_short_way(asked: dict[str, Any]) -> bool:
    return said_by(hook_door.before(the_long_way), asked)[0] != "299 Long"


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("path", "body", "more", "status"),
    [
        (f"/hooks/{TOKEN}", BODY, {}, "200 OK"),
        (f"/hooks/{TOKEN}", BODY, {"REMOTE_ADDR": "203.0.113.9"}, "200 OK"),
        (f"/hooks/{FORGED}", BODY, {}, "403 Forbidden"),
        ("/api/mpesa/callback", BODY, {}, "200 OK"),
        ("/api/mpesa/callback", BODY, {"HTTP_X_MPESA_SIGNATURE": "x"}, "403 Forbidden"),
        (f"/hooks/{TOKEN}", b" " * (64 * 1024 + 1), {}, "413 Request Entity Too Large"),
    ],
)
def test_both_ways_say_the_same(
    settings: Any, path: str, body: bytes, more: dict[str, str], status: str, scheme: str
) -> None:
    settings.SECURE_HSTS_SECONDS = 3600
    more = {**more, "wsgi.url_scheme": scheme, "HTTP_X_REQUEST_ID": "from-the-proxy-1"}
    long = said_by(WSGIHandler(), environ(path, body=body, **more))
    assert goes_the_short_way(environ(path, body=body, **more))
    short = said_by(hook_door.before(the_long_way), environ(path, body=body, **more))
    assert short == long
    assert short[0] == status
    assert short[1]["X-Content-Type-Options"] == "nosniff"
    assert ("Strict-Transport-Security" in short[1]) is (scheme == "https")


@pytest.mark.requirement("OPS-1")
def test_both_ways_say_the_same_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing could be stored, nothing is acknowledged."""
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")
    more = {"HTTP_X_REQUEST_ID": "from-the-proxy-1"}
    long = said_by(WSGIHandler(), environ(**more))
    assert said_by(hook_door.before(the_long_way), environ(**more)) == long
    assert (long[0], long[1]["Retry-After"]) == ("503 Service Unavailable", "30")
    monkeypatch.undo()
    connection.close()
    assert said_by(hook_door.before(the_long_way), environ())[0] == "200 OK"
    assert Callback.objects.count() == 1


def test_a_defect_of_ours_is_said_and_acknowledges_nothing() -> None:
    class Broken(io.BytesIO):
        def read(self, *size: Any) -> bytes:
            raise OSError("the client has gone")

    assert said_by(hook_door.before(the_long_way), {**environ(), "wsgi.input": Broken()})[::2] == (
        "500 Internal Server Error",
        b"Error",
    )
    assert not Callback.objects.exists()


@pytest.mark.parametrize(
    "more",
    [
        {"REQUEST_METHOD": "GET"},
        {"PATH_INFO": "/"},
        {"PATH_INFO": "/health/live"},
        {"PATH_INFO": "/hooks/"},
        {"PATH_INFO": f"/hooks/{TOKEN}/"},
        {"PATH_INFO": f"/hooks/{TOKEN[:-1]}\x00"},
        {"PATH_INFO": f"/hooks/{TOKEN[:-1]}\xb2"},
        {"PATH_INFO": "/api/deposits/callback/"},
        {"CONTENT_LENGTH": ""},
        {"CONTENT_LENGTH": "-1"},
        {"CONTENT_LENGTH": "\xb2"},
        {"CONTENT_LENGTH": "9" * 400},
        {"QUERY_STRING": "a=%00"},
        {"SCRIPT_NAME": "/elsewhere"},
        {"HTTP_HOST": "evil.example"},
        {"HTTP_HOST": "127.0.0.1, evil.example"},
    ],
)
def test_what_is_not_plainly_a_callback_goes_the_long_way(more: dict[str, str]) -> None:
    assert not goes_the_short_way(environ(**more))
    assert not Callback.objects.exists()


@pytest.mark.requirement("SEC-3")
@pytest.mark.parametrize(("told", "short"), [("https", True), ("http", False), ("http, https", False), ("", False)])
def test_https_is_a_must_where_it_is_one(settings: Any, told: str, short: bool) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert goes_the_short_way(environ(**{"wsgi.url_scheme": "https"}))
    assert not goes_the_short_way(environ())
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert goes_the_short_way(environ(HTTP_X_FORWARDED_PROTO=told)) is short


def test_bodies_are_logged_on_the_long_way(settings: Any) -> None:
    settings.DEBUG_BODIES = True
    assert not goes_the_short_way(environ())


@pytest.mark.requirement("OPS-2")
def test_a_line_with_an_id_that_the_caller_gets_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        request_log, "log", structlog.wrap_logger(None, wrapper_class=None, cache_logger_on_first_use=False)
    )
    with structlog.testing.capture_logs() as lines:
        _, headers, _ = said_by(hook_door.before(the_long_way), environ())
    (line,) = [line for line in lines if line["event"].startswith("POST /hooks/")]
    assert (line["status"], line["log_level"]) == (200, "info")
    assert len(headers["X-Request-ID"]) == 16
