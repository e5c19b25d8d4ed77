"""The log of every call to and from M-Pesa (FEE-2), sealed where it carries phone numbers."""

from django.db import models

from payments.models.environment import environment_field


class Exchange(models.Model):
    """Secrets are removed before it gets here; request and response are sealed; append-only."""

    class Type(models.TextChoices):
        TOKEN = "TOKEN"  # noqa: S105
        STK_PUSH = "STK_PUSH"
        STK_QUERY = "STK_QUERY"
        CALLBACK = "CALLBACK"
        C2B = "C2B"
        B2C = "B2C"
        BALANCE_QUERY = "BALANCE_QUERY"
        REVERSAL = "REVERSAL"
        STATUS_QUERY = "STATUS_QUERY"

    environment = environment_field()
    type = models.CharField(max_length=13, choices=Type.choices)
    payment_id = models.BigIntegerField(null=True, blank=True)
    transaction_id = models.CharField(max_length=40, blank=True, default="")
    request_sealed = models.BinaryField(default=b"")
    response_sealed = models.BinaryField(default=b"")
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True, default="")
    address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=200, blank=True, default="")
    user_id = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["-created_at"], name="exchange_time"),
            models.Index(fields=["payment_id"], name="exchange_payment"),
            models.Index(fields=["type", "-created_at"], name="exchange_type_time"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.http_status or self.error}"
