"""How a booked session may change: a person's acts go back and forth, so this is a table of moves.

Money has no such table (`payments.states`: a status only rises). The database refuses every move that is not listed here
by the trigger `booking_moves_as_listed`, which is generated from `MOVES`.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """Where a session stands. The labels are the document's words."""

    PENDING = "PENDING", _("Pending Approval")  # the client asked, the therapist has not answered
    APPROVED = "APPROVED", _("Approved")  # may be paid for until `pay_by`; its time is held
    CONFIRMED = "CONFIRMED", _("Confirmed")  # paid
    COMPLETED = "COMPLETED", _("Completed")  # held
    DECLINED = "DECLINED", _("Declined")  # by the therapist, with a reason
    CANCELLED = "CANCELLED", _("Cancelled")  # by either; what was paid is owed to the client
    EXPIRED = "EXPIRED", _("Expired")  # nobody answered, or nobody paid, in time; its time is free again


MOVES: dict[str, frozenset[str]] = {
    State.PENDING: frozenset({State.APPROVED, State.DECLINED, State.CANCELLED, State.EXPIRED}),
    State.APPROVED: frozenset({State.CONFIRMED, State.CANCELLED, State.EXPIRED}),
    State.CONFIRMED: frozenset({State.COMPLETED, State.CANCELLED}),
    State.EXPIRED: frozenset({State.CONFIRMED}),  # the money came late, and its time is still free
    State.DECLINED: frozenset(),
    State.CANCELLED: frozenset(),
    State.COMPLETED: frozenset(),
}
HOLDS_TIME = frozenset(
    {State.PENDING, State.APPROVED, State.CONFIRMED, State.COMPLETED}
)  # may nobody else have its time?
MAY_MOVE_IN_TIME = frozenset({State.PENDING, State.APPROVED, State.CONFIRMED})  # may it be rescheduled?
REMINDED = frozenset({State.APPROVED, State.CONFIRMED})  # are its reminders due?
PAID = frozenset({State.CONFIRMED, State.COMPLETED})  # must a payment stand behind it?
ENDED = frozenset({State.DECLINED, State.CANCELLED, State.EXPIRED})  # will it not take place?
OPEN = frozenset({State.PENDING, State.APPROVED, State.CONFIRMED})  # is it still ahead?
