"""Wallets, for reading: whose, and what is in it. The money itself stands in the ledger."""

from django.contrib import admin
from django.db.models import CharField, F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.watched import WatchedAdmin
from ledger import chart
from ledger.models import LedgerAccount
from lib import money
from wallet.models import Wallet

_PREFIX = chart.wallet(0).removesuffix("0")


@admin.register(Wallet)
class WalletAdmin(WatchedAdmin):
    list_display = ("user", "balance", "environment", "created_at", "books")
    list_filter = ("environment",)
    search_fields = ("user__email__startswith", "user__name__istartswith")
    search_help_text = "the beginning of an e-mail or a name"
    ordering = ("-id",)
    list_select_related = ("user",)
    fields = ("user", "balance", "environment", "created_at", "books")
    readonly_fields = ("balance", "books")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Wallet]":
        """With the account in the books: one query for the whole list."""
        code = Concat(Value(_PREFIX), Cast(OuterRef("user_id"), CharField()))
        account = LedgerAccount.objects.filter(environment=OuterRef("environment"), code=code)
        rows = super().get_queryset(request)
        return rows.annotate(
            account_id=Subquery(account.values("pk")), balance_cents=Subquery(account.values(cents=F("balance_cents")))
        )

    @admin.display(description="balance")
    def balance(self, row: Wallet) -> str:
        return money.words(getattr(row, "balance_cents", None) or 0)

    @admin.display(description="books")
    def books(self, row: Wallet) -> SafeString:
        account_id = getattr(row, "account_id", None)
        if account_id is None:
            return SafeString("–")
        url = reverse("admin:ledger_ledgeraccount_change", args=[account_id])
        return format_html('<a href="{}">{}</a>', url, chart.wallet(row.user_id))
