"""What no view handles: input that no view should see, and errors under /api/ that are not in the API's shape.

Outermost but for the log, so whatever ends a request passes by: a view, Django itself (unknown address, wrong method,
forbidden host), another middleware. Nothing here needs the database.
"""

import sys
from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template import loader
from django.utils.decorators import sync_and_async_middleware

from config.outage import outage
from lib.http import DATABASE_DOWN, error_body

_KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")
_WORDS = {
    400: ("bad_request", "The request cannot be understood. Check it and send it again."),
    403: ("forbidden", "Your account may not do this."),
    404: ("not_found", "There is nothing at this address. The addresses of the API are listed at /api/docs/."),
    405: ("method_not_allowed", "This address does not take this method. The API is described at /api/docs/."),
    413: ("body_too_large", "The body is too large."),
    503: ("database_unavailable", DATABASE_DOWN),
}
_BROKEN = (
    "server_error",
    "Something went wrong on our side. If you were paying, ask for the status of the payment before you pay again.",
)
Answer = Callable[[HttpRequest], HttpResponseBase]
AsyncAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def middleware(answer: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    if iscoroutinefunction(answer):

        async def mended_async(request: HttpRequest) -> HttpResponseBase:
            return _shaped(request, _turned_away(request) or await answer(request))

        return mended_async

    def mended(request: HttpRequest) -> HttpResponseBase:
        return _shaped(request, _turned_away(request) or answer(request))  # type: ignore[arg-type]

    return mended


def server_error(request: HttpRequest) -> HttpResponse:
    """`handler500`: a defect of ours, or a database that was away when a middleware needed it."""
    return outage(request, sys.exc_info()[1]) or HttpResponse(loader.render_to_string("500.html"), status=500)


def _turned_away(request: HttpRequest) -> HttpResponse | None:
    """NUL can be neither stored nor looked up, so no address has one; texts are UTF-8 whatever a client calls them."""
    if "charset" in (request.content_params or {}):
        request.encoding = "utf-8"
    if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
        return HttpResponse("There is a NUL in the address.", status=400, content_type="text/plain")
    return None


def _shaped(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Errors under /api/ have one shape (ruling 1)."""
    if response.status_code < 400 or not request.path.startswith("/api/"):
        return response
    if "json" in response.headers.get("Content-Type", ""):
        return response
    code, message = _WORDS.get(response.status_code, _BROKEN)
    shaped = JsonResponse(error_body(code, message), status=response.status_code)
    for name in _KEPT_HEADERS:
        if name in response.headers:
            shaped[name] = response.headers[name]
    return shaped
