"""The deposit form. What it checks is courtesy in words; `starting.start` and the database hold the rules."""

import hashlib
import uuid
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.forms import PhoneField
from lib import money
from lib.errors import Refusal
from payments.starting import Start
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
        return key if key.isalnum() and key.isascii() else new_key()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.use_required_attribute = False  # the server's words are kinder than the browser's

    def order(self, *, payer_id: int) -> Start:
        """The same form with another number or amount is another request, so the key is made of all three."""
        data = self.cleaned_data
        said = f"{data['key']} {data['phone']} {data['amount']}"
        key = f"page:{hashlib.sha256(said.encode()).hexdigest()}"
        return Start("deposit", payer_id, data["phone"], amount=data["amount"], idempotency_key=key)

    def refuse(self, refusal: Refusal) -> None:
        """Show a refusal of the domain where it belongs."""
        fields = {"phoneNumber": "phone", "amount": "amount"}
        for field, words in refusal.errors.items():
            self.add_error(fields.get(field), words)
        if not refusal.errors:
            self.add_error("phone" if refusal.code == "phone_busy" else None, refusal.message)
