"""The inbox: what M-Pesa, or somebody else, sent us. Stuck ones can be processed again."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts import roles
from lib import clock
from payments import calls, inbox
from payments.admin.watched import WatchedAdmin, masked_body
from payments.models import Callback


@admin.register(Callback)
class CallbackAdmin(WatchedAdmin):
    list_display = ("received_at", "kind", "verdict", "state", "outcome", "attempts", "payment_id", "address", "error")
    list_filter = ("state", "verdict", "environment", "received_at")
    search_fields = ("payment_id__exact", "address__exact")
    search_help_text = "the payment's number, or an address"
    ordering = ("-id",)
    fields = ("kind", "environment", "payment_id", "submission", "verdict", "verdict_reason", "path", "address", "size",
              "received_at", "state", "outcome", "attempts", "next_attempt_at", "processed_at", "error", "body")  # fmt: skip
    readonly_fields = ("body",)
    actions = ("process_again",)

    @admin.display(description="body (numbers masked)")
    def body(self, row: Callback) -> SafeString:
        return masked_body(row.body_sealed, calls.CONTEXT)

    def has_settle_permission(self, request: HttpRequest) -> bool:
        return roles.may_settle(request.user)

    @admin.action(description="Process again", permissions=["settle"])
    def process_again(self, request: HttpRequest, rows: "QuerySet[Callback]") -> None:
        for row in rows:
            inbox.process_again(callback_id=row.pk, actor=f"user:{request.user.pk}", now=clock.now())
        self.message_user(request, f"{len(rows)} will be processed again within a second.", messages.SUCCESS)
