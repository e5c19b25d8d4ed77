"""Who can be booked, their free times, and asking for one. Anybody may look; asking needs a log-in."""

from datetime import datetime

from django.contrib import messages
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from lib import clock, money
from lib.errors import Refusal
from lib.pages import limited, see_other
from lib.returning import signed_in, stands_on
from sessions_booking import booking, choosing, desk, slots, words
from sessions_booking.models import Booking, SessionType, Therapist
from sessions_booking.views.base import answer, environment, user_of

NO_TIME = Refusal("slot_not_offered", "Please choose a time.", status=400)


@never_cache
@require_safe
def therapists(request: HttpRequest) -> HttpResponse:
    rows = [row for row in _listed() if row.types.all()]
    free = slots.next_free(therapists=rows, environment=environment(), now=clock.now())
    cards = [
        {"therapist": row, "price": min(type.price_cents for type in row.types.all()), "free": free.get(row.pk)}
        for row in rows
    ]
    return render(request, "sessions_booking/therapists.html", {"cards": cards})


@never_cache
@require_safe
def therapist(request: HttpRequest, therapist_id: int) -> HttpResponse:
    """Choose the type, then a day, then a time."""
    return _choose(request, _therapist(therapist_id))


@never_cache
@signed_in()
@stands_on(kept=("type", "at"))
@require_http_methods(["GET", "HEAD", "POST"])
@limited
def book(request: HttpRequest, therapist_id: int) -> HttpResponse:
    """Confirm a chosen time, then ask for it."""
    row = _therapist(therapist_id)
    asked = request.POST if request.method == "POST" else request.GET
    type, starts_at = _type(row, asked.get("type", "")), choosing.read_time(asked.get("at", ""))
    if starts_at is None or type is None:
        return _choose(request, row, NO_TIME)
    if request.method != "POST":
        return _confirm(request, row, type, starts_at)
    wanted = booking.Request(client_id=user_of(request).pk, type_id=type.pk, starts_at=starts_at)
    try:
        made = booking.book(request=wanted, now=clock.now())
    except Refusal as refusal:
        mine = desk.same_again(user=user_of(request), type_id=type.pk, starts_at=starts_at)
        if mine:  # the first click has it
            return see_other("sessions_booking:session", mine.code)
        return _choose(request, row, refusal, type=type, day=f"{starts_at:%Y-%m-%d}")
    messages.success(request, _("You asked for this time. %(name)s has been told.") % {"name": row.name})
    return see_other("sessions_booking:session", made.code)


def _confirm(request: HttpRequest, row: Therapist, type: SessionType, starts_at: datetime) -> HttpResponse:
    now = clock.now()
    mine = desk.same_again(user=user_of(request), type_id=type.pk, starts_at=starts_at)
    if mine:  # the back button leads here
        return _choose(request, row, type=type, day=f"{starts_at:%Y-%m-%d}", mine=mine)
    if not slots.is_free(type=type, environment=environment(), starts_at=starts_at, now=now):
        taken = Refusal("slot_taken", _("This time is not free any more. Please choose another one."), status=409)
        return _choose(request, row, taken, type=type, day=f"{starts_at:%Y-%m-%d}")
    context = {
        "therapist": row,
        "type": type,
        "at": f"{starts_at:%Y-%m-%dT%H:%M}",
        "time": words.moment(starts_at, now),
        "price": money.words(type.price_cents),
    }
    return render(request, "sessions_booking/book.html", context)


def _choose(
    request: HttpRequest,
    row: Therapist,
    refusal: Refusal | None = None,
    type: SessionType | None = None,
    day: str = "",
    mine: Booking | None = None,
) -> HttpResponse:
    """The free times, with what was refused above them, or the session that this client has at the time asked for."""
    types = list(row.types.all())
    type = type or _type(row, request.GET.get("type", "")) or (types[0] if types else None)
    asked = {"day": day or request.GET.get("day", ""), "from": request.GET.get("from", "")}
    choice = type and choosing.choose(type=type, environment=environment(), asked=asked, now=clock.now())
    context = {
        "therapist": row,
        "types": types,
        "type": type,
        "choice": choice,
        "refusal": refusal,
        "mine": mine,
        "own": row.user_id == request.user.pk,
    }
    return answer(request, "sessions_booking/therapist.html", context, refusal)


def _listed() -> "QuerySet[Therapist]":
    offered = Prefetch("types", queryset=SessionType.objects.filter(offered=True))
    return Therapist.objects.filter(listed=True, user__is_active=True).prefetch_related(offered)


def _therapist(therapist_id: int) -> Therapist:
    if therapist_id >= 2**63:
        raise Http404
    return get_object_or_404(_listed(), pk=therapist_id)


def _type(row: Therapist, text: str) -> SessionType | None:
    return next((type for type in row.types.all() if str(type.pk) == text), None)
