"""The addresses of the processes that take M-Pesa's calls and nothing else (settings.HOOKS_ONLY).

Errors are a word each: the pages that say them elsewhere link to pages that are not here.
"""

import sys

from django.http import HttpRequest, HttpResponse
from django.urls import path

from config.outage import outage
from monitoring import views as monitoring
from payments import callbacks
from payments.urls import DOCUMENTED_CALLBACKS

urlpatterns = [
    path("hooks/<str:token>", callbacks.hook),
    *(path(route, callbacks.documented) for route in DOCUMENTED_CALLBACKS),
    path("health/live", monitoring.live),
]


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse("Bad request", status=400, content_type="text/plain")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse("Forbidden", status=403, content_type="text/plain")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse("Not found", status=404, content_type="text/plain")


def server_error(request: HttpRequest) -> HttpResponse:
    return outage(request, sys.exc_info()[1]) or HttpResponse("Error", status=500, content_type="text/plain")


handler400, handler403, handler404, handler500 = bad_request, forbidden, not_found, server_error
