"""A payment: what was asked (never changes), what is known in short (derived from facts), and the work to do."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.models.environment import environment_field, environment_known
from payments.models.merchant import Merchant
from payments.states import LIVE, Status

IS_LIVE = Q(status__in=sorted(LIVE))


class Payment(models.Model):
    """Money is in cents, times are UTC. The row is changed by `lifecycle` only."""

    class Provider(models.TextChoices):
        MPESA = "mpesa", "M-Pesa"
        STRIPE = "stripe", "Stripe"

    class Answer(models.TextChoices):
        """What the thing paid for answered when the money was there."""

        NOT_ASKED = "", _("Not asked yet")
        GIVEN = "GIVEN", _("Given")
        REFUSED = "REFUSED", _("Could not be given: the money is owed to the payer")
        RETURNED = "RETURNED", _("Given, and given back since: the money is owed to the payer")

    # What was asked
    transaction_id = models.CharField(max_length=40, unique=True)
    environment = environment_field()
    provider = models.CharField(max_length=8, choices=Provider.choices, default=Provider.MPESA)
    purpose = models.CharField(max_length=16)
    target_id = models.BigIntegerField()
    payer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="payments")
    counterparty_id = models.BigIntegerField(null=True, blank=True)
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    amount_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3, default="KES")
    phone_sealed = models.BinaryField(default=b"")
    phone_hash = models.CharField(max_length=64, blank=True, default="")
    phone_tail = models.CharField(max_length=3, blank=True, default="")
    account_reference = models.CharField(max_length=12)
    description = models.CharField(max_length=140, blank=True, default="")
    idempotency_key = models.CharField(max_length=100, blank=True, default="")
    fingerprint = models.CharField(max_length=64, blank=True, default="")
    metadata = models.JSONField(default=dict, blank=True)
    initiated_at = models.DateTimeField()

    # What is known, in short: derived from the facts by `lifecycle.apply`
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.SENDING)
    reasons = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    answer = models.CharField(max_length=8, choices=Answer.choices, blank=True, default=Answer.NOT_ASKED)
    answer_reason = models.CharField(max_length=40, blank=True, default="")
    received_cents = models.BigIntegerField(default=0)
    refunded_cents = models.BigIntegerField(default=0)
    receipt = models.CharField(max_length=30, blank=True, default="")
    result_code = models.CharField(max_length=40, blank=True, default="")
    result_description = models.CharField(max_length=300, blank=True, default="")
    result_source = models.CharField(max_length=10, blank=True, default="")
    callback_received = models.BooleanField(default=False)
    checkout_sealed = models.BinaryField(default=b"")
    checkout_hash = models.CharField(max_length=64, blank=True, default="")
    merchant_request_id = models.CharField(max_length=80, blank=True, default="")
    completed_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    mpesa_transaction_at = models.DateTimeField(null=True, blank=True)
    journals = models.PositiveIntegerField(default=0)

    # Work
    attempts = models.PositiveSmallIntegerField(default=0)
    last_submitted_at = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    timed_out_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)
    queries = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField(null=True, blank=True)
    still_processing_at = models.DateTimeField(null=True, blank=True)
    next_query_at = models.DateTimeField(null=True, blank=True)
    query_lease = models.UUIDField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            environment_known("payment_environment_known"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="payment_status_known"),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="payment_amount_positive"),
            models.CheckConstraint(
                condition=~Q(provider="mpesa") | Q(amount_cents__lte=250_000_00), name="payment_mpesa_limit"
            ),
            models.CheckConstraint(condition=Q(currency="KES"), name="payment_in_shillings"),
            models.CheckConstraint(
                condition=~Q(provider="mpesa") | (Q(phone_hash__regex=r"^[0-9a-f]{64}$") & Q(merchant__isnull=False)),
                name="payment_mpesa_fields",
            ),
            models.CheckConstraint(
                condition=Q(account_reference__regex=r"^[A-Z0-9]{1,12}$"), name="payment_reference_form"
            ),
            models.CheckConstraint(
                condition=Q(refunded_cents__gte=0) & Q(refunded_cents__lte=models.F("received_cents")),
                name="payment_refunded_at_most_received",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.COMPLETED) | Q(completed_at__isnull=False, received_cents__gt=0),
                name="payment_completed_has_money",
            ),
            models.UniqueConstraint(
                fields=["environment", "purpose", "target_id"], condition=IS_LIVE, name="payment_one_live_per_thing"
            ),
            models.UniqueConstraint(
                fields=["environment", "phone_hash"],
                condition=IS_LIVE & Q(provider="mpesa"),
                name="payment_one_prompt_per_phone",
            ),
            models.UniqueConstraint(
                fields=["payer", "idempotency_key"], condition=~Q(idempotency_key=""), name="payment_idempotent"
            ),
            models.UniqueConstraint(fields=["environment", "account_reference"], name="payment_reference_once"),
            models.UniqueConstraint(fields=["id", "environment"], name="payment_id_environment"),
        ]
        indexes = [
            models.Index(fields=["payer", "-initiated_at"], name="payment_payer_time"),
            # The environment with it: staff's lists count by status without reading the rows.
            models.Index(fields=["status", "-initiated_at"], include=["environment"], name="payment_status_newest"),
            models.Index(fields=["phone_hash"], condition=~Q(phone_hash=""), name="payment_phone"),
            models.Index(fields=["environment", "-initiated_at"], name="payment_env_time"),
            models.Index(fields=["provider", "-initiated_at"], name="payment_provider_time"),
            models.Index(fields=["counterparty_id"], name="payment_counterparty"),
            models.Index(fields=["purpose", "target_id"], name="payment_thing"),
            models.Index(fields=["receipt"], condition=~Q(receipt=""), name="payment_receipt"),
            models.Index(fields=["checkout_hash"], condition=~Q(checkout_hash=""), name="payment_checkout"),
            models.Index(
                fields=["next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="payment_to_send"
            ),
            models.Index(fields=["next_query_at"], condition=Q(next_query_at__isnull=False), name="payment_to_ask"),
            models.Index(fields=["deadline_at"], condition=Q(deadline_at__isnull=False), name="payment_to_close"),
            models.Index(fields=["asked_at"], condition=Q(asked_at__isnull=False), name="payment_asked"),
            models.Index(fields=["-initiated_at"], condition=~Q(reasons=[]), name="payment_in_review"),
        ]

    def __str__(self) -> str:
        return self.transaction_id
