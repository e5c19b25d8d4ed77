"""The log of calls to and from M-Pesa (FEE-2)."""

from django.contrib import admin
from django.utils.safestring import SafeString

from payments import calls
from payments.admin.watched import WatchedAdmin, masked_body
from payments.models import Exchange


@admin.register(Exchange)
class ExchangeAdmin(WatchedAdmin):
    list_display = ("created_at", "type", "http_status", "duration_ms", "transaction_id", "error", "address", "user_id")
    list_filter = ("type", "environment", "created_at")
    search_fields = ("transaction_id__exact", "payment_id__exact")
    search_help_text = "the whole transaction id"
    ordering = ("-id",)
    fields = ("type", "environment", "transaction_id", "payment_id", "http_status", "duration_ms", "error", "address",
              "user_agent", "user_id", "created_at", "request_shown", "response_shown")  # fmt: skip
    readonly_fields = ("request_shown", "response_shown")

    @admin.display(description="request (masked)")
    def request_shown(self, row: Exchange) -> SafeString:
        return masked_body(row.request_sealed, calls.CONTEXT)

    @admin.display(description="response (masked)")
    def response_shown(self, row: Exchange) -> SafeString:
        return masked_body(row.response_sealed, calls.CONTEXT)
