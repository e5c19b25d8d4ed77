"""The API's rate limits (SEC-2): 100 changes and 2,000 reads in 15 min per person, or per address where none is signed in."""

from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.throttling import BaseThrottle

from lib import limits
from lib.addresses import client_address

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


class UserThrottle(BaseThrottle):
    """A view may name another limit by `rate_limit`."""

    def __init__(self) -> None:
        self._wait: int | None = None

    def allow_request(self, request: "Request", view: "APIView") -> bool:
        kind = getattr(view, "rate_limit", "read" if request.method in ("GET", "HEAD", "OPTIONS") else "change")
        address = client_address(request.META, settings.TRUSTED_PROXIES)
        who = f"user:{request.user.pk}" if request.user.is_authenticated else f"address:{address}"
        self._wait = limits.spend(kind, who)
        return self._wait is None

    def wait(self) -> float | None:
        return self._wait
