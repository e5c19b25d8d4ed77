"""Who is told what, and how: one table (SES-2, SES-6, NOT-1).

Each line needs its words in `templates/notifications/<event>/<audience>.txt`; a test reads this table and renders them
all. What a person turned off is not sent, but what stands in `ALWAYS` is: receipts.
"""

from collections.abc import Mapping

from notifications.models import Audience, Channel

APP, MAIL, SMS = Channel.IN_APP, Channel.EMAIL, Channel.SMS
CLIENT, THERAPIST, PAYER = Audience.CLIENT, Audience.THERAPIST, Audience.PAYER

PLAN: Mapping[str, Mapping[Audience, tuple[Channel, ...]]] = {
    "session.requested": {THERAPIST: (APP, MAIL)},
    "session.unanswered": {THERAPIST: (APP, MAIL, SMS)},
    "session.approved": {CLIENT: (APP, MAIL, SMS)},
    "session.declined": {CLIENT: (APP, MAIL)},
    "session.cancelled": {CLIENT: (APP, MAIL, SMS), THERAPIST: (APP, MAIL)},
    "session.rescheduled": {CLIENT: (APP, MAIL, SMS), THERAPIST: (APP, MAIL)},
    "session.expired": {CLIENT: (APP, MAIL), THERAPIST: (APP, MAIL)},
    "session.confirmed": {THERAPIST: (APP, MAIL)},
    "session.owed": {THERAPIST: (APP, MAIL)},
    "session.reminder": {CLIENT: (APP, SMS), THERAPIST: (APP, SMS)},
    "payment.completed": {PAYER: (APP, MAIL)},
    "payment.receipt": {PAYER: (MAIL,)},
    "payment.owed": {PAYER: (APP, MAIL)},
    "payment.failed": {PAYER: (APP, MAIL)},
    "payment.expired": {PAYER: (APP, MAIL)},
    "payment.cancelled": {PAYER: (APP,)},
}
ALWAYS = frozenset({"payment.completed", "payment.receipt", "payment.owed"})
LINES = [(event, audience, channel) for event, told in PLAN.items() for audience in told for channel in told[audience]]
