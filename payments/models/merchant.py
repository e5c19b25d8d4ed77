"""Who is paid: a short code of M-Pesa with its own credentials, sealed."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from payments.models.environment import environment_field, environment_known


class Merchant(models.Model):
    """`shortcode` is the pay bill, or for a till its store (head office) number with the till beside it."""

    class Kind(models.TextChoices):
        PAY_BILL = "PAY_BILL", _("Pay bill")
        TILL = "TILL", _("Till (buy goods)")

    environment = environment_field()
    shortcode = models.CharField(max_length=7)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.PAY_BILL)
    till = models.CharField(max_length=7, blank=True, default="")
    name = models.CharField(max_length=80)
    is_default = models.BooleanField(default=False, help_text=_("Takes the purposes that no other merchant names."))
    purposes = models.JSONField(default=list, blank=True)
    credentials_sealed = models.BinaryField(help_text=_("JSON of consumer key and secret, passkey, initiator."))
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            environment_known("merchant_environment_known"),
            models.UniqueConstraint(fields=["environment", "shortcode", "till"], name="merchant_once"),
            models.UniqueConstraint(
                fields=["environment"], condition=models.Q(is_default=True), name="merchant_one_default"
            ),
            models.CheckConstraint(
                condition=models.Q(kind="PAY_BILL", till="") | (models.Q(kind="TILL") & ~models.Q(till="")),
                name="merchant_till_has_number",
            ),
            models.UniqueConstraint(fields=["id", "environment"], name="merchant_id_environment"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.till or self.shortcode} ({self.environment})"
