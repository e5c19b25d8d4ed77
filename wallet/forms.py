"""The deposit form. What it checks is courtesy in words; `starting.start` and the database hold the rules."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from lib import money
from lib.errors import Refusal
from payments.forms import PayForm
from payments.starting import Start
from wallet.deposits import MAXIMUM, MINIMUM


class DepositForm(PayForm):
    """A number and an amount."""

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

    def clean_amount(self) -> int:
        """Whole shillings."""
        try:
            return money.parse(self.cleaned_data["amount"], minimum=MINIMUM, maximum=MAXIMUM) // money.CENTS
        except Refusal as refusal:
            raise ValidationError(refusal.message) from None

    def order(self, *, payer_id: int) -> Start:
        data = self.cleaned_data
        key = self.idempotency_key(data["amount"])
        return Start("deposit", payer_id, data["phone"], amount=data["amount"], idempotency_key=key)
