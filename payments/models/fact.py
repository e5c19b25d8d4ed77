"""What is known about a payment, append-only: facts, and lots of money."""

from django.db import models
from django.db.models import Q

from payments.facts import Kind, Source, Why
from payments.models.environment import environment_field, environment_known
from payments.models.payment import Payment

KINDS = [(kind.value, kind.value) for kind in Kind]
SOURCES = [(source.value, source.value) for source in Source]


class PaymentFact(models.Model):
    """One `facts.Fact`. The same news twice is the same fact: `fact_once`."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="known_facts")
    kind = models.CharField(max_length=10, choices=KINDS)
    source = models.CharField(max_length=9, choices=SOURCES)
    submission = models.PositiveSmallIntegerField(default=0)
    code = models.CharField(max_length=240, blank=True, default="")
    provisional = models.BooleanField(default=False)
    receipt = models.CharField(max_length=30, blank=True, default="")
    amount_cents = models.BigIntegerField(default=0)
    checkout_hash = models.CharField(max_length=64, blank=True, default="")
    text = models.CharField(max_length=500, blank=True, default="")
    at = models.DateTimeField()
    checkout_sealed = models.BinaryField(default=b"")
    merchant_request_id = models.CharField(max_length=80, blank=True, default="")
    actor = models.CharField(max_length=40, default="system")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "payment", "kind", "source", "submission", "code", "provisional", "receipt", "amount_cents",
                    "checkout_hash",
                ],
                name="fact_once",
            ),
            models.UniqueConstraint(
                fields=["payment", "submission"], condition=Q(kind="SENT"), name="fact_submission_once"
            ),
            models.CheckConstraint(condition=Q(kind__in=[k for k, _ in KINDS]), name="fact_kind_known"),
            models.CheckConstraint(condition=Q(source__in=[s for s, _ in SOURCES]), name="fact_source_known"),
            models.CheckConstraint(
                condition=~Q(kind="DOUBTED") | Q(code__in=[why.value for why in Why]), name="fact_doubt_known"
            ),
            models.CheckConstraint(
                condition=~Q(kind="REVERSED") | (Q(amount_cents__gt=0) & ~Q(receipt="")), name="fact_reversal_whole"
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["checkout_hash"], condition=Q(kind="ACCEPTED"), name="fact_accepted_checkout"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.code}".strip()


class LotRow(models.Model):
    """One `facts.Lot`: belongs to a payment, or to none (its money stands in suspense until it is matched)."""

    environment = environment_field()
    receipt = models.CharField(max_length=30)
    amount_cents = models.BigIntegerField()
    source = models.CharField(max_length=9, choices=SOURCES)
    shortcode = models.CharField(max_length=12)
    reference = models.CharField(max_length=20, blank=True, default="")
    checkout_hash = models.CharField(max_length=64, blank=True, default="")
    phone_hash = models.CharField(max_length=64, blank=True, default="")
    occurred_at = models.DateTimeField(null=True, blank=True)
    recorded_at = models.DateTimeField()
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="lots")
    journals = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "payments_lot"
        constraints = [
            environment_known("lot_environment_known"),
            models.CheckConstraint(condition=Q(source__in=[s for s, _ in SOURCES]), name="lot_source_known"),
            models.UniqueConstraint(fields=["environment", "receipt"], name="lot_receipt_once"),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="lot_amount_positive"),
            models.CheckConstraint(
                condition=~Q(receipt="") & ~Q(receipt__regex=r"^[A-Z0-9]{3}0000000$"), name="lot_receipt_real"
            ),
        ]
        indexes = [
            models.Index(fields=["-recorded_at"], condition=Q(payment__isnull=True), name="lot_in_suspense"),
            models.Index(fields=["checkout_hash"], condition=Q(payment__isnull=True), name="lot_unmatched_checkout"),
            models.Index(fields=["reference"], condition=Q(payment__isnull=True), name="lot_unmatched_reference"),
        ]

    def __str__(self) -> str:
        return self.receipt
