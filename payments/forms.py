"""What every form that pays has: the number, a key that makes a second click the same request, and where a refusal goes."""

import hashlib
import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms import PhoneField
from lib.errors import Refusal


def new_key() -> str:
    return uuid.uuid4().hex


class PayForm(forms.Form):
    """`key` makes a second click, or a press after an answer that never came, the same request.

    A page that is asked for anew, as by the back button, has a new key: there the thing paid for must say that it was
    paid. A session is not paid twice; a wallet is, so its form asks (`wallet.deposits.paid_before`).
    """

    phone = PhoneField(label=_("M-Pesa number"), error_messages={"required": _("Please enter the number that pays.")})
    key = forms.CharField(widget=forms.HiddenInput, max_length=32, required=False, initial=new_key)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.use_required_attribute = False  # the server's words are kinder than the browser's

    def clean_key(self) -> str:
        key: str = self.cleaned_data["key"]
        return key if key.isalnum() and key.isascii() else new_key()

    def idempotency_key(self, *said: object) -> str:
        """The same form with other contents is another request, so the key is made of them too."""
        whole = " ".join(str(one) for one in (self.cleaned_data["key"], self.cleaned_data["phone"], *said))
        return f"page:{hashlib.sha256(whole.encode()).hexdigest()}"

    def refuse(self, refusal: Refusal) -> None:
        """Show a refusal of the domain where it belongs."""
        fields = {"phoneNumber": "phone", "amount": "amount"}
        for field, words in refusal.errors.items():
            name = fields.get(field)
            self.add_error(name if name in self.fields else None, words)
        if not refusal.errors:
            self.add_error("phone" if refusal.code == "phone_busy" else None, refusal.message)
