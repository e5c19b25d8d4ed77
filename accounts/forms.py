"""The forms of people. What they check is courtesy; the rules stand in the database and in `joining`."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from lib import phone as phones
from lib.errors import Refusal

_PASSWORD_RULES = _("At least 8 characters, not only digits, and not a common one.")
_REQUIRED = {"required": _("Please fill this in.")}


class EmailField(forms.EmailField):
    """Lower case, with the keyboard and the memory of a browser for addresses."""

    def __init__(self, *, autocomplete: str = "email", **kwargs: object) -> None:
        widget = forms.EmailInput(attrs={"autocomplete": autocomplete, "autocapitalize": "none", "spellcheck": "false"})
        super().__init__(label=_("E-mail address"), max_length=254, widget=widget, error_messages=_REQUIRED, **kwargs)  # type: ignore[arg-type]

    def clean(self, value: object) -> str:
        return str(super().clean(value)).lower()


class PhoneField(forms.CharField):
    """Any Kenyan form in, `2547…` out; "" where it may be left out (STK-1)."""

    def __init__(self, **kwargs: object) -> None:
        attrs = {"inputmode": "tel", "autocomplete": "tel", "data-phone": "", "placeholder": "0712 345 678"}
        super().__init__(max_length=32, widget=forms.TextInput(attrs=attrs), **kwargs)  # type: ignore[arg-type]

    def prepare_value(self, value: object) -> object:
        return (
            phones.spaced(value) if isinstance(value, str) and value.startswith("254") and len(value) == 12 else value
        )

    def clean(self, value: object) -> str:
        text = str(super().clean(value))
        try:
            return phones.normalise(text) if text else ""
        except Refusal as refusal:
            raise ValidationError(refusal.message) from None


def new_password(label: Any, help_text: Any = "") -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.CharField(
        label=label, strip=False, widget=widget, help_text=help_text, max_length=4096, error_messages=_REQUIRED
    )


class SignInForm(AuthenticationForm):
    username = EmailField(autocomplete="username")
    error_messages = {
        "invalid_login": _("E-mail address and password do not match an account. Please check both."),
        "inactive": _("This account is closed."),
    }

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["username"].label = _("E-mail address")


class NewPasswordForm(SetPasswordForm):
    """After the link of a reset mail."""

    new_password1 = new_password(_("New password"), _PASSWORD_RULES)
    new_password2 = new_password(_("New password, once more"))


class ChangePasswordForm(PasswordChangeForm):
    new_password1 = new_password(_("New password"), _PASSWORD_RULES)
    new_password2 = new_password(_("New password, once more"))
    error_messages = {
        **PasswordChangeForm.error_messages,
        "password_incorrect": _("That is not your present password. Please try again."),
    }

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["old_password"].label = _("Present password")


class SignUpForm(forms.Form):
    name = forms.CharField(
        label=_("Your name"),
        max_length=120,
        error_messages=_REQUIRED,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = EmailField()
    phone = PhoneField(
        label=_("M-Pesa number"), required=False, help_text=_("The phone you usually pay with. You can add it later.")
    )
    password = new_password(_("Password"), _PASSWORD_RULES)
    consent = forms.BooleanField(
        label=_("I agree to the processing of my payments"),
        error_messages={"required": _("Without your consent we cannot handle payments for you. Please tick the box.")},
    )

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        person = User(email=cleaned.get("email", ""), name=cleaned.get("name", ""))
        if password := cleaned.get("password"):
            try:
                validate_password(password, person)
            except ValidationError as error:
                self.add_error("password", error)
        return cleaned

    def refuse(self, refusal: Refusal) -> None:
        """Show a refusal of the domain where it belongs."""
        for field, messages in refusal.errors.items():
            self.add_error(field if field in self.fields else None, messages)


class AskResetForm(forms.Form):
    email = EmailField()


class ProfileForm(forms.ModelForm):
    phone = PhoneField(label=_("M-Pesa number"), required=False, help_text=_("Filled in for you when you deposit."))

    class Meta:
        model = User
        fields = ("name",)
        labels = {"name": _("Your name")}
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["phone"].initial = self.instance.phone
        self.fields["name"].required = True

    def save(self, commit: bool = True) -> User:
        self.instance.set_phone(self.cleaned_data["phone"])
        self.instance.save(update_fields=["name", *User.PHONE_FIELDS])
        return self.instance
