"""Who is logged out in the middle of a form is told that nothing was sent, and comes back to the form.

What was typed comes back too where it may stand in an address: amounts and times. A number or a reason never does: an
address is logged, shared and remembered. `why` tells the log-in page what to say.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render, resolve_url
from django.urls import reverse

View = TypeVar("View", bound=Callable[..., HttpResponseBase])

UNSENT = "unsent"  # the view never ran
UNDERWAY = "underway"  # a payment, which needs no page to go on
LONGEST = 40  # characters of a kept field


@dataclass(frozen=True, slots=True)
class Form:
    """Where a form stands that is posted to a view: on `page` (the name of an address), else on the view's own."""

    page: str = ""
    kept: tuple[str, ...] = ()


def stands_on(page: str = "", *, kept: tuple[str, ...] = ()) -> Callable[[View], View]:
    """Mark a view whose form stands on another page, or has fields to be kept. Other decorators carry the mark on."""

    def mark(view: View) -> View:
        view.posted_from = Form(page, kept)  # type: ignore[attr-defined]
        return view

    return mark


def signed_in(*, why: str = "") -> Callable[[View], View]:
    """As `login_required`, but says what became of a POST; `why` is said of a GET."""

    def required(view: View) -> View:
        @functools.wraps(view)
        def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.user.is_authenticated:
                return view(request, *args, **kwargs)
            if request.method in ("GET", "HEAD"):
                return _log_in(request.get_full_path(), why)
            return _log_in(form_page(request), UNSENT)

        return cast(View, wrapper)

    return required


def form_page(request: HttpRequest) -> str:
    """The page of the form that was posted, filled in with what may be kept."""
    match = request.resolver_match
    form: Form = getattr(match.func, "posted_from", Form()) if match else Form()
    if match and "admin" in match.namespaces:
        return reverse("admin:index")  # many of its addresses only take a POST
    path = reverse(form.page, kwargs=match.kwargs) if match and form.page else request.path
    query = QueryDict(request.META.get("QUERY_STRING", ""), mutable=True)
    for name in form.kept:
        if typed := request.POST.get(name, "")[:LONGEST]:
            query[name] = typed
    return f"{path}?{query.urlencode(safe=':/')}" if query else path


def form_too_old(request: HttpRequest, reason: str = "") -> HttpResponse:
    """`CSRF_FAILURE_VIEW`: nothing was done; the way back to the form."""
    return render(request, "403_csrf.html", {"form_page": form_page(request)}, status=403)


def _log_in(page: str, why: str) -> HttpResponse:
    query = QueryDict(mutable=True)
    query["next"] = page
    if why:
        query["why"] = why
    return HttpResponseRedirect(f"{resolve_url(settings.LOGIN_URL)}?{query.urlencode(safe='/')}")
