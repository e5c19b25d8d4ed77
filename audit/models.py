"""The audit trail: entries that are only ever added, and the seals that show whether somebody changed them.

A seal covers committed entries that no earlier seal covers, so an entry whose transaction commits late falls into a
later seal and no payment ever waits for a chain. See `seal` for what this detects and what it cannot.
"""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Entry(models.Model):
    """Who did what to what, and when (SEC-6). `data` holds no full phone number: `trail` masks them."""

    at = models.DateTimeField(db_default=Now(), help_text="when it happened")
    actor = models.CharField(max_length=100, help_text="user:12, or system")
    action = models.CharField(max_length=100)
    subject = models.CharField(max_length=200, blank=True, default="")
    environment = models.CharField(max_length=10, blank=True, default="")
    data = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "entries"
        indexes = [
            models.Index(fields=["at"], name="entry_at"),
            models.Index(fields=["actor", "id"], name="entry_actor"),
            models.Index(fields=["subject", "id"], name="entry_subject"),
            models.Index(fields=["action"], opclasses=["varchar_pattern_ops"], name="entry_action"),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(actor="") & ~Q(action=""), name="entry_says_who_and_what"),
            models.CheckConstraint(
                condition=Q(environment__in=["", "sandbox", "production"]), name="entry_environment_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.subject}"


class Seal(models.Model):
    """A link of the chain: `head` is a keyed hash over the seal before it and all entries of this one."""

    position = models.BigIntegerField(unique=True)
    previous = models.CharField(max_length=64, blank=True)
    head = models.CharField(max_length=64, unique=True)
    count = models.IntegerField()
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(position__gte=1), name="seal_counts_from_one"),
            models.CheckConstraint(condition=Q(count__gte=1), name="seal_covers_something"),
        ]

    def __str__(self) -> str:
        return f"seal {self.position}"


class SealedEntry(models.Model):
    """Which seal covers an entry, at which place (from 1), with the keyed hash of the entry itself.

    No foreign key to the entry: where an entry was removed this row stays and tells of it.
    """

    entry = models.OneToOneField(Entry, models.DO_NOTHING, related_name="sealed", db_constraint=False, primary_key=True)
    seal = models.ForeignKey(Seal, models.DO_NOTHING, related_name="entries", db_index=False)
    position = models.IntegerField()
    mac = models.CharField(max_length=64)

    class Meta:
        db_table = "audit_sealed_entry"
        verbose_name_plural = "sealed entries"
        constraints = [models.UniqueConstraint(fields=["seal", "position"], name="sealed_entry_one_a_place")]

    def __str__(self) -> str:
        return f"entry {self.entry_id} in seal {self.seal_id}"
