"""The deposit form. What it checks is courtesy in words; `starting.start` and the database hold the rules."""

import uuid
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.forms import PhoneField
from lib import money
from lib.errors import Refusal
from wallet.deposits import MAXIMUM, MINIMUM


def new_key() -> str:
    return uuid.uuid4().hex


class DepositForm(forms.Form):
    """`key` makes a second click, a reload or the back button the same request."""

    phone = PhoneField(label=_("M-Pesa number"), error_messages={"required": _("Please enter the number that pays.")})
    amount = forms.CharField(
        label=_("Amount in KES"),
        max_length=20,
        help_text=_("%(least)s to %(most)s, whole shillings") % {"least": f"{MINIMUM:,}", "most": f"{MAXIMUM:,}"},
        error_messages={"required": _("Please enter an amount.")},
        widget=forms.TextInput(
            attrs={
                "inputmode": "numeric",
                "autocomplete": "transaction-amount",
                "data-amount": "",
                "data-least": str(MINIMUM),
                "data-most": str(MAXIMUM),
                "placeholder": "1,000",
            }
        ),
    )
    key = forms.CharField(widget=forms.HiddenInput, max_length=32, required=False, initial=new_key)

    def clean_amount(self) -> int:
        """Whole shillings."""
        try:
            return money.parse(self.cleaned_data["amount"], minimum=MINIMUM, maximum=MAXIMUM) // money.CENTS
        except Refusal as refusal:
            raise ValidationError(refusal.message) from None

    def clean_key(self) -> str:
        key: str = self.cleaned_data["key"]
        return key if key.isalnum() else new_key()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.use_required_attribute = False  # the server's words are kinder than the browser's
