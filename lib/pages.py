"""What pages share: who asks, how often they may change something, and where to go after a POST."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from lib import limits
from lib.addresses import client_address

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf something is done; for the log of calls."""

    user_id: int | None = None
    address: str | None = None
    user_agent: str = ""


def caller_of(request: HttpRequest) -> Caller:
    return Caller(
        user_id=request.user.pk,
        address=client_address(request.META, settings.TRUSTED_PROXIES),
        user_agent=request.headers.get("User-Agent", ""),
    )


def see_other(name: str, *args: object) -> HttpResponse:
    """303: a reload repeats nothing."""
    response = HttpResponseRedirect(reverse(name, args=args))
    response.status_code = 303
    return response


def limited(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """A page that changes something: 100 POSTs in 15 min per person (SEC-2)."""

    @functools.wraps(view)
    def wrapper(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        wait = limits.spend("change", f"user:{request.user.pk}") if request.method == "POST" else None
        if wait is None:
            return view(request, *args, **kwargs)
        response = render(request, "429.html", {"minutes": -(-wait // 60)}, status=429)
        response["Retry-After"] = str(wait)
        return response

    return wrapper


def nothing_stored(request: HttpRequest) -> HttpResponse:
    """503: the database failed before anything was written or sent (OPS-1). The page needs no database itself."""
    response = render(request, "503.html", {"nothing_stored": True}, status=503)
    response["Retry-After"] = "30"
    return response
