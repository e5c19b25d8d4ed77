"""People in the admin: support and finance read, admins edit. Phones are shown by their last digits only."""

from axes.admin import AccessAttemptAdmin
from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth.models import Group
from django.forms import ModelForm
from django.http import HttpRequest

from accounts import open_pages
from accounts.models import User
from lib.phone import hidden

admin.site.unregister(Group)  # a role is the whole answer (accounts.roles)
admin.site.unregister(AccessAttempt)


@admin.register(AccessAttempt)
class AttemptAdmin(AccessAttemptAdmin):
    """Without the action that forgets what has expired: every wrong log-in does that, and the action only ever failed."""

    actions = ()


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    list_display = ("email", "name", "role_word", "phone_end", "is_active", "date_joined")
    list_filter = ("role", "is_active")
    search_fields = ("email", "name")
    ordering = ("-id",)
    show_full_result_count = False
    list_per_page = 50
    fields = ("email", "name", "role", "is_active", "phone_end", "consent", "last_login", "date_joined")
    readonly_fields = ("phone_end", "consent", "last_login", "date_joined")

    @admin.display(description="role", ordering="role")
    def role_word(self, user: User) -> str:
        return user.role.capitalize()

    @admin.display(description="phone")
    def phone_end(self, user: User) -> str:
        return hidden(user.phone) if user.phone else "–"

    @admin.display(description="consent")
    def consent(self, user: User) -> str:
        return f"{user.consent_at:%d %b %Y, %H:%M} UTC, version {user.consent_version}" if user.consent_at else "–"

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and {"role", "is_active"} & set(form.changed_data):
            open_pages.ask_again(user_id=obj.pk)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """People are erased by destroying their key, never by deleting the row that payments name."""
        return False
