"""The inbox: every callback as it came, sealed, with the verdict on it and the work still to do."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.models.environment import environment_field, environment_known


class Callback(models.Model):
    """No foreign key: storing one is a single insert that nothing can hold up. The body is sealed."""

    class Verdict(models.TextChoices):
        """May it move money? Given before it is stored."""

        TRUSTED = "TRUSTED", _("Its token or signature is ours, and its address is allowed")
        DOUBTFUL = "DOUBTFUL", _("Nothing proves it: it makes us ask M-Pesa, and moves nothing by itself")
        FORGED = "FORGED", _("A wrong token or signature: kept, refused, a security event")

    class State(models.TextChoices):
        WAITING = "WAITING", _("Waiting to be processed")
        DONE = "DONE", _("Processed")
        UNMATCHED = "UNMATCHED", _("Names a request that we do not know yet")
        STUCK = "STUCK", _("Could not be processed: needs a person")

    kind = models.CharField(max_length=8, default="STK")
    environment = environment_field()
    payment_id = models.BigIntegerField(null=True, blank=True)
    submission = models.PositiveSmallIntegerField(default=0)
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    verdict_reason = models.CharField(max_length=80, blank=True, default="")
    path = models.CharField(max_length=80, blank=True, default="")
    address = models.GenericIPAddressField(null=True, blank=True)
    body_sealed = models.BinaryField()
    size = models.PositiveIntegerField()
    received_at = models.DateTimeField()

    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=80, blank=True, default="")
    error = models.CharField(max_length=500, blank=True, default="")
    checkout_hash = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        constraints = [
            environment_known("callback_environment_known"),
            models.CheckConstraint(
                condition=~Q(verdict="FORGED") | Q(state="DONE"), name="callback_forged_never_processed"
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at", "id"], condition=Q(state="WAITING"), name="callback_waiting"),
            models.Index(fields=["-received_at"], condition=Q(state="STUCK"), name="callback_stuck"),
            models.Index(fields=["checkout_hash"], condition=Q(state="UNMATCHED"), name="callback_unmatched"),
            models.Index(fields=["payment_id"], name="callback_payment"),
            models.Index(fields=["-received_at"], name="callback_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} callback {self.pk}"
