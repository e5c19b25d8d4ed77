"""Therapists, their hours, and the sessions booked with them.

Every "never" here is a named constraint: no two live sessions share a therapist's time (`booking_one_at_a_time`), a
confirmed session has the payment that paid it (`booking_paid_where_confirmed`), and one payment pays one session.
"""

from calendar import day_abbr
from datetime import UTC, datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual
from django.utils.translation import gettext_lazy as _

from lib.clock import EAT
from payments.models.environment import environment_field, environment_known
from sessions_booking.states import PAID, State

WEEKDAYS = 7
LONGEST_BIO = 2000  # characters
REMINDERS = {"24h": 24 * 60, "1h": 60}  # minutes before the start
ANSWER = "answer"  # the reminder that a request waits for its therapist
# A database keeps years that no program can read back: one such row, and no list of free times could be made.
REACH = datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
OUT_OF_REACH = _("Please choose days between the years 2000 and 2999.")


class Therapist(models.Model):
    """Somebody whose sessions can be booked: a user with the role THERAPIST. Shown while `listed`."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="therapist")
    name = models.CharField(max_length=120, help_text="as clients read it")
    title = models.CharField(max_length=120, blank=True, default="", help_text="Clinical psychologist")
    bio = models.TextField(max_length=LONGEST_BIO, blank=True, default="")
    specialties = ArrayField(models.CharField(max_length=60), default=list, blank=True, size=12)
    listed = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="therapist_has_a_name"),
            models.CheckConstraint(condition=LessThanOrEqual(Length("bio"), LONGEST_BIO), name="therapist_bio_bounded"),
        ]

    def __str__(self) -> str:
        return self.name


class SessionType(models.Model):
    """What can be booked with a therapist: a length in minutes and a price in whole shillings (kept in cents)."""

    therapist = models.ForeignKey(Therapist, on_delete=models.PROTECT, related_name="types")
    name = models.CharField(max_length=80)
    minutes = models.PositiveSmallIntegerField(validators=[MinValueValidator(15), MaxValueValidator(240)])
    price_cents = models.BigIntegerField(help_text="KES 2,500 is 250000")
    offered = models.BooleanField(default=True)

    class Meta:
        ordering = ["minutes", "name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["therapist", "name"], name="session_type_once"),
            models.CheckConstraint(condition=Q(minutes__gte=15, minutes__lte=240), name="session_type_length"),
            models.CheckConstraint(
                condition=Q(price_cents__gte=100, price_cents__lte=250_000_00), name="session_type_price_in_limits"
            ),
        ]  # whole shillings: raw SQL in 0002, `session_type_whole_shillings`

    def __str__(self) -> str:
        return f"{self.name}, {self.minutes} min"


class OpeningHours(models.Model):
    """Each week, on this weekday (0 is Monday), from `opens` to `closes` in Nairobi."""

    therapist = models.ForeignKey(Therapist, on_delete=models.CASCADE, related_name="hours")
    weekday = models.PositiveSmallIntegerField()
    opens = models.TimeField()
    closes = models.TimeField()

    class Meta:
        ordering = ["weekday", "opens"]
        verbose_name_plural = "opening hours"
        constraints = [
            models.CheckConstraint(condition=Q(weekday__lt=WEEKDAYS), name="hours_on_a_weekday"),
            models.CheckConstraint(condition=Q(opens__lt=F("closes")), name="hours_open_before_they_close"),
            models.UniqueConstraint(fields=["therapist", "weekday", "opens"], name="hours_once"),
        ]

    def __str__(self) -> str:
        return f"{day_abbr[self.weekday]} {self.opens:%H:%M}-{self.closes:%H:%M}"


class HoursException(models.Model):
    """A holiday, or extra hours: from `starts_at` to `ends_at` the weekly hours do not count."""

    class Kind(models.TextChoices):
        CLOSED = "CLOSED", "No sessions"
        OPEN = "OPEN", "Extra hours"

    therapist = models.ForeignKey(Therapist, on_delete=models.CASCADE, related_name="exceptions")
    kind = models.CharField(max_length=6, choices=Kind.choices)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    note = models.CharField(max_length=120, blank=True, default="", help_text="for the therapist alone")

    class Meta:
        ordering = ["starts_at"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["CLOSED", "OPEN"]), name="hours_exception_kind_known"),
            models.CheckConstraint(condition=Q(starts_at__lt=F("ends_at")), name="hours_exception_starts_first"),
            models.CheckConstraint(
                condition=Q(starts_at__gte=REACH[0], ends_at__lt=REACH[1]),
                name="hours_exception_within_reach",
                violation_error_message=OUT_OF_REACH,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.Kind(self.kind).label}, {self.starts_at.astimezone(EAT):%-d %b %Y, %H:%M}"


class Booking(models.Model):
    """A session between a client and a therapist: the thing that a payment of purpose `session` is for.

    Price and length are copied from the type when it is booked. `code` names it to people and in APIs (`sessionId`).
    `sequence` counts the changes that a calendar must follow.
    """

    code = models.CharField(max_length=12, unique=True)
    environment = environment_field()
    client = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="bookings")
    therapist = models.ForeignKey(Therapist, on_delete=models.PROTECT, related_name="bookings")
    type = models.ForeignKey(SessionType, on_delete=models.PROTECT, related_name="bookings")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    price_cents = models.BigIntegerField()
    state = models.CharField(max_length=9, choices=State.choices, default=State.PENDING)
    reason = models.CharField(max_length=300, blank=True, default="", help_text="why it was declined or cancelled")
    ended_by = models.CharField(max_length=10, blank=True, default="", help_text="client, therapist, staff or system")
    answer_by = models.DateTimeField(null=True, help_text="until when a request is held for its therapist's answer")
    pay_by = models.DateTimeField(null=True, help_text="until when an approved session is held without a payment")
    payment_id = models.BigIntegerField(null=True, unique=True, help_text="the payment that paid it")
    paid_at = models.DateTimeField(null=True)
    sequence = models.PositiveIntegerField(default=0)
    requested_at = models.DateTimeField()
    approved_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["starts_at", "pk"]
        verbose_name = "session"  # what people read; the class is no Session, which is Django's word for a log-in
        indexes = [
            models.Index(fields=["client", "starts_at"], name="booking_of_client"),
            models.Index(fields=["therapist", "starts_at"], name="booking_of_therapist"),
            models.Index(fields=["pay_by"], condition=Q(state="APPROVED"), name="booking_unpaid"),
            models.Index(fields=["answer_by"], condition=Q(state="PENDING"), name="booking_unanswered"),
            models.Index(fields=["ends_at"], condition=Q(state="CONFIRMED"), name="booking_to_complete"),
        ]
        constraints = [
            environment_known("booking_environment_known"),
            models.CheckConstraint(condition=Q(state__in=State.values), name="booking_state_known"),
            models.CheckConstraint(condition=Q(starts_at__lt=F("ends_at")), name="booking_starts_before_it_ends"),
            models.CheckConstraint(
                condition=~Q(state__in=sorted(PAID)) | Q(payment_id__isnull=False, paid_at__isnull=False),
                name="booking_paid_where_confirmed",
            ),
            models.CheckConstraint(
                condition=~Q(state="PENDING") | Q(answer_by__isnull=False, answer_by__lte=F("starts_at")),
                name="booking_asked_until",
            ),
            models.CheckConstraint(
                condition=~Q(state="APPROVED") | Q(pay_by__isnull=False, approved_at__isnull=False),
                name="booking_approved_until",
            ),
            models.CheckConstraint(
                condition=~Q(state="DECLINED") | ~Q(reason=""), name="booking_declined_for_a_reason"
            ),
        ]  # raw SQL in 0002: booking_one_at_a_time, booking_moves_as_listed, booking_frozen, session_paid_by_its_client
        # and in 0006: booking_held_until_its_deadline

    def __str__(self) -> str:
        return self.code


class Reminder(models.Model):
    """One reminder of one session: made with the request or its approval, moved and taken off with it, each said once."""

    class State(models.TextChoices):
        WAITING = "WAITING", "Will be sent when its time comes"
        SENT = "SENT", "Was handed to the notifications"
        OFF = "OFF", "Its session ended or was answered, or its time had passed when it was made"

    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, related_name="reminders")
    kind = models.CharField(max_length=6, choices=[(kind, kind) for kind in (*REMINDERS, ANSWER)])
    due_at = models.DateTimeField()
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)

    class Meta:
        indexes = [models.Index(fields=["due_at"], condition=Q(state="WAITING"), name="reminder_waiting")]
        constraints = [
            models.UniqueConstraint(fields=["booking", "kind"], name="reminder_once"),
            models.CheckConstraint(condition=Q(kind__in=[*REMINDERS, ANSWER]), name="reminder_kind_known"),
            models.CheckConstraint(condition=Q(state__in=["WAITING", "SENT", "OFF"]), name="reminder_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of booking {self.booking_id}"
