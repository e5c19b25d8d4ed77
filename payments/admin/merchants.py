"""Who is paid. Credentials go in and never come out; a connectivity test says whether they work (ADM-3)."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from accounts import roles
from audit import trail
from audit.models import Entry
from lib.errors import Refusal
from payments import connection, merchants
from payments.models import Merchant

NEEDED = ("consumer_key", "consumer_secret", "passkey")
SECRETS = (*NEEDED, "initiator_name", "security_credential")


def _secret() -> forms.CharField:
    words = "Never shown. Leave it empty to keep what is stored."
    return forms.CharField(required=False, widget=forms.PasswordInput(attrs={"autocomplete": "off"}), help_text=words)


class MerchantForm(forms.ModelForm):
    """A secret that is left empty stays what it is."""

    purposes = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, help_text="Besides those it takes as the default."
    )
    consumer_key = _secret()
    consumer_secret = _secret()
    passkey = _secret()
    initiator_name = _secret()
    security_credential = _secret()

    class Meta:
        model = Merchant
        fields = ("environment", "name", "kind", "shortcode", "till", "is_default", "purposes")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        purposes = self.fields.get("purposes")  # not there for who may only read
        if isinstance(purposes, forms.MultipleChoiceField):
            purposes.choices = [(purpose, purpose) for purpose in sorted(settings.PAYABLES)]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in NEEDED if self.instance.pk is None else ():
            if not cleaned.get(name):
                self.add_error(name, "M-Pesa asks for it: it stands on Safaricom's developer portal.")
        return cleaned

    def given(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in SECRETS if self.cleaned_data.get(name)}


@admin.register(Merchant)
class MerchantAdmin(admin.ModelAdmin):
    form = MerchantForm
    list_display = ("name", "environment", "kind", "shortcode", "till", "is_default", "updated_at")
    list_filter = ("environment",)
    change_form_template = "admin/payments/merchant/change_form.html"
    fieldsets = (
        (None, {"fields": ("environment", "name", "kind", "shortcode", "till", "is_default", "purposes")}),
        ("Credentials", {"fields": SECRETS}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Merchant | None = None) -> Any:
        return self.fieldsets if roles.may_edit_credentials(request.user) else self.fieldsets[:1]

    def get_readonly_fields(self, request: HttpRequest, obj: Merchant | None = None) -> tuple[str, ...]:
        return ("environment", "shortcode", "till", "kind") if obj else ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return roles.may_edit_credentials(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Merchant | None = None) -> bool:
        return roles.may_edit_credentials(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Merchant | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Merchant, form: Any, change: bool) -> None:
        given = form.given()
        kept = merchants.credentials(obj) if change else merchants.Credentials("", "", "")
        values = {name: given.get(name, getattr(kept, name)) for name in SECRETS}
        obj.credentials_sealed = merchants.sealed(merchants.Credentials(**values))
        super().save_model(request, obj, form, change)
        trail.record(
            action="merchant.changed" if change else "merchant.added",
            actor=f"user:{request.user.pk}",
            subject=f"merchant:{obj.pk}",
            environment=obj.environment,
            data={"credentials": sorted(given), "fields": sorted(set(form.changed_data) - set(SECRETS))},
        )

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        context |= {"may_test": roles.may_test_connection(request.user), "checked": _last_check(row) if row else None}
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        check = require_POST(self.admin_site.admin_view(self.test_connection))
        return [path("<int:merchant_id>/check/", check, name="payments_merchant_check"), *super().get_urls()]

    def test_connection(self, request: HttpRequest, merchant_id: int) -> HttpResponse:
        """Log in to M-Pesa with the stored credentials and say how it went."""
        if not roles.may_test_connection(request.user):
            return HttpResponseForbidden("Your role may not test the connection.")
        merchant = get_object_or_404(Merchant, pk=merchant_id)
        try:
            connection.verify(merchant, actor=f"user:{request.user.pk}")
        except Refusal as refusal:
            messages.error(request, refusal.message)
        else:
            messages.success(request, "Connected: M-Pesa accepted the credentials.")
        return redirect(reverse("admin:payments_merchant_change", args=[merchant_id]))


def _last_check(row: Merchant) -> dict[str, object] | None:
    """How the last test of the connection went; the trail remembers."""
    entry = Entry.objects.filter(subject=f"merchant:{row.pk}", action="merchant.checked").order_by("-id").first()
    if entry is None:
        return None
    good = entry.data["outcome"] == "connected"
    words = "Connected" if good else entry.data["outcome"]
    return {"at": entry.at, "icon": "check" if good else "alert", "words": words}
