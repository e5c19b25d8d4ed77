"""Sessions: the list with the payment beside each, one session with all that happened to it, and cancelling it."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from accounts import roles
from audit.watched import WatchedAdmin
from lib import clock, money
from lib.errors import Refusal
from payments.admin.filters import DaysFilter, ModeFilter
from payments.admin.search import clean, payments_named, people_named
from sessions_booking import booking, reading
from sessions_booking.admin.history import history
from sessions_booking.models import Booking
from sessions_booking.states import MOVES, State
from sessions_booking.words import Pill, payment_pill, state_pill

HELP = (
    "session, receipt, transaction id or phone of its payment, or the beginning of an e-mail or a name of its client "
    "or therapist"
)


class SessionDaysFilter(DaysFilter):
    """By the day that a session is held."""

    field = "starts_at"


@admin.register(Booking)
class BookingAdmin(WatchedAdmin):
    """Read-only: sessions change by the acts of `sessions_booking.booking`."""

    list_title = "Sessions"
    list_display = ("when", "client_name", "therapist", "state_shown", "payment", "price")
    list_filter = ("state", SessionDaysFilter, ModeFilter)
    search_fields = ("code",)
    search_help_text = HELP
    ordering = ("-starts_at", "-pk")
    list_select_related = ("client", "therapist__user", "type")
    change_form_template = "admin/sessions_booking/booking/change_form.html"
    fieldsets = (
        ("Who and when", {"fields": ("when", "until", "client_name", "therapist", "type", "price", "environment")}),
        (
            "How it stands",
            {"fields": ("state_shown", "payment", "answer_by", "pay_by", "paid_at", "reason", "ended_by")},
        ),
        ("Times", {"classes": ("collapse",), "fields": ("requested_at", "approved_at", "changed_at", "sequence")}),
    )
    readonly_fields = ("when", "until", "client_name", "state_shown", "payment", "price")

    # --- The list ---

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """All payments of a page are read by one query."""
        changes = super().get_changelist_instance(request)
        changes.result_list = _with_standing(list(changes.result_list))
        return changes

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Booking]", search_term: str
    ) -> tuple["QuerySet[Booking]", bool]:
        return search(queryset, search_term), False

    @admin.display(description="when, session", ordering="starts_at")
    def when(self, row: Booking) -> SafeString:
        at = f"{row.starts_at.astimezone(clock.EAT):%a %d %b %Y %H:%M}"
        return format_html('{} <span class="mono small">{}</span>', at, row.code)

    @admin.display(description="until")
    def until(self, row: Booking) -> str:
        return f"{row.ends_at.astimezone(clock.EAT):%H:%M}, East Africa Time"

    @admin.display(description="client")
    def client_name(self, row: Booking) -> str:
        return row.client.name or row.client.email

    @admin.display(description="state", ordering="state")
    def state_shown(self, row: Booking) -> SafeString:
        return _pill(state_pill(row))

    @admin.display(description="payment")
    def payment(self, row: Booking) -> SafeString:
        """Its word, the payment behind it, and the receipt."""
        standing = _standing(row)
        if not standing.attempts:
            return _pill(payment_pill(row, standing))
        deciding = next((one for one in standing.attempts if one.pk == row.payment_id), standing.attempts[-1])
        url = reverse("admin:payments_payment_change", args=[deciding.pk])
        link = format_html('<a class="mono small line" href="{}">{}</a>', url, deciding.transaction_id)
        receipt = format_html('<span class="mono line">{}</span>', standing.receipt) if standing.receipt else ""
        return format_html("{}{}{}", _pill(payment_pill(row, standing)), receipt, link)

    @admin.display(description="price")
    def price(self, row: Booking) -> str:
        return money.words(row.price_cents)

    # --- One session ---

    def subject_of(self, object_id: str) -> str:
        """By its code, as everything else about it."""
        rows = Booking.objects.filter(pk=object_id) if object_id.isdecimal() else Booking.objects.none()
        return f"session:{rows.values_list('code', flat=True).first() or object_id}"

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        if row is not None:
            context |= {
                "title": f"{row.client.name or row.client.email} with {row.therapist.name}",
                "pill": _pill(state_pill(row)),
                "events": history(row, _standing(row).attempts),
                "may_cancel": roles.may_cancel_sessions(request.user) and State.CANCELLED in MOVES[row.state],
                "is_paid": row.payment_id is not None,
                "price": money.words(row.price_cents),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        cancel = require_POST(self.admin_site.admin_view(self.cancel))
        return [
            path("<int:booking_id>/cancel/", cancel, name="sessions_booking_booking_cancel"),
            *super().get_urls(),
        ]

    def cancel(self, request: HttpRequest, booking_id: int) -> HttpResponse:
        """For one of its people, with a reason that both read."""
        if not roles.may_cancel_sessions(request.user):
            return HttpResponseForbidden("Your role may read sessions, but not cancel them.")
        row = get_object_or_404(Booking, pk=booking_id)
        reason = request.POST.get("reason", "").replace("\x00", "")
        try:
            booking.cancel(code=row.code, actor_id=int(request.user.pk or 0), reason=reason, now=clock.now())
        except Refusal as refusal:
            messages.error(request, refusal.message)
        else:
            messages.success(request, "Cancelled. Its client and its therapist are told.")
        return redirect(reverse("admin:sessions_booking_booking_change", args=[booking_id]))


def search(rows: "QuerySet[Booking]", term: str) -> "QuerySet[Booking]":
    """The sessions that a term names; all of them for an empty one."""
    term = clean(term)
    if not term:
        return rows
    paid = payments_named(term).filter(purpose="session").values("target_id")
    people = people_named(term)
    concerned = Q(client__in=people) | Q(therapist__user__in=people) | Q(therapist__name__istartswith=term)
    return rows.filter(Q(code=term.upper()) | Q(pk__in=paid) | concerned)


def _with_standing(rows: list[Booking]) -> list[Booking]:
    standings = reading.standings(bookings=rows, now=clock.now())
    for row in rows:
        row.standing = standings[row.pk]  # type: ignore[attr-defined]
    return rows


def _standing(row: Booking) -> reading.Standing:
    if not hasattr(row, "standing"):
        _with_standing([row])
    found: reading.Standing = row.standing  # type: ignore[attr-defined]
    return found


def _pill(said: Pill) -> SafeString:
    icon = render_to_string("_icon.html", {"name": said.icon})
    return format_html('<span class="pill tone-{}">{}{}</span>', said.tone, icon, said.word)
