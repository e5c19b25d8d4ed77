"""Staff who look at other people's sessions are seen: each look is an entry of the trail, as in the admin (SEC-6)."""

from collections.abc import Mapping

from accounts import roles
from accounts.models import User
from audit.watched import looked
from sessions_booking import acts
from sessions_booking.models import Booking


def seen(row: Booking, user: User) -> Booking:
    """By whom it is shown; its own two people look as often as they like."""
    if acts.party(row, user) in ("staff", "reader"):
        looked(user_id=user.pk, subject=f"session:{row.code}")
    return row


def seen_list(user: User, asked: Mapping[str, str]) -> None:
    if roles.may_see_all_payments(user):
        looked(user_id=user.pk, subject="booking:list", asked=asked)
