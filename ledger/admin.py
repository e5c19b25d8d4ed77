"""The books, for reading."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from audit.watched import WatchedAdmin
from ledger import books
from ledger.models import Journal, LedgerAccount, Transfer
from lib.admin import ReadOnlyInline
from lib.money import words

_SHOWN = 50  # transfers on an account's page


class TransferInline(ReadOnlyInline):
    model = Transfer
    fields = ("debit", "credit", "amount", "type", "debit_after", "credit_after")
    readonly_fields = fields
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Transfer]:
        return super().get_queryset(request).select_related("debit", "credit").order_by("id")

    @admin.display(description="amount")
    def amount(self, transfer: Transfer) -> str:
        return words(transfer.amount_cents)

    @admin.display(description="debit side's balance after")
    def debit_after(self, transfer: Transfer) -> str:
        return _or_dash(transfer.debit_balance_after)

    @admin.display(description="credit side's balance after")
    def credit_after(self, transfer: Transfer) -> str:
        return _or_dash(transfer.credit_balance_after)


@admin.register(Journal)
class JournalAdmin(WatchedAdmin):
    list_display = ("id", "environment", "kind", "subject", "n", "description", "occurred_at")
    list_filter = ("environment", "occurred_at")
    search_fields = ("subject__exact",)
    search_help_text = "the whole subject"
    ordering = ("-id",)
    inlines = (TransferInline,)


@admin.register(LedgerAccount)
class LedgerAccountAdmin(WatchedAdmin):
    list_display = ("code", "environment", "kind", "stored_balance")
    list_filter = ("environment", "kind")
    search_fields = ("code__exact",)
    search_help_text = "the whole code, such as wallet:12"
    ordering = ("-id",)
    fields = ("code", "environment", "kind", "balance", "latest", "created_at")
    readonly_fields = ("balance", "latest")

    @admin.display(description="balance")
    def stored_balance(self, account: LedgerAccount) -> str:
        """Only where it is stored: summing a busy account for every line of a list would be slow."""
        return _or_dash(account.balance_cents)

    @admin.display(description="balance")
    def balance(self, account: LedgerAccount) -> str:
        return words(books.balance(environment=account.environment, code=account.code))

    @admin.display(description="latest transfers")
    def latest(self, account: LedgerAccount) -> SafeString:
        """At, amount, balance after, of what: newest first."""
        history = books.history(environment=account.environment, code=account.code)[:_SHOWN]
        rows = (
            (f"{row['at']:%Y-%m-%d %H:%M}", words(row["amount"]), _or_dash(row["after"]), row["kind"], row["subject"])
            for row in history
        )
        return format_html(
            "<table><tr><th>UTC</th><th>Amount</th><th>Balance after</th><th>Journal</th></tr>{}</table>",
            format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td><td>{} {}</td></tr>", rows),
        )


def _or_dash(cents: int | None) -> str:
    return "–" if cents is None else words(cents)
