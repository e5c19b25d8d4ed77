"""Money that M-Pesa moved: each receipt once, with its payment or in suspense."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.watched import WatchedAdmin
from lib import money
from payments.models import LotRow


class SuspenseFilter(admin.SimpleListFilter):
    title, parameter_name = "suspense", "suspense"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "belongs to no payment (yet)")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(payment=None) if self.value() == "yes" else queryset


@admin.register(LotRow)
class LotAdmin(WatchedAdmin):
    list_title = "Receipts: money that M-Pesa moved"
    list_display = ("receipt", "amount", "source", "shortcode", "payment", "occurred_at", "recorded_at", "environment")
    list_filter = (SuspenseFilter, "environment", "source", "recorded_at")
    search_fields = ("receipt__exact",)
    search_help_text = "the whole receipt"
    list_select_related = ("payment",)
    ordering = ("-id",)
    fields = (
        "receipt",
        "amount",
        "source",
        "shortcode",
        "reference",
        "payment",
        "occurred_at",
        "recorded_at",
        "environment",
    )
    readonly_fields = ("amount",)

    @admin.display(description="amount")
    def amount(self, row: LotRow) -> str:
        return money.words(row.amount_cents)
