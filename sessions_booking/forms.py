"""The forms of sessions. What they check is courtesy in words; the domain and the database hold the rules."""

import re
import unicodedata
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from lib import money
from lib.clock import EAT
from lib.errors import Refusal
from payments import forms as payment_forms
from payments.starting import Start
from sessions_booking.models import LONGEST_BIO, HoursException, SessionType

WEEKDAYS = [_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday")]
PRICES = (1, 250_000)  # shillings
LENGTHS = (15, 240)  # minutes
_TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}  # of Unicode's bidirectional classes
_REQUIRED = {"required": _("Please fill this in."), "invalid": _("Please check this.")}


class PayForm(payment_forms.PayForm):
    """The price is the session's: only the number is asked for."""

    def order(self, *, payer_id: int, code: str) -> Start:
        key, fields = self.idempotency_key(code), {"sessionId": code}
        return Start("session", payer_id, self.cleaned_data["phone"], fields=fields, idempotency_key=key)


class ReasonForm(forms.Form):
    """Why it is declined or cancelled: the other side reads it. A client need not say why."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Please say why in a few words: the other side reads it.")},
    )

    def __init__(self, *args: Any, needed: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.use_required_attribute = False
        self.fields["reason"].required = needed
        self.fields["reason"].help_text = _("The other side reads this. Please write nothing about health.")


def _readable(text: str) -> str:
    """Without what is no writing: controls, and marks that turn the direction of what stands beside it."""
    return "".join(one for one in text if one in "\n\r\t" or not _is_mark(one))


def _is_mark(one: str) -> bool:
    return unicodedata.category(one) in {"Cc", "Cs"} or unicodedata.bidirectional(one) in _TURNS


class _LineField(forms.CharField):
    def to_python(self, value: object) -> str:
        return " ".join(_readable(super().to_python(value) or "").split())


class _ParagraphsField(forms.CharField):
    def to_python(self, value: object) -> str:
        """With at most one empty line between two; a line's end is one character, as the browser counts it."""
        lines = [line.strip() for line in _readable(super().to_python(value) or "").splitlines()]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class AboutForm(forms.Form):
    """What clients read about a therapist, in the therapist's own words. Plain text: pages escape it."""

    title = _LineField(
        label=_("Title"), max_length=120, required=False, help_text=_("Under your name, as: Clinical psychologist"),
        error_messages={"max_length": _("Please use at most 120 characters.")},
    )  # fmt: skip
    bio = _ParagraphsField(
        label=_("About you"), max_length=LONGEST_BIO, required=False, widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("How you work, for whom, in which languages. Everybody can read it."),
        error_messages={"max_length": _("Please use at most 2,000 characters.")},
    )  # fmt: skip


class HoursForm(forms.Form):
    """Weekly hours on one day."""

    weekday = forms.TypedChoiceField(label=_("Day"), choices=list(enumerate(WEEKDAYS)), coerce=int)
    opens = forms.TimeField(label=_("From"), widget=forms.TimeInput(attrs={"type": "time", "step": 900}, format="%H:%M"), error_messages=_REQUIRED)  # fmt: skip
    closes = forms.TimeField(label=_("To"), widget=forms.TimeInput(attrs={"type": "time", "step": 900}, format="%H:%M"), error_messages=_REQUIRED)  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        opens, closes = data.get("opens"), data.get("closes")
        if opens and closes and opens >= closes:
            self.add_error("closes", _("This must be later than the beginning."))
        return data


class ExceptionForm(forms.Form):
    """A day off, or extra hours, from one moment to another in Nairobi."""

    kind = forms.ChoiceField(label=_("What"), choices=HoursException.Kind.choices)
    starts_at = forms.DateTimeField(label=_("From"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"), error_messages=_REQUIRED)  # fmt: skip
    ends_at = forms.DateTimeField(label=_("Until"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"), error_messages=_REQUIRED)  # fmt: skip
    note = forms.CharField(label=_("Note"), max_length=120, required=False, help_text=_("Only you read it."))

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        begin, end = data.get("starts_at"), data.get("ends_at")
        if begin and end and begin >= end:
            self.add_error("ends_at", _("This must be later than the beginning."))
        elif end and end <= datetime.now(EAT):
            self.add_error("ends_at", _("This is over already."))
        return data


class TypeForm(forms.Form):
    """What can be booked: a name, a length and a price. `type_id` says which one is changed."""

    type_id = forms.IntegerField(widget=forms.HiddenInput, required=False)
    name = forms.CharField(label=_("Name"), max_length=80, error_messages=_REQUIRED)
    minutes = forms.IntegerField(
        label=_("Minutes"), min_value=LENGTHS[0], max_value=LENGTHS[1], error_messages=_REQUIRED,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}), help_text=_("15 to 240"),
    )  # fmt: skip
    price = forms.CharField(
        label=_("Price in KES"), max_length=20, error_messages=_REQUIRED,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}), help_text=_("Whole shillings"),
    )  # fmt: skip

    def clean_price(self) -> int:
        """In cents."""
        try:
            return money.parse(self.cleaned_data["price"], minimum=PRICES[0], maximum=PRICES[1])
        except Refusal as refusal:
            raise ValidationError(refusal.message) from None

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if "price" in data:
            data["price_cents"] = data.pop("price")
        return data

    @staticmethod
    def filled_in(type: SessionType) -> dict[str, object]:
        price = f"{money.whole_shillings(type.price_cents):,}"
        return {"type_id": type.pk, "name": type.name, "minutes": type.minutes, "price": price}
