"""Which code stands behind which name: tables of dotted paths, read through `settings`.

They let a lower room reach an upper one without importing it: a new kind of thing to pay for is one line here.
"""

PROVIDERS = {"mpesa": "payments.providers.mpesa.Mpesa"}
PAYABLES = {"deposit": "wallet.deposits.Deposits", "session": "sessions_booking.payable.Sessions"}
DIALECTS = {"session": "sessions_booking.api_paying.Asking"}  # of `POST /api/mpesa/initiate`
_TOLD = (
    "session.requested", "session.approved", "session.declined", "session.cancelled", "session.rescheduled",
    "session.expired", "session.confirmed", "session.owed", "session.reminder", "session.unanswered", "payment.completed",
    "payment.receipt", "payment.owed", "payment.failed", "payment.expired", "payment.cancelled",
)  # fmt: skip
REACTIONS: dict[str, list[str]] = {topic: [f"notifications.events.{topic.replace('.', '_')}"] for topic in _TOLD}
REPEATABLE = [handler for handlers in REACTIONS.values() for handler in handlers]  # they write rows of ours, once
SLOW = ["notifications.sending.send", "accounts.passwords.send_reset"]  # reactions that wait for other servers
WHO_CHANGED = ["payments.live.who_changed"]  # told whose log-in ended or became another
PERSONAL_DATA: list[str] = []
