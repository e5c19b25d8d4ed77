"""Rows for tests, made through the doors of the product: a payment is started, never inserted."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import factory

from accounts.models import User
from lib.rows import read_rows
from payments import calls, lifecycle, sealing, starting
from payments.facts import Fact, Kind, Lot, Source
from payments.lifecycle import News
from payments.models import Callback, Payment
from payments.providers import Order, Pushed

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
_number = count(1)


class UserFactory(factory.django.DjangoModelFactory):
    """A person with an address of their own."""

    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"payer{n}@malipo.test")
    name = "Wanjiku"


def later(seconds: float) -> datetime:
    """So many seconds after `AT`."""
    return AT + timedelta(seconds=seconds)


def new_phone() -> str:
    """A number that nobody else has."""
    return f"2547{next(_number):08d}"


def new_receipt() -> str:
    return f"UKL{next(_number):07d}"


def order(payer: User, **given: Any) -> starting.Start:
    """A request to deposit KES 1,000."""
    fields = {"purpose": "deposit", "payer_id": payer.pk, "phone": new_phone(), "amount": 1000}
    return starting.Start(**{**fields, **given})


def started(payer: User | None = None, *, now: datetime = AT, **given: Any) -> Payment:
    """A payment that is written and not sent yet."""
    begun = starting.start(order=order(payer or UserFactory(), **given), now=now)
    return read(begun.payment_id)


def read(payment_id: int) -> Payment:
    """The row as it is now."""
    (row,) = read_rows(Payment, "WHERE id = %s", [payment_id])
    return row


def sent(payment: Payment | None = None, *, now: datetime = AT, **given: Any) -> Order:
    """A payment whose push is on its way: perhaps sent."""
    payment = payment or started(now=now, **given)
    begun = lifecycle.begin(payment_id=payment.pk, now=now)
    assert begun is not None
    return begun


def answered(order: Order, pushed: Pushed, *, now: datetime = AT) -> Payment:
    """The push's end is recorded, whatever it was."""
    lifecycle.finish(order=order, pushed=pushed, made=(), caller=calls.NOBODY, now=now)
    return read(order.payment_id)


def checkout_of(payment_id: int, submission: int = 1) -> str:
    return f"ws_CO_21112026123000{payment_id:06d}{submission:03d}"


def acceptance(order: Order) -> Pushed:
    """M-Pesa took it."""
    checkout = checkout_of(order.payment_id, order.submission)
    fact = Fact(
        Kind.ACCEPTED,
        Source.PUSH,
        order.submission,
        checkout_hash=sealing.checkout_hash(checkout),
        checkout_id=checkout,
        merchant_request_id=f"29115-{order.payment_id}-1",
    )
    return Pushed((fact,))


def refusal(order: Order, *, passing: bool, code: str = "500.003.02 BUSY") -> Pushed:
    """M-Pesa certainly did not take it."""
    return Pushed((Fact(Kind.REFUSED, Source.PUSH, order.submission, code, text="System is busy."),), passing=passing)


def loss(order: Order) -> Pushed:
    """The answer was lost: perhaps sent."""
    return Pushed((Fact(Kind.LOST, Source.PUSH, order.submission, "timeout TIMEOUT"),))


def prompted(payer: User | None = None, *, now: datetime = AT, **given: Any) -> Payment:
    """A payment whose prompt is on a phone."""
    begun = sent(started(payer, now=now, **given), now=now)
    return answered(begun, acceptance(begun), now=now)


def lot(receipt: str = "", cents: int = 100_000, **given: Any) -> Lot:
    return Lot(receipt or new_receipt(), cents, given.pop("source", Source.CALLBACK), **given)


def tell(payment: Payment, *news: Fact | Lot, now: datetime = AT) -> Payment:
    """Apply news, and read the payment again."""
    told = News(
        payment.pk,
        facts=tuple(one for one in news if isinstance(one, Fact)),
        lots=tuple(one for one in news if isinstance(one, Lot)),
    )
    lifecycle.apply(news=[told], now=now)
    payment.refresh_from_db()
    return payment


def callback(
    payment: Payment | None, body: bytes, *, now: datetime = AT, verdict: str = Callback.Verdict.TRUSTED, **given: Any
) -> Callback:
    """A callback as the receiving view stores it; with a payment where its URL named one."""
    fields: dict[str, Any] = {
        "environment": "sandbox",
        "payment_id": payment.pk if payment else None,
        "submission": 1 if payment else 0,
        "verdict": verdict,
        "body_sealed": sealing.seal(body, context=calls.CONTEXT),
        "size": len(body),
        "received_at": now,
        "next_attempt_at": now,
    }
    return Callback.objects.create(**{**fields, **given})
