"""Therapists with what they offer and when. Admins edit; support and finance read; every change is in the trail."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import ForeignKey, QuerySet
from django.http import HttpRequest

from accounts.models import User
from accounts.roles import Role
from audit import trail
from lib import money
from lib.admin import BoundedPaginator
from sessions_booking.models import HoursException, OpeningHours, SessionType, Therapist

_DAYS = list(enumerate(["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]))


class TypeForm(forms.ModelForm):
    """People write shillings; cents are kept."""

    price = forms.IntegerField(min_value=1, max_value=250_000, label="Price, KES")

    class Meta:
        model = SessionType
        fields = ("name", "minutes", "offered")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["price"].initial = self.instance.price_cents // money.CENTS

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if "price" in cleaned:
            self.instance.price_cents = money.cents(cleaned["price"])
        return cleaned


class TypeInline(admin.TabularInline):
    """A type that was booked is never deleted: it is taken off the offer."""

    model, form, extra = SessionType, TypeForm, 0
    fields = ("name", "minutes", "price", "offered")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (
            self.fields if self.has_change_permission(request, obj) else ("name", "minutes", "price_words", "offered")
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("price_words",)

    @admin.display(description="price")
    def price_words(self, row: SessionType) -> str:
        return money.words(row.price_cents)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _time() -> forms.TimeField:
    """The browser's own input: the admin's speaks of the reader's time zone, and these hours are Nairobi's."""
    return forms.TimeField(widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))


def _moment() -> forms.DateTimeField:
    return forms.DateTimeField(widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"))


class HoursForm(forms.ModelForm):
    weekday = forms.TypedChoiceField(choices=_DAYS, coerce=int)
    opens, closes = _time(), _time()

    class Meta:
        model = OpeningHours
        fields = ("weekday", "opens", "closes")


class HoursInline(admin.TabularInline):
    model, form, extra = OpeningHours, HoursForm, 0


class ExceptionForm(forms.ModelForm):
    starts_at, ends_at = _moment(), _moment()

    class Meta:
        model = HoursException
        fields = ("kind", "starts_at", "ends_at", "note")


class ExceptionInline(admin.TabularInline):
    model, form, extra = HoursException, ExceptionForm, 0
    fields = ("kind", "starts_at", "ends_at", "note")
    verbose_name_plural = "exceptions: days off, extra hours (East Africa Time)"


@admin.register(Therapist)
class TherapistAdmin(admin.ModelAdmin):
    list_display = ("name", "title", "email", "listed", "created_at")
    list_filter = ("listed",)
    search_fields = ("name__istartswith", "user__email__startswith")
    search_help_text = "the beginning of a name or an e-mail"
    list_select_related = ("user",)
    fields = ("user", "name", "title", "bio", "specialties", "listed")
    inlines = (TypeInline, HoursInline, ExceptionInline)
    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50

    @admin.display(description="e-mail", ordering="user__email")
    def email(self, row: Therapist) -> str:
        return row.user.email

    def get_readonly_fields(self, request: HttpRequest, obj: Therapist | None = None) -> tuple[str, ...]:
        return ("user",) if obj else ()

    def formfield_for_foreignkey(self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "user":
            kwargs["queryset"] = _may_hold_sessions()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Therapist | None = None) -> bool:
        """Sessions name them: they are taken off the list instead."""
        return False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        touched = [formset.model._meta.model_name for formset in formsets if formset.has_changed()]
        trail.record(
            action="therapist.changed" if change else "therapist.added",
            actor=f"user:{request.user.pk}",
            subject=f"therapist:{form.instance.pk}",
            data={"fields": sorted(form.changed_data), "rows": touched},
        )


def _may_hold_sessions() -> "QuerySet[User]":
    return User.objects.filter(role=Role.THERAPIST, is_active=True, therapist=None).order_by("email")
