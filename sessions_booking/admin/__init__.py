"""The admin of sessions: find one, see its payment beside it, and cancel it for a reason; therapists and their hours."""

from sessions_booking.admin import bookings, reminders, therapists

__all__ = ["bookings", "reminders", "therapists"]
