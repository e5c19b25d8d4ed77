"""The world of the table with a hostile text wherever a person, M-Pesa or a stranger may write one."""

import json

from axes.models import AccessAttempt, AccessFailureLog
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.test import Client

from accounts.models import User
from audit import trail
from lib import clock
from notifications.models import Channel, Notification, StoredMail
from outbox.models import Delivery
from payments import review, sealing
from payments.calls import CONTEXT
from payments.facts import Fact, Kind, Source
from payments.models import Callback, Exchange, LotRow, Merchant, Payment
from payments.tests import factories as paying
from sessions_booking.models import Booking, HoursException, SessionType, Therapist
from sessions_booking.tests import browsing
from tests.access.world import World

MARK = "<x-mark'\">"
ESCAPED = "&lt;x-mark&#x27;&quot;&gt;"
# As it must never stand in a page: neither in its text nor within a tag's quotes.
RAW = ("<x-mark", "x-mark'", 'x-mark&#x27;"', 'x-mark&#39;"')


def mark(world: World) -> None:
    _people()
    _sessions(world)
    _payments(world)
    _told(world)
    _by_strangers()


def _people() -> None:
    User.objects.update(name=MARK, email=Concat(Value('"<x-mark\'>".'), F("email")))
    Therapist.objects.update(name=MARK, title=MARK, bio=f"{MARK}\n\n{MARK}", specialties=[MARK])
    SessionType.objects.update(name=MARK)
    Merchant.objects.update(name=MARK)


def _sessions(world: World) -> None:
    """Refused and given up for a hostile reason too."""
    now, client = clock.now(), world.people["client"]
    type = SessionType.objects.get(pk=world.things["practice"]["type_id"])
    browser = browsing.browser_of(User.objects.get(pk=type.therapist.user_id))
    assert client
    for hour, act in ((10, "decline"), (12, "cancel")):
        row = browsing.requested(type, client, browsing.ahead(6, hour))
        browser.post(f"/sessions/{row.code}/{act}/", {"reason": MARK, "seen": row.sequence})
        world.things[f"session to {act}"] = {"code": row.code, "booking_id": row.pk}
    assert Booking.objects.filter(reason=MARK).count() == 2
    Booking.objects.update(reason=MARK)
    HoursException.objects.create(
        therapist=type.therapist, kind="CLOSED", starts_at=now, ends_at=browsing.ahead(9), note=MARK
    )


def _payments(world: World) -> None:
    """M-Pesa's words, the payer's, and those of staff."""
    now, client = clock.now(), world.people["client"]
    row = paying.prompted(client, now=now, description=MARK, idempotency_key=MARK)
    said = {
        "MerchantRequestID": MARK, "CheckoutRequestID": paying.checkout_of(row.pk), "ResultCode": MARK, "ResultDesc": MARK,
    }  # fmt: skip
    Client().generic("POST", "/api/mpesa/callback", json.dumps({"Body": {"stkCallback": said}}), "application/json")
    failed = Fact(Kind.FAILED, Source.CALLBACK, code=MARK, text=MARK, merchant_request_id=MARK, at=now)
    paying.tell(row, failed, now=now)
    review.not_paid(payment_id=row.pk, reason=MARK, actor="system", now=now)
    owed = Payment.objects.get(transaction_id=world.things["deposit"]["transaction_id"])
    paying.tell(owed, paying.lot(cents=50_000), now=now)  # half of what was asked for: nothing could be given
    world.things["marked payment"] = {"transaction_id": row.transaction_id, "payment_id": row.pk}
    Payment.objects.update(result_description=MARK, result_code=MARK, answer_reason=MARK, merchant_request_id=MARK)
    LotRow.objects.create(
        environment="sandbox",
        receipt=MARK,
        amount_cents=100,
        source="C2B",
        shortcode=MARK,
        reference=MARK,
        recorded_at=now,
    )
    sealed = sealing.seal(json.dumps({MARK: MARK}).encode(), context=CONTEXT)
    Exchange.objects.create(environment="sandbox", type="STK_PUSH", error=MARK, user_agent=MARK, payment_id=row.pk,
                            request_sealed=sealed, response_sealed=sealed, created_at=now)  # fmt: skip
    Callback.objects.update(error=MARK, outcome=MARK)


def _told(world: World) -> None:
    """Each thing that is said to anybody, by mail and in the product; what is queued, and what the mailbox keeps."""
    about = {
        "session": {"booking": Booking.objects.get(code=world.things["approved session"]["code"])},
        "payment": {"payment": Payment.objects.get(pk=world.things["marked payment"]["payment_id"])},
    }
    for number, words in enumerate(sorted(_WORDS.glob("*/*.txt"))):
        event, audience = words.parent.name.replace("_", ".", 1), words.stem
        person = world.people["therapist" if audience == "therapist" else "client"]
        for channel in (Channel.IN_APP, Channel.EMAIL):
            Notification.objects.create(
                event=event, key=f"marked:{number}", recipient=person, audience=audience, channel=channel, reference=MARK,
                data={**_SAID, "starts_at": browsing.ahead(3).isoformat()}, created_at=clock.now(), **about[event[:7]],
            )  # fmt: skip
    Notification.objects.filter(channel=Channel.EMAIL).update(skipped=MARK)
    Delivery.objects.update(last_error=MARK)
    StoredMail.objects.update(to=MARK, subject=MARK, text=MARK)


_WORDS = settings.BASE_DIR / "templates" / "notifications"
_SAID = {name: MARK for name in ("thing", "headline", "happened", "next_step", "owed", "by", "reason")} | {
    "kind": "24h", "from": "2026-11-23T09:00:00+03:00",
}  # fmt: skip


def _by_strangers() -> None:
    """Logs of what was tried, and of what was changed."""
    AccessAttempt.objects.update(
        username=MARK, user_agent=MARK, path_info=MARK, get_data=MARK, post_data=MARK, http_accept=MARK
    )
    AccessFailureLog.objects.update(username=MARK, user_agent=MARK, path_info=MARK, http_accept=MARK)
    trail.record(action=f"x.{MARK}", actor=MARK, subject=MARK, data={MARK: MARK})
    for row in (*Booking.objects.all(), *Payment.objects.all()):
        subject = f"session:{row.code}" if isinstance(row, Booking) else f"payment:{row.transaction_id}"
        trail.record(action=f"session.{MARK}", actor="system", subject=subject, data={"by": MARK})
    for model in (User, Therapist, Merchant):
        LogEntry.objects.create(
            user=User.objects.get(is_superuser=False, role="ADMIN"), content_type=ContentType.objects.get_for_model(model),
            object_id=str(model._default_manager.order_by("-pk")[0].pk), object_repr=MARK, action_flag=CHANGE,
            change_message=MARK,
        )  # fmt: skip
