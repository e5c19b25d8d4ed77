"""Sending one notification: the outbox's handler, called after its claim is committed and with no transaction open.

What goes wrong before the first byte leaves (words, settings) was certainly not sent. What is no longer true when its
turn comes (a session approved, then cancelled while the mail server was down) is not sent any more.
"""

from collections.abc import Mapping
from datetime import datetime

from audit import trail
from lib import clock
from lib.db import entry_point
from lib.errors import Refusal
from lib.rows import read_related, storable, update_rows
from notifications import announcing, mails, sms, words
from notifications.models import Channel, Notification
from notifications.standing import MAY_BE_SENT_AGAIN, with_standing
from outbox.errors import Refused
from sessions_booking.states import PAID, REMINDED, State

_RELATED = ("recipient", "booking", "booking__client", "booking__therapist", "payment", "payment__payer")


def send(payload: Mapping[str, int]) -> None:
    """A handler of the outbox. Raises outbox.Refused, or anything where it was perhaps sent."""
    (row,) = read_related(Notification, _RELATED, "WHERE one.id = %s", [payload["notification_id"]])
    if row.sent_at or row.skipped:
        return
    now = clock.now()
    if why := moot(row, now=now):
        Notification.objects.filter(pk=row.pk, sent_at=None).update(skipped=why)
        return
    row.reference = storable(_by_mail(row) if row.channel == Channel.EMAIL else _by_sms(row))
    row.sent_at = now
    update_rows([row], ["sent_at", "reference"])


def moot(row: Notification, *, now: datetime) -> str:
    """Why it is not to be said any more; "" where it is."""
    if row.recipient.data_key is None or not row.recipient.is_active:
        return "the account is gone"
    if row.payment and announcing.overtaken(row.event, row.payment):
        return "overtaken: the payment has moved on"
    if row.booking and _session_moved_on(row, now):
        return "overtaken: the session has moved on"
    return ""


def _session_moved_on(row: Notification, now: datetime) -> bool:
    booking = row.booking
    if booking is None:
        return False
    same_time = booking.starts_at == datetime.fromisoformat(row.data["starts_at"])
    match row.event:
        case "session.requested" | "session.unanswered":
            return booking.state != State.PENDING
        case "session.approved":
            return booking.state != State.APPROVED or not same_time
        case "session.rescheduled":
            return not same_time
        case "session.expired":  # the money came after all
            return booking.state in PAID
        case "session.confirmed":
            return booking.state == State.CANCELLED
        case "session.reminder":
            return booking.state not in REMINDED or not same_time or booking.starts_at <= now
        case _:
            return False


def _by_mail(row: Notification) -> str:
    try:
        mail = mails.compose(row)
    except Exception as error:
        raise Refused(f"its words could not be made: {type(error).__name__}: {error}") from error
    mails.send(mail)
    return ""


def _by_sms(row: Notification) -> str:
    try:
        number, text, send_sms = row.recipient.phone, words.sms(row), sms.backend()
    except Exception as error:
        raise Refused(f"its words could not be made: {type(error).__name__}: {error}") from error
    if not number:
        raise Refused("there is no phone number any more")
    return send_sms(number=number, text=text)


@entry_point
def send_again(*, notification_id: int, reason: str, actor: str, now: datetime) -> int:
    """A person's decision: a new row with the same words, and its delivery; audited. Once per notification.

    Raises Refusal `reason_needed` or `cannot_send_again`.
    """
    if not reason.strip():
        raise Refusal("reason_needed", "Please say why it should be sent again.")
    Notification.objects.select_for_update(no_key=True).get(pk=notification_id)
    old = with_standing(Notification.objects.select_related(None)).get(pk=notification_id)
    if old.standing not in MAY_BE_SENT_AGAIN or hasattr(old, "sent_again_as"):
        said = "Only a failed or doubtful notification can be sent again, and only once."
        raise Refusal("cannot_send_again", said, status=409)
    new = Notification.objects.create(
        event=old.event, key=f"{old.key}~{old.pk}"[-120:], recipient_id=old.recipient_id, audience=old.audience,
        channel=old.channel, booking_id=old.booking_id, payment_id=old.payment_id, data=old.data, created_at=now,
        again_of=old, reason=reason.strip()[:200],
    )  # fmt: skip
    announcing.publish([new])
    data = {"new": new.pk, "event": old.event, "channel": old.channel, "reason": new.reason, "was": old.standing}
    trail.record(action="notification.sent_again", actor=actor, subject=f"notification:{old.pk}", data=data, at=now)
    return new.pk
