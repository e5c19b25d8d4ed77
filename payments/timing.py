"""Every waiting time of a payment, in one place (REC-1, REC-2, STK-8). Tests run them at a twentieth (`TIME_SCALE`)."""

import random
from datetime import datetime, timedelta

from django.conf import settings

TIMED_OUT = 120  # s after the last submission: the payer may replace it, M-Pesa is asked
EXPIRED = 300  # s after the last submission: no longer waited for
UNSENT = 120  # s after the start: a push that was not sent by then is never sent
PROMPT = 60  # s that a prompt stays on most phones (daraja.md 4.4): the payer reads them, nothing is decided by them
SPACING = 60  # s a subscriber stays locked to us after a push (daraja.md 3.1)
RETRY_BY_HAND = 30  # s after a refused attempt: the payer may send this same payment again
RETRIES = (1, 2, 5, 30, 30, 30)  # s after each refused attempt; after the last one the payment has failed
QUERIES = (30, 45, 75, 120, 180, 300, 15 * 60, 3600, 6 * 3600, 24 * 3600)  # s after the last submission
QUERY_LEASE = 150  # s that one worker has for asking; longer than a call's whole timeout
QUERY_SPACING = 10  # s between two queries that doubtful callbacks cause for one payment
JITTER = 0.1
INBOX_RETRIES = (1, 2, 4)  # s; after these a person is needed
ANSWER_WITHIN = 2.5  # s that a web request waits for M-Pesa's answer before it says "sending" (STK-3)
QUERIES_PER_SECOND = 20
ODD_DATE_BEFORE = 10 * 60  # s before the push that a TransactionDate may lie (ruling 4)
ODD_DATE_AFTER = 10 * 60  # s that M-Pesa's clock may be ahead of ours


def seconds(value: float) -> timedelta:
    """A waiting time, scaled."""
    return timedelta(seconds=value * settings.TIME_SCALE)


def query_after(submitted_at: datetime, now: datetime) -> datetime | None:
    """When to ask next, with jitter; None after the last time.

    By the clock and not by a count, so that questions which strangers cause (doubtful callbacks) use up none of ours.
    """
    ahead = [wait for wait in QUERIES if submitted_at + seconds(wait) > now]
    if not ahead:
        return None
    return submitted_at + seconds(ahead[0] * (1 + random.uniform(0, JITTER)))  # noqa: S311


def retry_at(now: datetime, refused: int) -> datetime | None:
    """When to send again after `refused` refused attempts; None when it has failed."""
    return now + seconds(RETRIES[refused - 1]) if refused <= len(RETRIES) else None


def seconds_until(moment: datetime, now: datetime) -> int:
    """Whole seconds left, at least 1: what a payer is told to wait."""
    return max(1, -int((now - moment).total_seconds() // 1))


def prompt() -> timedelta:
    """Real time: a phone's clock is not scaled."""
    return timedelta(seconds=PROMPT)


def odd_before() -> timedelta:
    """Real time: M-Pesa's clock is not scaled."""
    return timedelta(seconds=ODD_DATE_BEFORE)


def odd_after() -> timedelta:
    return timedelta(seconds=ODD_DATE_AFTER)
