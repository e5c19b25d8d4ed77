"""A therapist's practice: what waits for them, today's sessions, and the hours in which they can be booked."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from lib import clock
from lib.errors import Refusal
from lib.pages import limited, see_other
from lib.returning import signed_in
from sessions_booking import desk, opening
from sessions_booking.forms import WEEKDAYS, AboutForm, ExceptionForm, HoursForm, TypeForm
from sessions_booking.models import SessionType, Therapist
from sessions_booking.presenting import show, version_of
from sessions_booking.views.base import answer, user_of

PER_PAGE = 20
Forms = dict[str, forms.Form]


@never_cache
@signed_in()
@require_GET
def practice(request: HttpRequest) -> HttpResponse:
    """Today first, then what waits for an answer. `?part=1` is what live.js fetches."""
    therapist, user, now = _me(request), user_of(request), clock.now()
    board = desk.board(user=user, now=now)
    page = Paginator(desk.behind(desk.of_therapist(user), now), PER_PAGE).get_page(request.GET.get("page"))
    past = show(list(page.object_list), user=user, now=now)
    counts = desk.counts(user=user, now=now)
    context = {
        "therapist": therapist,
        "counts": counts,
        "board": board,
        "page": page,
        "past": past,
        "version": version_of([*board.rows, *past], counts),
    }
    part = "sessions_booking/_practice.html" if "part" in request.GET else "sessions_booking/practice.html"
    return render(request, part, context)


@never_cache
@signed_in()
@require_http_methods(["GET", "HEAD", "POST"])
@limited
def hours(request: HttpRequest) -> HttpResponse:
    """What clients read, weekly hours, exceptions and session types; `do` says which form was sent."""
    therapist = _me(request)
    if request.method != "POST":
        return _hours_page(request, therapist, _forms(therapist, request.GET.get("change", "")))
    do = request.POST.get("do", "")
    if do in _ROWS:
        return _change_row(request, therapist, do)
    if do not in _ADDS:
        raise Http404
    form = _bound(do, request)
    if not form.is_valid():
        return _hours_page(request, therapist, {**_forms(therapist), do: form}, Refusal("invalid", ""))
    try:
        _ADDS[do](therapist_id=therapist.pk, now=clock.now(), **form.cleaned_data)
    except Refusal as refusal:
        if refusal.status == 404:
            raise Http404 from refusal
        form.add_error("name" if "name" in refusal.errors else None, refusal.message)
        return _hours_page(request, therapist, {**_forms(therapist), do: form}, refusal)
    messages.success(request, _("Saved."))
    return see_other("sessions_booking:hours")


def _me(request: HttpRequest) -> Therapist:
    """Only therapists have a practice."""
    row = Therapist.objects.filter(user=user_of(request)).first()
    if row is None:
        raise Http404
    return row


_ADDS: dict[str, Callable[..., object]] = {
    "about": opening.save_about,
    "hours": opening.add_hours,
    "exception": opening.add_exception,
    "type": opening.save_type,
}
_FORMS: dict[str, type[forms.Form]] = {
    "about": AboutForm,
    "hours": HoursForm,
    "exception": ExceptionForm,
    "type": TypeForm,
}
_ROWS = {"remove_hours", "remove_exception", "offer", "withdraw"}


def _bound(do: str, request: HttpRequest) -> forms.Form:
    return _tidy(_FORMS[do](request.POST, auto_id=f"{do}_%s"))


def _forms(therapist: Therapist, change: str = "") -> Forms:
    """All empty, but what clients read, and the type that is to be changed."""
    made = {name: _tidy(kind(auto_id=f"{name}_%s")) for name, kind in _FORMS.items()}
    made["about"].initial = {"title": therapist.title, "bio": therapist.bio}
    row = therapist.types.filter(pk=change).first() if change.isdecimal() and len(change) < 19 else None
    if row:
        made["type"] = _tidy(TypeForm(initial=TypeForm.filled_in(row), auto_id="type_%s"))
    return made


def _tidy(form: Any) -> Any:
    form.use_required_attribute = False  # the server's words are kinder than the browser's
    return form


def _change_row(request: HttpRequest, therapist: Therapist, do: str) -> HttpResponse:
    key = request.POST.get("row", "")
    if not (key.isdecimal() and key.isascii() and len(key) < 19):
        raise Http404
    who: dict[str, Any] = {"therapist_id": therapist.pk, "now": clock.now()}
    match do:
        case "remove_hours":
            opening.remove_hours(hours_id=int(key), **who)
        case "remove_exception":
            opening.remove_exception(exception_id=int(key), **who)
        case _:
            opening.offer_type(type_id=int(key), offered=do == "offer", **who)
    messages.success(request, _("Saved."))
    return see_other("sessions_booking:hours")


def _hours_page(
    request: HttpRequest, therapist: Therapist, made: Forms, refusal: Refusal | None = None
) -> HttpResponse:
    exceptions = therapist.exceptions.filter(ends_at__gt=clock.now())
    changed = made["type"]["type_id"].value()
    context: dict[str, object] = {
        "therapist": therapist,
        "hours": [(WEEKDAYS[row.weekday], row) for row in therapist.hours.all()],
        "exceptions": exceptions,
        "types": SessionType.objects.filter(therapist=therapist),
        "changing": bool(changed),
        **{f"{name}_form": form for name, form in made.items()},
    }
    return answer(request, "sessions_booking/hours.html", context, refusal)
