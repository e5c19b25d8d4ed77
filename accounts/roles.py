"""Who may do what (SEC-8). A role is the whole answer: there are no groups and no permissions of one person.

Sets are named by the question they answer, each with a function, so that a view reads as the rule it keeps:
`if not roles.may_settle(request.user): ...`. `PERMISSIONS` answers the same for Django's admin, as patterns of
`app.action_model`; `accounts.backends` reads it. ADMIN may do everything, as may a superuser.
"""

from collections.abc import Callable
from fnmatch import fnmatchcase

from django.db import models


class Role(models.TextChoices):
    CLIENT = "CLIENT", "Client: pays, and sees their own payments"
    THERAPIST = "THERAPIST", "Therapist: sees the sessions they hold"
    SUPPORT = "SUPPORT", "Support: reads everything, failure reasons too"
    FINANCE = "FINANCE", "Finance: refunds, reconciliation, reports"
    ADMIN = "ADMIN", "Admin: everything, also modes and credentials"


STAFF = frozenset({Role.SUPPORT, Role.FINANCE, Role.ADMIN})
MAY_SEE_ALL_PAYMENTS = STAFF
MAY_SETTLE = frozenset({Role.FINANCE, Role.ADMIN})
MAY_REFUND = frozenset({Role.FINANCE, Role.ADMIN})
MAY_RECONCILE = frozenset({Role.FINANCE, Role.ADMIN})
MAY_SEE_REPORTS = frozenset({Role.FINANCE, Role.ADMIN})
MAY_SEE_AUDIT = frozenset({Role.FINANCE, Role.ADMIN})
MAY_SEND_AGAIN = frozenset({Role.FINANCE, Role.ADMIN})
MAY_TEST_CONNECTION = frozenset({Role.FINANCE, Role.ADMIN})
MAY_CANCEL_SESSIONS = frozenset({Role.ADMIN})
MAY_SWITCH = frozenset({Role.ADMIN})
MAY_EDIT_CREDENTIALS = frozenset({Role.ADMIN})
MAY_EDIT_PEOPLE = frozenset({Role.ADMIN})

_READS = (
    "accounts.view_user",
    "payments.view_*",
    "wallet.view_*",
    "sessions_booking.view_*",
    "ledger.view_*",
    "outbox.view_*",
    "notifications.view_*",
    "monitoring.view_*",
)
PERMISSIONS: dict[Role, tuple[str, ...]] = {
    Role.CLIENT: (),
    Role.THERAPIST: (),
    Role.SUPPORT: _READS,
    Role.FINANCE: (*_READS, "audit.view_*", "outbox.send_again", "notifications.send_again"),
    Role.ADMIN: ("*",),
}


def _asks(allowed: frozenset[Role]) -> Callable[[object], bool]:
    def may(user: object) -> bool:
        if not getattr(user, "is_active", False):
            return False
        return bool(getattr(user, "is_superuser", False)) or getattr(user, "role", None) in allowed

    return may


is_staff = _asks(STAFF)
may_see_all_payments = _asks(MAY_SEE_ALL_PAYMENTS)
may_settle = _asks(MAY_SETTLE)
may_refund = _asks(MAY_REFUND)
may_reconcile = _asks(MAY_RECONCILE)
may_see_reports = _asks(MAY_SEE_REPORTS)
may_see_audit = _asks(MAY_SEE_AUDIT)
may_send_again = _asks(MAY_SEND_AGAIN)
may_test_connection = _asks(MAY_TEST_CONNECTION)
may_cancel_sessions = _asks(MAY_CANCEL_SESSIONS)
may_switch = _asks(MAY_SWITCH)
may_edit_credentials = _asks(MAY_EDIT_CREDENTIALS)
may_edit_people = _asks(MAY_EDIT_PEOPLE)


def grants(role: str, permission: str) -> bool:
    """Whether the role has Django's permission `app.action_model`."""
    return any(fnmatchcase(permission, pattern) for pattern in PERMISSIONS.get(Role(role), ()))


def grants_any_in(role: str, app_label: str) -> bool:
    """Whether the role has any permission in the app: what the admin's index asks."""
    return any(fnmatchcase(app_label, pattern.split(".")[0]) for pattern in PERMISSIONS.get(Role(role), ()))
