"""What people are told: a row first, then a message. The same news is told to the same person on one channel once.

A row keeps which words are meant (event and audience) and what they are about (ids, and in `data` what belongs to the
moment: an old time, a reason); never a phone number, never anything medical. The words are made when it is sent or
shown. How the sending stands is known by its delivery in the outbox (`notifications.standing`).
"""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.models import Payment
from sessions_booking.models import Booking


class Channel(models.TextChoices):
    EMAIL = "EMAIL", _("E-mail")
    SMS = "SMS", _("SMS")
    IN_APP = "IN_APP", _("In the product")


class Audience(models.TextChoices):
    """As whom somebody is told: it chooses the words."""

    CLIENT = "client", _("Client of a session")
    THERAPIST = "therapist", _("Therapist of a session")
    PAYER = "payer", _("Payer")


class Notification(models.Model):
    event = models.CharField(max_length=40, help_text="session.approved, payment.completed …")
    key = models.CharField(max_length=120, help_text="which of these events: told once")
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="notifications")
    audience = models.CharField(max_length=12, choices=Audience.choices)
    channel = models.CharField(max_length=6, choices=Channel.choices)
    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, null=True, related_name="+")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, null=True, related_name="+")
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    again_of = models.OneToOneField("self", models.PROTECT, null=True, related_name="sent_again_as")
    reason = models.CharField(max_length=200, blank=True, default="", help_text="why a person sent it again")

    skipped = models.CharField(max_length=80, blank=True, default="", help_text="why it was not sent")
    sent_at = models.DateTimeField(null=True)
    reference = models.CharField(max_length=100, blank=True, default="", help_text="what the SMS provider calls it")
    seen_at = models.DateTimeField(null=True)

    class Meta:
        permissions = [("send_again", "Can send a failed or doubtful notification again")]
        indexes = [
            models.Index(fields=["recipient", "-id"], condition=Q(channel="IN_APP"), name="notification_shown"),
            models.Index(fields=["recipient"], condition=Q(channel="IN_APP", seen_at=None), name="notification_unread"),
            models.Index(fields=["-created_at"], name="notification_time"),
            models.Index(fields=["booking"], name="notification_booking"),
            models.Index(fields=["payment"], name="notification_payment"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["event", "key", "recipient", "channel"], name="notification_once"),
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="notification_channel_known"),
            models.CheckConstraint(condition=Q(audience__in=Audience.values), name="notification_audience_known"),
            models.CheckConstraint(
                condition=Q(booking__isnull=False) | Q(payment__isnull=False), name="notification_about_something"
            ),
            models.CheckConstraint(condition=Q(again_of=None) | ~Q(reason=""), name="notification_again_for_a_reason"),
            models.CheckConstraint(condition=Q(skipped="") | Q(sent_at=None), name="notification_skipped_was_not_sent"),
            models.CheckConstraint(condition=Q(seen_at=None) | Q(channel="IN_APP"), name="notification_seen_in_app"),
        ]

    def __str__(self) -> str:
        return f"{self.event} by {self.channel}"


class Preference(models.Model):
    """What a person chose; no row means everything. Receipts are always sent."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="notification_preference"
    )
    email = models.BooleanField(default=True)
    sms = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"preference of user {self.user_id}"


class StoredMail(models.Model):
    """An e-mail that went nowhere: in development it is read at `/dev/mail/`. Production has none."""

    to = models.TextField()
    subject = models.TextField()
    text = models.TextField()
    html = models.TextField(blank=True, default="")
    at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.subject
