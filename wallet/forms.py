"""The deposit form. What it checks is courtesy in words; `starting.start` and the database hold the rules."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from lib import money
from lib.errors import Refusal
from payments.forms import PayForm
from payments.models import Payment
from payments.starting import Start
from wallet.deposits import MAXIMUM, MINIMUM


class DepositForm(PayForm):
    """A number and an amount. `after` names the payment that they were told they had just made."""

    after = forms.CharField(widget=forms.HiddenInput, max_length=40, required=False)

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

    def tell_of(self, paid: Payment) -> None:
        """The page says so; an amount that the browser kept from then would be no word that they want to pay again."""
        self.fields["amount"].widget.attrs["autocomplete"] = "off"
        self.initial["after"] = paid.transaction_id

    def ask_again(self, paid: Payment) -> None:
        """Empty the amount and say why: who enters it anew wants to pay once more."""
        self.data = {**dict(self.data.items()), "amount": "", "after": paid.transaction_id}
        self.fields["amount"].widget.attrs["autocomplete"] = "off"
        text = _("You paid %(money)s a moment ago, and nothing was sent now. To pay once more, enter the amount again.")
        self.add_error("amount", text % {"money": money.words(paid.amount_cents)})

    def order(self, *, payer_id: int) -> Start:
        data = self.cleaned_data
        key = self.idempotency_key(data["amount"])
        return Start("deposit", payer_id, data["phone"], amount=data["amount"], idempotency_key=key)
