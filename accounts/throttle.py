"""Limits on what a stranger may ask for: sign-up and password reset, by address. Log-in is counted in the database.

A window of fixed length in the cache. Redis down lets everybody through: these limits spare the mailbox and the
table, they guard no account (SEC-2); log-in failures, which do, are counted by axes in PostgreSQL.
"""

import logging
from collections.abc import Callable
from functools import wraps

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from redis.exceptions import RedisError

from accounts.addresses import client_address

log = logging.getLogger(__name__)
View = Callable[..., HttpResponseBase]


def over_limit(*, name: str, who: str, most: int, seconds: int) -> bool:
    """Count one more; whether that is more than `most` within the window."""
    key = f"throttle:{name}:{who}"
    try:
        cache.add(key, 0, timeout=seconds)
        return cache.incr(key) > most
    except ValueError:  # the window ended between the two calls: this is the first of the next one
        return False
    except RedisError:
        log.warning("throttle %s not counted: Redis is down", name)
        return False


def too_many(request: HttpRequest, *, seconds: int, login: bool = False) -> HttpResponse:
    """429 with Retry-After and plain words; `login` adds the way out for somebody who forgot the password."""
    response = render(request, "429.html", {"minutes": -(-seconds // 60), "login": login}, status=429)
    response["Retry-After"] = str(seconds)
    return response


def limited(name: str, *, most: int, seconds: int) -> Callable[[View], View]:
    """A view that answers POST at most `most` times per address and window."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            if request.method == "POST" and over_limit(
                name=name, who=client_address(request), most=most, seconds=seconds
            ):
                return too_many(request, seconds=seconds)
            return view(request, *args, **kwargs)

        return wrapper

    return decorate
