"""The log of calls to and from M-Pesa (FEE-2)."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.watched import WatchedAdmin
from payments.admin.cells import link_to_payment, masked_body, to_the_second
from payments.admin.search import HELP_OF_PAYMENT, of_payment, with_transaction
from payments.models import Exchange


@admin.register(Exchange)
class ExchangeAdmin(WatchedAdmin):
    list_title = "Calls to and from M-Pesa"
    list_display = ("at", "type", "answer", "took", "transaction", "address", "user_id")
    list_filter = ("type", "environment", "created_at")
    search_fields = ("payment_id",)
    search_help_text = HELP_OF_PAYMENT
    ordering = ("-id",)
    fields = ("at", "type", "answer", "took", "error", "transaction", "environment", "address", "user_agent",
              "user_id", "request_shown", "response_shown")  # fmt: skip
    readonly_fields = ("at", "answer", "took", "transaction", "request_shown", "response_shown")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Exchange]":
        return with_transaction(super().get_queryset(request))

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Exchange]", search_term: str
    ) -> tuple["QuerySet[Exchange]", bool]:
        return of_payment(queryset, search_term), False

    @admin.display(description="when", ordering="id")
    def at(self, row: Exchange) -> str:
        return to_the_second(row.created_at)

    @admin.display(description="answer")
    def answer(self, row: Exchange) -> SafeString:
        """The HTTP status, and what was wrong."""
        good = row.http_status is not None and row.http_status < 400 and not row.error
        status = row.http_status or "none"
        words = "" if good else f" {row.error[:80]}"
        return format_html('<span class="pill tone-{}">{}</span>{}', "green" if good else "red", status, words)

    @admin.display(description="took")
    def took(self, row: Exchange) -> str:
        return f"{row.duration_ms:,} ms" if row.duration_ms else "–"

    @admin.display(description="transaction")
    def transaction(self, row: Exchange) -> SafeString:
        return link_to_payment(row)

    @admin.display(description="request (masked)")
    def request_shown(self, row: Exchange) -> SafeString:
        return masked_body(row.request_sealed)

    @admin.display(description="response (masked)")
    def response_shown(self, row: Exchange) -> SafeString:
        return masked_body(row.response_sealed)
