"""Money owed to payers: who, how much, since when, from which payments. The books say it; no decision takes it off."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import F, OrderBy, OuterRef, Q, QuerySet, Subquery
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.models import User
from audit.watched import WatchedAdmin
from ledger import chart
from lib import money
from payments import merchants, owed
from payments.admin.cells import to_the_second
from payments.admin.filters import ModeFilter
from payments.admin.search import clean, payments_named, people_named
from payments.models import Owed, Payment
from payments.words import brief

_MOST_FOUND = 200
_MOST_PARTS = 100  # on one page


@admin.register(Owed)
class OwedAdmin(WatchedAdmin):
    """Read-only for all staff: paying it back comes with refunds."""

    list_display = ("who", "owed", "since", "latest", "of_payments")
    list_filter = (ModeFilter,)
    search_fields = ("code__exact",)
    search_help_text = (
        "the beginning of an e-mail or a name; a transaction id, receipt, reference or phone of a payment"
    )
    change_form_template = "admin/payments/owed/change_form.html"
    change_list_template = "admin/payments/owed/change_list.html"
    fields = ("who", "owed", "since", "latest", "environment", "books")
    readonly_fields = ("who", "owed", "since", "latest", "books")

    class Media:
        js = (Script("js/admin-live.js", type="module"),)

    def get_ordering(self, request: HttpRequest) -> tuple[OrderBy, ...]:
        """The newest money first. (As `ordering` the check of the admin would look for a column of this name.)"""
        return (F("latest").desc(),)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Owed]":
        """The list has who is owed something now; a page stays when it has been paid back."""
        rows = Owed.objects.all()
        if "object_id" not in getattr(request.resolver_match, "kwargs", {}):
            rows = rows.filter(balance_cents__gt=0)
        person = User.objects.filter(pk=OuterRef("payer"))
        rows = owed.in_words(rows)
        return rows.annotate(name=Subquery(person.values("name")), email=Subquery(person.values("email")))

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Owed]", search_term: str
    ) -> tuple["QuerySet[Owed]", bool]:
        term = clean(search_term)
        return (queryset.filter(_found(term)) if term else queryset), False

    def subject_of(self, object_id: str) -> str:
        rows = Owed.objects.filter(pk=object_id) if object_id.isdecimal() else Owed.objects.none()
        return rows.values_list("code", flat=True).first() or f"owed:{object_id}"

    # --- The list ---

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        total = owed.total(environment=request.GET.get(ModeFilter.parameter_name) or merchants.current_environment())
        context = {"title": "Money owed to payers", "total": total, "sum": money.words(total.cents)}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    @admin.display(description="payer", ordering="name")
    def who(self, row: Any) -> SafeString:
        return format_html(
            '{}<span class="line small quiet">{}</span>', row.name or row.email or row.code, row.email or ""
        )

    @admin.display(description="owed", ordering="balance_cents")
    def owed(self, row: Owed) -> str:
        return money.words(row.balance_cents or 0)

    @admin.display(description="since", ordering="since")
    def since(self, row: Any) -> str:
        return _time(row.since if row.balance_cents else None)

    @admin.display(description="newest money", ordering="latest")
    def latest(self, row: Any) -> str:
        return _time(row.latest)

    @admin.display(description="from")
    def of_payments(self, row: Any) -> SafeString:
        """The newest; all of them stand on the payer's page."""
        at = reverse("admin:payments_payment_changelist")
        links = ((at, one, row.environment, one) for one in row.payments[: owed.NAMED - 1])
        shown = format_html_join("", '<a class="line mono small" href="{}?q={}&amp;mode={}">{}</a>', links)
        return format_html("{}{}", shown, "and more" if len(row.payments) >= owed.NAMED else "")

    # --- One payer ---

    @admin.display(description="books")
    def books(self, row: Owed) -> SafeString:
        url = reverse("admin:ledger_ledgeraccount_change", args=[row.pk])
        return format_html('<a class="mono" href="{}">{}</a>', url, row.code)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        if row is not None:
            parts = owed.parts(account=row)
            context |= {
                "title": f"{money.words(row.balance_cents or 0)} owed to {row.name or row.email or row.code}",
                "since": _time(row.since) if row.balance_cents else "",
                "parts": [(part, _pill(part.payment), to_the_second(part.at)) for part in parts[:_MOST_PARTS]],
                "left_out": max(0, len(parts) - _MOST_PARTS),
            }
        return super().render_change_form(request, context, *args, **kwargs)


def _found(term: str) -> Q:
    payers = payments_named(term).values_list("payer_id", flat=True).distinct()[:_MOST_FOUND]
    return owed.of_payers({*people_named(term), *payers}) | Q(code=term.lower(), code__startswith=chart.OWED)


def _time(at: datetime | None) -> str:
    return to_the_second(at) if at else "–"


def _pill(payment: Payment | None) -> SafeString:
    if payment is None:
        return SafeString("")
    said = brief(payment)
    return render_to_string("_pill.html", {"state": said.state, "word": said.word if said.state != "OWED" else "Owed"})
