"""Payments: the list (live), one payment with its why and its timeline, and what a person may decide about it."""

from dataclasses import replace
from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from accounts import roles
from accounts.models import User
from audit.watched import WatchedAdmin
from lib import clock, money
from lib.errors import Refusal
from lib.phone import hidden
from payments import reading, review
from payments.admin import decisions, exports
from payments.admin.cells import to_the_second
from payments.admin.filters import DaysFilter, LiveFilter, ModeFilter, PurposeFilter, ReviewFilter
from payments.admin.people import named, people_in
from payments.admin.search import HELP, search
from payments.models import Payment
from payments.states import LIVE
from payments.timeline import timeline
from payments.why import review as in_words
from payments.why import why
from payments.words import brief


@admin.register(Payment)
class PaymentAdmin(WatchedAdmin):
    """ADM-1, ADM-5, REC-6."""

    list_display = ("when", "amount", "client", "therapist", "state", "receipt_shown")
    list_filter = (ReviewFilter, LiveFilter, "status", DaysFilter, PurposeFilter, ModeFilter)
    search_fields = ("transaction_id",)
    search_help_text = HELP
    ordering = ("-initiated_at", "-pk")
    list_select_related = ("payer",)
    change_form_template = "admin/payments/payment/change_form.html"
    change_list_template = "admin/payments/payment/change_list.html"
    fieldsets = (
        ("Who and what", {"fields": ("client", "therapist", "phone", "amount", "received", "receipt_shown",
                                     "purpose", "description", "account_reference", "initiated_at", "environment",
                                     "merchant")}),
        ("What M-Pesa told", {"fields": ("result_code", "result_description", "result_source", "callback_received",
                                         "merchant_request_id", "mpesa_transaction_at", "completed_at", "failed_at",
                                         "timed_out_at", "answer", "answer_reason")}),
        ("Work", {"classes": ("collapse",), "fields": ("attempts", "last_submitted_at", "next_attempt_at", "deadline_at",
                                                       "queries", "asked_at", "next_query_at", "updated_at",
                                                       "idempotency_key", "target_id")}),
    )  # fmt: skip
    readonly_fields = ("amount", "client", "therapist", "phone", "receipt_shown", "received")

    class Media:
        js = (Script("js/admin-live.js", type="module"),)

    # --- The list ---

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Payment]":
        counterparty = User.objects.filter(pk=OuterRef("counterparty_id")).values("name")[:1]
        rows = super().get_queryset(request).select_related("payer", "merchant")
        return rows.annotate(counterparty_name=Subquery(counterparty)).defer("phone_sealed", "checkout_sealed")

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Payment]", search_term: str
    ) -> tuple["QuerySet[Payment]", bool]:
        return search(queryset, search_term), False

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """The review list says what to do instead of the receipt."""
        if request.GET.get(ReviewFilter.parameter_name):
            return ("when", "amount", "client", "state", "todo")
        return self.list_display

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = "Payments to be looked at" if request.GET.get(ReviewFilter.parameter_name) else "Payments"
        open_reviews = review.waiting().order_by()[:100].count()
        context = {"title": title, "open_reviews": open_reviews, "export": exports.link(request)}
        context |= extra_context or {}
        return super().changelist_view(request, context)

    @admin.display(description="when, transaction", ordering="initiated_at")
    def when(self, row: Payment) -> SafeString:
        at = to_the_second(row.initiated_at)
        return format_html('{} <span class="mono small">{}</span>', at, row.transaction_id)

    @admin.display(description="amount")
    def amount(self, row: Payment) -> str:
        return money.words(row.amount_cents)

    @admin.display(description="client")
    def client(self, row: Payment) -> str:
        return f"{row.payer.name or row.payer.email}"

    @admin.display(description="therapist")
    def therapist(self, row: Payment) -> str:
        return str(getattr(row, "counterparty_name", "") or "–")

    @admin.display(description="status")
    def state(self, row: Payment) -> SafeString:
        """The pill; under it when and why it failed, and what is odd."""
        titles = sorted({in_words(key).title for key in row.reasons})
        return format_html(
            "{}{}{}", _pill(row), _line("small quiet", _failure(row)), _line("small flag", " · ".join(titles))
        )

    @admin.display(description="receipt")
    def receipt_shown(self, row: Payment) -> SafeString:
        return format_html('<span class="mono">{}</span>', row.receipt or "–")

    @admin.display(description="what to do")
    def todo(self, row: Payment) -> SafeString:
        found = [in_words(key) for key in row.reasons]
        return format_html_join("", "<p>{} {}</p>", ((review.todo, review.evidence) for review in found))

    @admin.display(description="phone")
    def phone(self, row: Payment) -> str:
        return hidden(row.phone_tail) if row.phone_tail else "–"

    @admin.display(description="received")
    def received(self, row: Payment) -> str:
        return money.words(row.received_cents)

    # --- One payment ---

    def subject_of(self, object_id: str) -> str:
        """By its transaction id, as everything else about it."""
        rows = Payment.objects.filter(pk=object_id) if object_id.isdecimal() else Payment.objects.none()
        return f"payment:{rows.values_list('transaction_id', flat=True).first() or object_id}"

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        if row is not None:
            known, events = reading.known_of([row])[row.pk], timeline(row)
            people = people_in([event.who for event in events])
            context |= {
                "title": f"{money.words(row.amount_cents)} from {row.payer.name or row.payer.email}",
                "pill": _pill(row),
                "why": named(why(row, known), people),
                "events": [replace(event, who=named(event.who, people)) for event in events],
                "reviews": [(key, in_words(key)) for key in row.reasons],
                "may_settle": roles.may_settle(request.user),
                "is_paid": known.paid,
                "is_live": row.status in LIVE,
                "shillings": row.amount_cents // money.CENTS,
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        decide = require_POST(self.admin_site.admin_view(self.decide))
        return [
            path("<int:payment_id>/decide/<str:what>/", decide, name="payments_payment_decide"),
            exports.address(self),
            *super().get_urls(),
        ]

    def decide(self, request: HttpRequest, payment_id: int, what: str) -> HttpResponse:
        """One decision of a person, with a reason: one domain call, then back to the payment."""
        if not roles.may_settle(request.user):
            return HttpResponseForbidden("Your role may read payments, but not settle them.")
        try:
            words = decisions.take(what, request.POST, payment_id=payment_id, actor=f"user:{request.user.pk}")
        except Refusal as refusal:
            messages.error(request, refusal.message)
        else:
            messages.success(request, words)
        return redirect(reverse("admin:payments_payment_change", args=[payment_id]))


def _pill(row: Payment) -> SafeString:
    said = brief(row)
    word = "Owed to the payer" if said.state == "OWED" else said.word
    return render_to_string("_pill.html", {"state": said.state, "word": word})


def _failure(row: Payment) -> str:
    if not row.failed_at or row.completed_at:
        return ""
    told = f"{row.result_code} {row.result_description}".strip()
    return " · ".join(part for part in (f"{row.failed_at.astimezone(clock.EAT):%H:%M:%S}", told) if part)


def _line(css: str, text: str) -> SafeString:
    return format_html('<span class="line {}">{}</span>', css, text) if text else SafeString("")
