"""The database is away: said in words, with the status that tells clients to come back (OPS-1)."""

import structlog
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin

from lib.errors import Refusal
from lib.http import DATABASE_DOWN, DATABASE_DOWN_RETRY_S, refuse

log = structlog.get_logger(__name__)
_PROGRAMS = ("/api/", "/hooks/")


class Outage(MiddlewareMixin):
    """What a view raised. REST framework's own views say it themselves (`lib.http.api_errors`)."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return outage(request, error)


def outage(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    """503 where the database is away; None for every other error."""
    if not isinstance(error, OperationalError | InterfaceError):
        return None
    if request.path.startswith(_PROGRAMS):
        return away(error)
    log.error("database.away", **_of(error))
    response = render(request, "503.html", status=503)
    response["Retry-After"] = str(DATABASE_DOWN_RETRY_S)
    return response


def _of(error: BaseException) -> dict[str, str]:
    """For the log: its first line, which names no row."""
    return {"error": type(error).__name__, "why": str(error).partition("\n")[0][:200]}


def away(error: BaseException) -> HttpResponse:
    """What programs are told."""
    log.error("database.away", **_of(error))
    return refuse(Refusal("database_unavailable", DATABASE_DOWN, status=503, retry_after=DATABASE_DOWN_RETRY_S))
