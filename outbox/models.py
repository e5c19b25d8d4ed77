"""The one work row for all that is said to the world after the commit: e-mail, SMS, webhooks."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class State(models.TextChoices):
    """Where a delivery stands."""

    WAITING = "WAITING", "Will be sent when its time comes"
    SENDING = "SENDING", "A worker is sending it now"
    DONE = "DONE", "Was sent"
    FAILED = "FAILED", "Was certainly not sent, and will not be tried again by itself"
    DOUBTFUL = "DOUBTFUL", "Was perhaps sent: only a person may send it again"


MAY_BE_SENT_AGAIN = {State.FAILED, State.DOUBTFUL}


class Delivery(models.Model):
    """One message to one handler. `payload` carries ids, never words or phone numbers."""

    topic = models.CharField(max_length=100)
    key = models.CharField(max_length=200)
    handler = models.CharField(max_length=200)
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    attempts = models.IntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_default=Now())
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True, default="")
    again_of = models.OneToOneField("self", models.PROTECT, null=True, related_name="sent_again_as")
    reason = models.TextField(blank=True, default="", help_text="why a person sent it again")
    created_at = models.DateTimeField(db_default=Now())
    done_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        permissions = [("send_again", "Can send a failed or doubtful delivery again")]
        indexes = [
            models.Index(fields=["next_attempt_at", "id"], condition=Q(state="WAITING"), name="delivery_waiting"),
            models.Index(fields=["lease_until"], condition=Q(state="SENDING"), name="delivery_sending"),
            models.Index(fields=["id"], condition=Q(state__in=["DOUBTFUL", "FAILED"]), name="delivery_for_a_person"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["topic", "key", "handler"], name="delivery_once"),
            models.CheckConstraint(condition=Q(state__in=State.values), name="delivery_state_known"),
            models.CheckConstraint(
                condition=Q(state="SENDING", lease_token__isnull=False, lease_until__isnull=False)
                | (~Q(state="SENDING") & Q(lease_token__isnull=True, lease_until__isnull=True)),
                name="delivery_leased_while_sending",
            ),
            models.CheckConstraint(
                condition=Q(state="DONE", done_at__isnull=False) | (~Q(state="DONE") & Q(done_at__isnull=True)),
                name="delivery_done_has_its_time",
            ),
            models.CheckConstraint(
                condition=Q(again_of__isnull=True) | ~Q(reason=""), name="delivery_sent_again_for_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.key}"
