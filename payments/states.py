"""The order of statuses, and the sets of them named by the question they answer.

A payment's status is computed from the facts known about it (`facts.status`) and only ever rises in this order; the
database refuses the rest by the trigger `payment_status_rises`, which is generated from this list.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    """In rising order."""

    SENDING = "SENDING", _("Sending")  # the request has not been accepted by M-Pesa yet
    PROMPTED = "PROMPTED", _("Waiting for PIN")  # M-Pesa accepted it: the prompt is on its way or on the phone
    EXPIRED = "EXPIRED", _("Timed out")  # nobody told us how it ended; a late proof of payment still wins
    FAILED = "FAILED", _("Failed")  # M-Pesa said that it did not happen
    CANCELLED = "CANCELLED", _("Cancelled")  # the payer, or the prompt's own time, dismissed it
    COMPLETED = "COMPLETED", _("Paid")  # M-Pesa moved money for this payment


RANK: dict[str, int] = {status: rank for rank, status in enumerate(Status)}
LIVE = frozenset({Status.SENDING, Status.PROMPTED})  # may a prompt for it be on a phone?
FINAL = frozenset(Status) - LIVE  # has it ended, as far as we know?
ENDED_WITHOUT_MONEY = FINAL - {Status.COMPLETED}


def highest(statuses: list[Status]) -> Status:
    """The highest of at least one status."""
    return max(statuses, key=RANK.__getitem__)
