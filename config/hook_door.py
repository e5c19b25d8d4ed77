"""The short way for M-Pesa's callbacks, in the processes that take nothing else (settings.HOOKS_ONLY).

A callback is one insert, and Django's whole request around it costs more than it (docs/decisions/0006). So what is
plainly a callback goes from here to `payments.callbacks.receive` at once, and everything else (another method or
address, a strange length, host or query, http where https is a must, bodies to be logged) goes the long way, through
Django, to the same function or to the answer that Django has for it. No rule stands here: who may call, what is
believed, stored and answered is said there.
"""

import functools
import time
from collections.abc import Callable, Iterable
from http.client import responses
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware

from config import outage, request_log
from lib import clock
from lib.addresses import client_address
from payments import callbacks, hooks
from payments.urls import DOCUMENTED_CALLBACKS

log = structlog.get_logger(__name__)
Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
_DOCUMENTED = frozenset(f"/{route}" for route in DOCUMENTED_CALLBACKS)


class _Asked(HttpRequest):
    """As much of Django's request as its rules about hosts and https need."""

    def __init__(self, environ: Environ) -> None:
        self.META = environ

    def _get_scheme(self) -> str:
        return str(self.META.get("wsgi.url_scheme", "http"))


def before(django: Application) -> Application:
    """An application that takes the short way where it can."""

    def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        asked = _Asked(environ)
        if not _is_plain(environ) or not _is_welcome(asked):
            return django(environ, start_response)
        return _answered(environ, start_response, secure=asked.is_secure())

    return application


def _is_plain(environ: Environ) -> bool:
    """Nothing that only Django knows what to do with."""
    length = environ.get("CONTENT_LENGTH") or ""
    return (
        environ.get("REQUEST_METHOD") == "POST"
        and _is_callback(environ.get("PATH_INFO") or "")
        and length.isascii()
        and length.isdigit()
        and len(length) < 10
        and not environ.get("QUERY_STRING")
        and not environ.get("SCRIPT_NAME")
        and not settings.DEBUG_BODIES
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


def _is_welcome(asked: _Asked) -> bool:
    try:
        asked.get_host()
    except DisallowedHost:
        return False
    return asked.is_secure() or not settings.SECURE_SSL_REDIRECT


def _answered(environ: Environ, start_response: Callable[..., Any], *, secure: bool) -> Iterable[bytes]:
    started, path = time.perf_counter(), environ["PATH_INFO"]
    request_id = request_log.begin(environ.get("HTTP_X_REQUEST_ID", ""))
    status, body, headers = _said(environ, path)
    start_response(
        status,
        [*_headers(secure), *headers, ("Content-Length", str(len(body))), ("X-Request-ID", request_id)],
    )
    request_log.end(f"POST {path}", status=int(status[:3]), started=started)
    return [body]


def _said(environ: Environ, path: str) -> tuple[str, bytes, list[tuple[str, str]]]:
    try:
        _drop_dead_connection()
        answer = callbacks.receive(_arrived(environ, path), now=clock.now())
        return f"{answer.status} {responses[answer.status]}", answer.body, [("Content-Type", callbacks.JSON)]
    except (OperationalError, InterfaceError) as error:
        return _spelt(outage.away(error))
    except Exception:
        log.exception("callback.broken")
        return _spelt(HttpResponse("Error", status=500, content_type="text/plain"))


def _drop_dead_connection() -> None:
    """As Django does before each request: its thread may need it for more than what `payments.storing` tries twice."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


def _arrived(environ: Environ, path: str) -> callbacks.Arrived:
    token, length = _token(path), environ["CONTENT_LENGTH"]
    return callbacks.Arrived(
        path=path if token is None else callbacks.HOOKS,
        token=token,
        signature=environ.get("HTTP_X_MPESA_SIGNATURE"),
        address=client_address(environ, settings.TRUSTED_PROXIES),
        length=length,
        body=environ["wsgi.input"].read(min(int(length), settings.CALLBACK_MAX_BYTES + 1)),
    )


def _spelt(response: HttpResponse) -> tuple[str, bytes, list[tuple[str, str]]]:
    return f"{response.status_code} {response.reason_phrase}", response.content, list(response.items())


@functools.cache
def _headers(secure: bool) -> list[tuple[str, str]]:
    """What Django's own middleware says of security, asked once: it depends on settings alone."""
    asked = _Asked({"wsgi.url_scheme": "https" if secure else "http"})
    bare = HttpResponse(content_type=callbacks.JSON)
    response = SecurityMiddleware(lambda _: bare).process_response(asked, bare)
    return [(name, text) for name, text in response.items() if name != "Content-Type"]
