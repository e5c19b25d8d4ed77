from django import forms
from django.utils.translation import gettext_lazy as _


class PreferenceForm(forms.Form):
    email = forms.BooleanField(
        label=_("E-mails"), required=False, help_text=_("Requests, approvals, changes and payments that did not work.")
    )
    sms = forms.BooleanField(
        label=_("SMS"),
        required=False,
        help_text=_("Reminders before a session, approvals, cancellations, and changes of its time."),
    )
