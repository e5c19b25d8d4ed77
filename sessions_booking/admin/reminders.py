"""Reminders: which were said, and which wait for their time."""

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.watched import WatchedAdmin
from payments.admin.cells import to_the_second
from sessions_booking.models import Reminder


@admin.register(Reminder)
class ReminderAdmin(WatchedAdmin):
    list_title = "Reminders"
    list_display = ("due", "kind", "state", "session")
    list_filter = ("state", "kind")
    search_fields = ("booking__code__exact",)
    search_help_text = "the whole code of a session"
    ordering = ("-due_at", "-pk")
    list_select_related = ("booking",)
    fields = ("due", "kind", "state", "session")
    readonly_fields = ("due", "session")

    def get_search_results(self, request: HttpRequest, queryset, search_term):
        return super().get_search_results(request, queryset, search_term.strip().upper())

    @admin.display(description="due", ordering="due_at")
    def due(self, row: Reminder) -> str:
        return to_the_second(row.due_at)

    @admin.display(description="session")
    def session(self, row: Reminder) -> SafeString:
        url = reverse("admin:sessions_booking_booking_change", args=[row.booking_id])
        return format_html('<a class="mono" href="{}">{}</a>', url, row.booking.code)
