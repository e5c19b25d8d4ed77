"""Limits on what a stranger may ask for: sign-up and password reset, by address.

They spare the mailbox and the table, and guard no account, so they may fail open (`lib.limits`). Log-in failures,
which do guard one, are counted by axes in PostgreSQL (`lockout`).
"""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from accounts.addresses import client_address
from lib import limits

View = Callable[..., HttpResponseBase]


def too_many(request: HttpRequest, *, seconds: int, login: bool = False) -> HttpResponse:
    """429 with Retry-After and plain words; `login` adds the way out for somebody who forgot the password."""
    response = render(request, "429.html", {"minutes": -(-seconds // 60), "login": login}, status=429)
    response["Retry-After"] = str(seconds)
    return response


def limited(kind: str) -> Callable[[View], View]:
    """A view whose POSTs are limited by address, as `settings.RATE_LIMITS[kind]` says."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            wait = limits.spend(kind, client_address(request)) if request.method == "POST" else None
            return view(request, *args, **kwargs) if wait is None else too_many(request, seconds=wait)

        return wrapper

    return decorate
