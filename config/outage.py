"""The database is away: said in words, with the status that tells clients to come back (OPS-1)."""

import structlog
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin

from lib.errors import Refusal
from lib.http import DATABASE_DOWN, refuse

log = structlog.get_logger(__name__)
RETRY_AFTER_S = 30


class Outage(MiddlewareMixin):
    """REST framework's own views say it themselves (`lib.http.api_errors`)."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, OperationalError | InterfaceError):
            return None
        log.error("page.database_down", error=type(error).__name__)
        if request.path.startswith("/api/"):
            return refuse(Refusal("database_unavailable", DATABASE_DOWN, status=503, retry_after=RETRY_AFTER_S))
        response = render(request, "503.html", status=503)
        response["Retry-After"] = str(RETRY_AFTER_S)
        return response
