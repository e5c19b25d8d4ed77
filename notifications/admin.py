"""Notifications, for reading, with how each stands and what it is about; the failed and doubtful ones can be sent again."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.watched import WatchedAdmin
from lib import clock
from lib.errors import Refusal
from notifications import sending, words
from notifications.models import Notification
from notifications.standing import Standing, with_standing
from outbox.admin import ReasonForm


class StandingFilter(admin.SimpleListFilter):
    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(standing.value, standing.value.capitalize()) for standing in Standing]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(standing=self.value()) if self.value() in Standing.values else queryset


@admin.register(Notification)
class NotificationAdmin(WatchedAdmin):
    list_display = (
        "created_at", "event", "audience", "channel", "recipient", "how_it_stands", "error", "about_payment",
        "about_session", "again",
    )  # fmt: skip
    list_filter = (StandingFilter, "channel", "event", "created_at")
    search_fields = ("key__startswith", "recipient__email__exact", "payment__transaction_id__exact")
    search_help_text = "the session's code, the payment's id, or the person's e-mail address"
    ordering = ("-id",)
    list_select_related = ("recipient", "payment", "booking")
    fields = (
        "event", "key", "recipient", "audience", "channel", "in_words", "how_it_stands", "tries", "error", "skipped",
        "created_at", "sent_at", "seen_at", "reference", "about_payment", "about_session", "again", "reason",
    )  # fmt: skip
    readonly_fields = fields
    action_form = ReasonForm
    actions = ("send_again",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return with_standing(super().get_queryset(request))

    @admin.display(description="stands", ordering="standing")
    def how_it_stands(self, row: Any) -> str:
        return str(row.standing).capitalize()

    @admin.display(description="tries")
    def tries(self, row: Any) -> int:
        return row.attempts or 0

    @admin.display(description="error, or why not sent")
    def error(self, row: Any) -> str:
        return row.skipped or row.last_error or "–"

    @admin.display(description="payment")
    def about_payment(self, row: Notification) -> SafeString | str:
        return _link("admin:payments_payment_change", row.payment_id, row.payment) if row.payment_id else "–"

    @admin.display(description="session")
    def about_session(self, row: Notification) -> SafeString | str:
        return _link("admin:sessions_booking_booking_change", row.booking_id, row.booking) if row.booking_id else "–"

    @admin.display(description="again of")
    def again(self, row: Notification) -> str:
        return str(row.again_of_id or "–")

    @admin.display(description="in words")
    def in_words(self, row: Notification) -> SafeString:
        said = words.words(row)
        return format_html("<strong>{}</strong><br>{}", said.title, " ".join(said.paragraphs))

    def has_send_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("notifications.send_again")

    @admin.action(description="Send again (say why)", permissions=["send_again"])
    def send_again(self, request: HttpRequest, rows: "QuerySet[Notification]") -> None:
        reason, actor = request.POST.get("reason", ""), f"user:{request.user.pk}"
        for row in rows:
            try:
                sending.send_again(notification_id=row.pk, reason=reason, actor=actor, now=clock.now())
            except Refusal as refusal:
                self.message_user(request, f"{row}: {refusal.message}", messages.ERROR)
            else:
                self.message_user(request, f"{row} will be sent again.", messages.SUCCESS)


def _link(name: str, id: int, said: object) -> SafeString | str:
    try:
        return format_html('<a class="mono" href="{}">{}</a>', reverse(name, args=[id]), said)
    except NoReverseMatch:
        return str(said)
