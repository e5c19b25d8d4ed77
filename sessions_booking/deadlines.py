"""How long a session's time is held for somebody who does not act: first for the therapist's answer, then for the payment.

Both of its people are told each deadline, and the database keeps it (`booking_held_until_its_deadline`): no session is
released before it. Moving a session leaves at least an hour for what is waited for, but only once: nobody holds a
calendar by moving a session again and again. Decision 0011 says why.
"""

from datetime import datetime, timedelta

from django.conf import settings

from payments import timing

_MOVED_S = 3600  # a session that is moved leaves at least so long to answer it or to pay for it


def answer_by(*, starts_at: datetime, now: datetime) -> datetime:
    """Within a day of the request, and two hours before the start; on short notice within half of the time that is left."""
    return min(now + _answer_within(), max(_latest_answer(starts_at), _half_way(now, starts_at)))


def answer_by_when_moved(*, requested_at: datetime, starts_at: datetime, now: datetime) -> datetime:
    """Still counted from the request; an hour at least, if the new start leaves it."""
    within, grace, half = requested_at + _answer_within(), timing.seconds(_MOVED_S), _half_way(now, starts_at)
    return max(min(within, max(_latest_answer(starts_at), half)), min(now + grace, half, within + grace))


def pay_by(*, starts_at: datetime, now: datetime) -> datetime:
    """So long after the approval, and not after the start."""
    return min(now + _pay_within(), starts_at)


def pay_by_when_moved(*, pay_by: datetime, approved_at: datetime, starts_at: datetime, now: datetime) -> datetime:
    """An hour at least, counted from the approval all the same."""
    grace = timing.seconds(_MOVED_S)
    return max(min(pay_by, starts_at), min(now + grace, starts_at, approved_at + _pay_within() + grace))


def _answer_within() -> timedelta:
    return settings.SESSION_ANSWER_WITHIN * settings.TIME_SCALE


def _pay_within() -> timedelta:
    return settings.SESSION_PAY_WITHIN * settings.TIME_SCALE


def _latest_answer(starts_at: datetime) -> datetime:
    return starts_at - settings.SESSION_ANSWER_BEFORE * settings.TIME_SCALE


def _half_way(now: datetime, starts_at: datetime) -> datetime:
    return now + (starts_at - now) / 2
