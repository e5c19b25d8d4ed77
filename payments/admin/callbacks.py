"""The inbox: what M-Pesa, or somebody else, sent us. Stuck ones can be processed again."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import roles
from audit.watched import WatchedAdmin
from lib import clock
from payments import inbox
from payments.admin.cells import link_to_payment, masked_body, to_the_second
from payments.admin.search import HELP_OF_PAYMENT, of_payment, with_transaction
from payments.models import Callback

_TONES = {"WAITING": "amber", "DONE": "green", "UNMATCHED": "grey", "STUCK": "red", "TRUSTED": "green",
          "DOUBTFUL": "amber", "FORGED": "red"}  # fmt: skip


@admin.register(Callback)
class CallbackAdmin(WatchedAdmin):
    list_display = ("at", "state_pill", "verdict_pill", "said", "transaction", "address")
    list_filter = ("state", "verdict", "environment", "received_at")
    search_fields = ("payment_id",)
    search_help_text = f"{HELP_OF_PAYMENT}, or an address"
    ordering = ("-id",)
    list_title = "Inbox: what M-Pesa sent"
    change_list_template = "admin/payments/callback/change_list.html"
    fieldsets = (
        (None, {"fields": ("at", "state_pill", "verdict_pill", "verdict_reason", "outcome", "error",
                           "transaction")}),
        ("What came", {"fields": ("kind", "environment", "submission", "address", "size", "body")}),
        ("Work", {"classes": ("collapse",), "fields": ("attempts", "next_attempt_at", "processed_at", "path")}),
    )  # fmt: skip
    readonly_fields = ("at", "state_pill", "verdict_pill", "transaction", "body")
    actions = ("process_again",)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Callback]":
        rows = super().get_queryset(request)
        return with_transaction(rows)

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Callback]", search_term: str
    ) -> tuple["QuerySet[Callback]", bool]:
        return of_payment(queryset, search_term, address=True), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        stuck = Callback.objects.filter(state=Callback.State.STUCK)[:100].count()
        return super().changelist_view(request, {**(extra_context or {}), "stuck": stuck})

    @admin.display(description="received", ordering="id")
    def at(self, row: Callback) -> str:
        return to_the_second(row.received_at)

    @admin.display(description="state", ordering="state")
    def state_pill(self, row: Callback) -> SafeString:
        return _pill(row.state, row.get_state_display())

    @admin.display(description="verdict")
    def verdict_pill(self, row: Callback) -> SafeString:
        return _pill(row.verdict, row.get_verdict_display())

    @admin.display(description="what came of it")
    def said(self, row: Callback) -> str:
        tries = f" ({row.attempts} tries)" if row.attempts > 1 else ""
        return f"{row.error or row.outcome or '–'}{tries}"

    @admin.display(description="transaction")
    def transaction(self, row: Callback) -> SafeString:
        return link_to_payment(row)

    @admin.display(description="body (numbers masked)")
    def body(self, row: Callback) -> SafeString:
        return masked_body(row.body_sealed)

    def has_settle_permission(self, request: HttpRequest) -> bool:
        return roles.may_settle(request.user)

    @admin.action(description="Process again", permissions=["settle"])
    def process_again(self, request: HttpRequest, rows: "QuerySet[Callback]") -> None:
        chosen = list(rows)
        again = [row for row in chosen if row.verdict != Callback.Verdict.FORGED]
        for row in again:
            inbox.process_again(callback_id=row.pk, actor=f"user:{request.user.pk}", now=clock.now())
        if again:
            self.message_user(request, f"{len(again)} will be processed again within a second.", messages.SUCCESS)
        if len(again) < len(chosen):
            self.message_user(request, "Forged callbacks are never processed.", messages.WARNING)


def _pill(value: str, meaning: str) -> SafeString:
    return format_html('<span class="pill tone-{}" title="{}">{}</span>', _TONES[value], meaning, value.capitalize())
