"""Notifications for tests: one of each line of the plan, about real sessions and payments."""

from collections.abc import Mapping
from typing import Any

from django.utils.module_loading import import_string

from lib import clock
from notifications.models import Audience, Channel, Notification
from outbox.models import Delivery, State
from payments.tests import factories as paying
from sessions_booking.tests import factories as booked

PHONE = "0712 345 678"


def react(*, again: bool = False) -> None:
    """What the worker does with the news: each reaction is called, once or `again`; nothing is sent."""
    rows = Delivery.objects.filter(handler__startswith="notifications.events.").order_by("id")
    for delivery in list(rows if again else rows.filter(state=State.WAITING)):
        import_string(delivery.handler)(delivery.payload)
    forget()


def forget() -> None:
    """What was said so far is done with."""
    news = Delivery.objects.filter(handler__startswith="notifications.events.", state=State.WAITING)
    news.update(state=State.DONE, done_at=clock.now())


def told(event: str = "", **given: Any) -> list[tuple[str, str, str]]:
    """(event, audience, channel) of what was written and is or will be sent."""
    rows = Notification.objects.filter(skipped="", **({"event": event} if event else {}), **given).order_by("id")
    return list(rows.values_list("event", "audience", "channel"))


def with_phone(user: Any, number: str = PHONE) -> Any:
    user.set_phone(number)
    user.save(update_fields=user.PHONE_FIELDS)
    return user


def one(event: str, audience: Audience, channel: Channel, *, data: Mapping[str, Any] | None = None) -> Notification:
    """A row as the announcing writes it, about a session or a payment that stands as it should."""
    about = _about(event)
    person = about["payment"].payer if "payment" in about else about["booking"].client
    if audience is Audience.THERAPIST:
        person = about["booking"].therapist.user
    said = {**_DATA, **({"starts_at": about["booking"].starts_at.isoformat()} if "booking" in about else {})}
    return Notification.objects.create(
        event=event, key=f"test:{Notification.objects.count()}", recipient=with_phone(person), audience=audience,
        channel=channel, data={**said, **(data or {})}, created_at=clock.now(), **about,
    )  # fmt: skip


_DATA = {
    "thing": "Session with Tabitha Therapist",
    "headline": "Paid",
    "happened": "KES 2,500 paid for your session.",
    "next_step": "There is nothing more to do.",
    "owed": "",
    "kind": "24h",
    "from": "2026-11-23T09:00:00+03:00",
    "by": "client",
}


def _about(event: str) -> dict[str, Any]:
    now = clock.now()
    if event.startswith("payment."):
        payment = paying.prompted(now=now)
        if event in ("payment.completed", "payment.receipt", "payment.owed"):
            paying.tell(payment, paying.lot(), now=now)
        return {"payment": payment}
    row = booked.requested(now=now, starts_at=_soon())
    if event != "session.requested":
        row = booked.approved(row, now=now)
    return {"booking": row}


def _soon() -> Any:
    days = (clock.now().astimezone(clock.EAT).date() - booked.AT.astimezone(clock.EAT).date()).days
    return booked.at(days + 3, 10)


def deliveries(state: State) -> int:
    return Delivery.objects.filter(state=state).count()
