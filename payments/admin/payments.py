"""Payments: the list (live), one payment with its why and its timeline, and what a person may decide about it."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from accounts import roles
from accounts.models import User
from lib import clock, money
from lib.errors import Refusal
from lib.phone import hidden
from payments import chase, holding, review
from payments.admin.filters import DaysFilter, ModeFilter, ReviewFilter
from payments.admin.search import HELP, search
from payments.admin.watched import WatchedAdmin
from payments.models import Payment
from payments.timeline import timeline
from payments.why import review_words, why
from payments.words import brief

Decision = Callable[..., None]


@admin.register(Payment)
class PaymentAdmin(WatchedAdmin):
    """ADM-1, ADM-5, REC-6."""

    list_display = (
        "when",
        "amount",
        "client",
        "therapist",
        "state",
        "receipt_shown",
        "failure",
        "flag",
        "transaction_id",
    )
    list_display_links = ("transaction_id", "when")
    list_filter = (ModeFilter, "status", ReviewFilter, DaysFilter, "purpose")
    search_fields = ("transaction_id",)
    search_help_text = HELP
    ordering = ("-initiated_at", "-pk")
    list_select_related = ("payer",)
    change_form_template = "admin/payments/payment/change_form.html"
    change_list_template = "admin/payments/payment/change_list.html"
    fieldsets = (
        (None, {"fields": ("transaction_id", "amount", "state", "client", "therapist", "phone", "receipt_shown")}),
        ("What was asked", {"fields": ("purpose", "target_id", "environment", "provider", "merchant", "account_reference",
                                       "description", "initiated_at", "idempotency_key")}),
        ("What is known", {"fields": ("result_code", "result_description", "result_source", "callback_received",
                                      "merchant_request_id", "answer", "answer_reason", "received", "completed_at",
                                      "failed_at", "mpesa_transaction_at", "timed_out_at")}),
        ("Work", {"classes": ("collapse",), "fields": ("attempts", "last_submitted_at", "next_attempt_at", "deadline_at",
                                                       "queries", "asked_at", "next_query_at", "updated_at")}),
    )  # fmt: skip
    readonly_fields = ("amount", "state", "client", "therapist", "phone", "receipt_shown", "received")

    class Media:
        css = {"all": ("css/admin-payments.css",)}
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

    @admin.display(description="date", ordering="initiated_at")
    def when(self, row: Payment) -> str:
        return f"{row.initiated_at.astimezone(clock.EAT):%d %b %Y %H:%M:%S}"

    @admin.display(description="amount", ordering="amount_cents")
    def amount(self, row: Payment) -> str:
        return money.words(row.amount_cents)

    @admin.display(description="client")
    def client(self, row: Payment) -> str:
        return f"{row.payer.name or row.payer.email}"

    @admin.display(description="therapist")
    def therapist(self, row: Payment) -> str:
        return str(getattr(row, "counterparty_name", "") or "–")

    @admin.display(description="status", ordering="status")
    def state(self, row: Payment) -> SafeString:
        said = brief(row)
        word = "Owed to the payer" if said.state == "OWED" else said.word
        return format_html('<span class="state state--{}">{}</span>', said.state.lower(), word)

    @admin.display(description="receipt")
    def receipt_shown(self, row: Payment) -> SafeString:
        return format_html('<span class="mono">{}</span>', row.receipt or "–")

    @admin.display(description="failure")
    def failure(self, row: Payment) -> str:
        if not row.failed_at or row.completed_at:
            return "–"
        return f"{row.failed_at.astimezone(clock.EAT):%H:%M:%S} {row.result_code} {row.result_description}"[:80]

    @admin.display(description="review")
    def flag(self, row: Payment) -> str:
        names = ", ".join(sorted({key.partition(":")[0].replace("_", " ").lower() for key in row.reasons}))
        return format_html('<span class="flag">⚑ {}</span>', names) if names else "–"

    @admin.display(description="phone")
    def phone(self, row: Payment) -> str:
        return hidden(row.phone_tail) if row.phone_tail else "–"

    @admin.display(description="received")
    def received(self, row: Payment) -> str:
        return money.words(row.received_cents)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        open_reviews = review.waiting()[:100].count()
        return super().changelist_view(request, {**(extra_context or {}), "open_reviews": open_reviews})

    # --- One payment ---

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        if row is not None:
            known = holding.known_of(row)
            context |= {
                "why": why(row, known),
                "events": timeline(row),
                "open_reasons": [(key, review_words(key)) for key in row.reasons],
                "may_settle": roles.may_settle(request.user),
                "is_paid": known.paid,
                "shillings": row.amount_cents // money.CENTS,
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        decide = require_POST(self.admin_site.admin_view(self.decide))
        return [
            path("<int:payment_id>/decide/<str:what>/", decide, name="payments_payment_decide"),
            *super().get_urls(),
        ]

    def decide(self, request: HttpRequest, payment_id: int, what: str) -> HttpResponse:
        """One decision of a person, with a reason: one domain call, then back to the payment."""
        if not roles.may_settle(request.user):
            return HttpResponseForbidden("Your role may read payments, but not settle them.")
        said = {"reason": request.POST.get("reason", ""), "actor": f"user:{request.user.pk}", "now": clock.now()}
        try:
            words = self._decide(request, payment_id, what, said)
        except Refusal as refusal:
            messages.error(request, refusal.message)
        else:
            messages.success(request, words)
        return redirect(reverse("admin:payments_payment_change", args=[payment_id]))

    def _decide(self, request: HttpRequest, payment_id: int, what: str, said: dict[str, Any]) -> str:
        match what:
            case "paid":
                cents = money.parse(request.POST.get("amount", ""), minimum=1, maximum=250_000)
                review.paid(payment_id=payment_id, receipt=request.POST.get("receipt", ""), amount_cents=cents, **said)
                return "Recorded as paid. The books and the payer's page have followed."
            case "not-paid":
                review.not_paid(payment_id=payment_id, **said)
                return "Recorded as not paid."
            case "close":
                review.close(payment_id=payment_id, **said)
                return "Closed: the payer may start another payment."
            case "looked-at":
                review.answer(payment_id=payment_id, key=request.POST.get("key", ""), **said)
                return "Taken off the review list."
            case "ask":
                chase.ask_soon(payment_ids=[payment_id], now=said["now"])
                return "M-Pesa will be asked within seconds, if it can be asked about this payment."
            case _:
                raise Refusal("unknown_decision", "There is no such decision.", status=404)
