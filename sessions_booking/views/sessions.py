"""A client's sessions, and the page of one session for both of its people: paying, moving, cancelling, the calendar."""

from collections.abc import Callable
from copy import copy
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from lib import clock
from lib.errors import Refusal
from lib.pages import limited, see_other
from lib.returning import signed_in, stands_on
from payments import paying, phones
from payments.models import Payment
from payments.presenting import show as show_payment
from sessions_booking import booking, calendar, choosing, desk, slots, words
from sessions_booking.forms import PayForm, ReasonForm
from sessions_booking.models import Booking, SessionType
from sessions_booking.presenting import Shown, show, version_of
from sessions_booking.views.base import answer, environment, found, said, seen_by, user_of

PER_PAGE = 20


@never_cache
@signed_in()
@require_GET
def sessions(request: HttpRequest) -> HttpResponse:
    """Upcoming first, then what is past. `?part=1` is what live.js fetches."""
    user, now = user_of(request), clock.now()
    mine = desk.of_client(user)
    page = Paginator(desk.behind(mine, now), PER_PAGE).get_page(request.GET.get("page"))
    ahead = list(desk.ahead(mine, now)[:100])
    rows = show([*ahead, *page.object_list], user=user, now=now)
    context = {
        "ahead": rows[: len(ahead)],
        "past": rows[len(ahead) :],
        "page": page,
        "version": version_of(rows),
    }
    return render(request, _part(request, "sessions_booking/_sessions.html", "sessions_booking/sessions.html"), context)


@never_cache
@signed_in()
@require_GET
def session(request: HttpRequest, code: str) -> HttpResponse:
    """How it stands, what to do, and all that was tried. `?part=1` is what live.js fetches."""
    shown = found(request, code)
    context: dict[str, object] = {"shown": shown, "last": _last_attempt(shown)}
    return render(request, _part(request, "sessions_booking/_session.html", "sessions_booking/session.html"), context)


@never_cache
@signed_in()
@require_http_methods(["GET", "HEAD", "POST"])
@limited
def pay(request: HttpRequest, code: str) -> HttpResponse:
    """The exact price, the number, and then the payment's own page."""
    shown = found(request, code)
    if shown.party != "client":
        raise Http404
    if shown.standing.live:
        return see_other("payments:payment", shown.standing.live.transaction_id)
    if request.method != "POST":
        return _pay_page(request, shown, PayForm(initial=_filled_in(request))) if shown.may_pay else _to(shown)
    form = PayForm(request.POST)
    if not form.is_valid():
        return _pay_page(request, shown, form, Refusal("invalid_phone", ""))
    try:
        return paying.pay(request, form.order(payer_id=user_of(request).pk, code=shown.booking.code))
    except Refusal as refusal:
        form.refuse(refusal)
        return _pay_page(request, shown, form, refusal)


@never_cache
@signed_in()
@require_http_methods(["GET", "HEAD", "POST"])
@limited
def cancel(request: HttpRequest, code: str) -> HttpResponse:
    """Says what happens to money, then cancels."""
    return _end(request, found(request, code), booking.cancel, "may_cancel", _("The session is cancelled."))


@never_cache
@signed_in()
@require_http_methods(["GET", "HEAD", "POST"])
@limited
def decline(request: HttpRequest, code: str) -> HttpResponse:
    return _end(request, found(request, code), booking.decline, "may_answer", _("The session is declined."))


@signed_in()
@stands_on("sessions_booking:session")
@require_POST
@limited
def approve(request: HttpRequest, code: str) -> HttpResponse:
    """A second click shows how it stands."""
    shown = found(request, code)
    if shown.party != "therapist":
        raise Http404
    try:
        row = booking.approve(**_who(request, shown), now=clock.now())
    except Refusal as refusal:
        said(request, refusal)
        return _to(shown)
    text = _("Approved. %(client)s can pay now.") % {"client": words.name_of(row.client)}
    messages.success(request, text)
    return see_other("sessions_booking:practice")


@never_cache
@signed_in()
@stands_on(kept=("at",))
@require_http_methods(["GET", "HEAD", "POST"])
@limited
def move(request: HttpRequest, code: str) -> HttpResponse:
    """Choose another time, see both, and move."""
    shown = found(request, code)
    if shown.party not in ("client", "therapist"):
        raise Http404
    asked = request.POST if request.method == "POST" else request.GET
    starts_at = choosing.read_time(asked.get("at", ""))
    if request.method != "POST":
        if not shown.may_move:
            return _to(shown)
        return _confirm_move(request, shown, starts_at) if starts_at else _choose(request, shown)
    if starts_at is None:
        return _choose(request, shown, Refusal("slot_not_offered", _("Please choose a time.")))
    try:
        booking.reschedule(**_who(request, shown), starts_at=starts_at, now=clock.now())
    except Refusal as refusal:
        if refusal.code == "changed" or not shown.may_move:
            return _refused(request, shown, refusal)
        return _choose(request, shown, refusal, day=f"{starts_at:%Y-%m-%d}")
    messages.success(request, _("The session was moved. The other side has been told."))
    return _to(shown)


@never_cache
@signed_in()
@require_GET
def calendar_file(request: HttpRequest, code: str) -> HttpResponse:
    """For its two people only."""
    shown = found(request, code)
    if shown.party not in ("client", "therapist"):
        raise Http404
    response = HttpResponse(calendar.file_of(shown.booking), content_type=calendar.CONTENT_TYPE)
    response["Content-Disposition"] = f'inline; filename="{calendar.filename(shown.booking)}"'
    return response


def _who(request: HttpRequest, shown: Shown) -> dict[str, Any]:
    """Decides about which session, and as which they saw it."""
    return {"code": shown.booking.code, "actor_id": user_of(request).pk, "seen": seen_by(request)}


def _part(request: HttpRequest, part: str, page: str) -> str:
    return part if "part" in request.GET else page


def _to(shown: Shown) -> HttpResponse:
    return see_other("sessions_booking:session", shown.booking.code)


def _refused(request: HttpRequest, shown: Shown, refusal: Refusal) -> HttpResponse:
    said(request, refusal)
    return _to(shown)


def _last_attempt(shown: Shown) -> object:
    """The last attempt in the payer's own words, while it may be tried again; None for others."""
    if not shown.may_pay or not shown.standing.attempts:
        return None
    return show_payment(shown.standing.attempts[-1], now=shown.now).words


def _filled_in(request: HttpRequest) -> dict[str, object]:
    """The payer's number; with `?again=TXN_…` the number of that payment of theirs."""
    user = user_of(request)
    before = Payment.objects.filter(payer=user, transaction_id=request.GET.get("again", "")[:40]).first()
    return {"phone": phones.phone_of(before) if before else user.phone}


def _pay_page(request: HttpRequest, shown: Shown, form: PayForm, refusal: Refusal | None = None) -> HttpResponse:
    context = {"shown": shown, "form": form, "test_numbers": phones.TEST_NUMBERS}
    return answer(request, "sessions_booking/pay.html", context, refusal)


def _end(request: HttpRequest, shown: Shown, act: Callable[..., Booking], may: str, done: str) -> HttpResponse:
    """Cancelling and declining: a page that says what happens, with a reason where one is owed."""
    form = ReasonForm(request.POST or None, needed=shown.party != "client")
    context = {"shown": shown, "form": form, "declining": may == "may_answer"}
    if request.method != "POST":
        return answer(request, "sessions_booking/end.html", context) if getattr(shown, may) else _to(shown)
    if not form.is_valid():
        return answer(request, "sessions_booking/end.html", context, Refusal("reason_needed", ""))
    reason = form.cleaned_data["reason"]
    try:
        act(**_who(request, shown), reason=reason, now=clock.now())
    except Refusal as refusal:
        return _refused(request, shown, refusal)
    messages.success(request, done)
    return _to(shown)


def _choose(request: HttpRequest, shown: Shown, refusal: Refusal | None = None, day: str = "") -> HttpResponse:
    asked = {"day": day or request.GET.get("day", ""), "from": request.GET.get("from", "")}
    choice = choosing.choose(type=_as_booked(shown), environment=environment(), asked=asked, now=shown.now)
    return answer(
        request, "sessions_booking/move.html", {"shown": shown, "choice": choice, "refusal": refusal}, refusal
    )


def _as_booked(shown: Shown) -> SessionType:
    """Its type with the length that was booked: the therapist may have changed it since."""
    type = copy(shown.booking.type)
    type.minutes = shown.minutes
    return type


def _confirm_move(request: HttpRequest, shown: Shown, starts_at: datetime) -> HttpResponse:
    type, but = _as_booked(shown), shown.booking.pk
    if not slots.is_free(type=type, environment=environment(), starts_at=starts_at, now=shown.now, but=but):
        taken = Refusal("slot_taken", _("This time is not free any more. Please choose another one."), status=409)
        return _choose(request, shown, taken, day=f"{starts_at:%Y-%m-%d}")
    context = {
        "shown": shown,
        "at": f"{starts_at:%Y-%m-%dT%H:%M}",
        "time": words.moment(starts_at, shown.now),
    }
    return render(request, "sessions_booking/move_confirm.html", context)
