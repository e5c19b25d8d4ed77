"""The audit trail, for reading: by date, actor, action (its beginning) or subject."""

from django.contrib import admin

from audit.models import Entry, Seal
from lib.admin import ReadOnlyAdmin


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "action", "subject", "environment")
    list_filter = ("at", "environment")
    search_fields = ("actor__exact", "subject__exact", "action__startswith")
    search_help_text = "user:12, system, payment:7, or the beginning of an action such as security."
    ordering = ("-id",)


@admin.register(Seal)
class SealAdmin(ReadOnlyAdmin):
    list_display = ("position", "at", "count", "head")
    ordering = ("-position",)
