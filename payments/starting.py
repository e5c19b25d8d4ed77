"""Starting a payment: the thing is opened or found, quoted and locked, and one row is written.

Two clicks, a reload or two tabs never make two prompts for one thing: a second start answers with the live payment if
it asks for the same, else it is refused. The rules stand in the database (`payment_one_live_per_thing`,
`payment_one_prompt_per_phone`, `payment_idempotent`); whoever loses a race against them looks again and finds the
winner.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError

from accounts.models import User
from audit import trail
from lib import money, phone
from lib.db import entry_point, refused_by
from lib.errors import Refusal
from payments import holding, live, merchants, phones, timing
from payments.facts import Source
from payments.lifecycle import close_within
from payments.models import Payment
from payments.payable import Quote, payable
from payments.states import LIVE, Status

_REFERENCE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nothing that is misread aloud
_HEAD_START_S = 2  # the request that starts a payment sends it itself; workers come after that
_RACES = {"payment_one_live_per_thing", "payment_one_prompt_per_phone", "payment_idempotent"}


@dataclass(frozen=True, slots=True)
class Start:
    """A request to pay. `phone` is 2547XXXXXXXX; `amount` as the payer wrote it, None where the thing has a price."""

    purpose: str
    payer_id: int
    phone: str
    amount: object = None
    fields: Mapping[str, Any] | None = None
    description: str = ""
    idempotency_key: str = ""
    replace: bool = False
    instead_of: int | None = None  # the payment that this one is to stand in for, by its id


@dataclass(frozen=True, slots=True)
class Started:
    """`created` False: this payment was there already."""

    payment_id: int
    transaction_id: str
    created: bool


def start(*, order: Start, now: datetime) -> Started:
    """Write the payment, or answer with the live one. Raises Refusal with the next step."""
    try:
        return _start(order=order, now=now)
    except IntegrityError as error:
        if refused_by(error) not in _RACES:
            raise
    return _start(order=order, now=now)


@entry_point
def _start(*, order: Start, now: datetime) -> Started:
    environment = merchants.current_environment()
    known = _same_key(order)
    if known:
        return known
    thing = payable(order.purpose)
    target_id = thing.open(request=order.fields or {}, payer_id=order.payer_id, environment=environment)
    thing.lock([target_id])
    known = _same_key(order) or _paid_meanwhile(order)
    if known:  # a twin of this request, or the proof of payment, held the lock before us
        return known
    quote = thing.quote([target_id], now=now)[target_id]
    if quote.environment != environment:
        raise Refusal(
            "other_environment", "This belongs to another mode (test or live) and cannot be paid here.", status=409
        )
    amount_cents = _amount(order, quote)
    living = _live_for_thing(environment, order.purpose, target_id)
    if living:
        if not order.replace:
            return _join(living, order, amount_cents, now)
        _replace(living, now)
    _refuse_busy_phone(environment, order.phone, now)
    return _write(order, quote, amount_cents, environment, now)


def fingerprint(order: Start) -> str:
    """Same key, same request: what makes two requests the same."""
    said = [order.purpose, order.phone, str(order.amount), dict(order.fields or {}), order.description]
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _same_key(order: Start) -> Started | None:
    if not order.idempotency_key:
        return None
    row = Payment.objects.filter(payer_id=order.payer_id, idempotency_key=order.idempotency_key).first()
    if row is None:
        return None
    if row.fingerprint != fingerprint(order):
        raise Refusal(
            "idempotency_conflict",
            "This Idempotency-Key was used for another request. Use a new key for a new payment.",
            status=409,
        )
    return Started(row.pk, row.transaction_id, created=False)


def _paid_meanwhile(order: Start) -> Started | None:
    """A page may still say "timed out" when money has come: then nothing is asked for a second time."""
    if order.instead_of is None:
        return None
    row = Payment.objects.filter(pk=order.instead_of, payer_id=order.payer_id, status=Status.COMPLETED).first()
    return Started(row.pk, row.transaction_id, created=False) if row else None


def _amount(order: Start, quote: Quote) -> int:
    if quote.amount_cents is None:
        return money.parse(order.amount, minimum=quote.minimum, maximum=quote.maximum)
    if order.amount not in (None, "") and money.parse(order.amount, minimum=1, maximum=250_000) != quote.amount_cents:
        price = money.words(quote.amount_cents)
        raise Refusal("amount_differs", f"The price is {price}.", errors={"amount": [f"The price is {price}."]})
    return quote.amount_cents


def _live_for_thing(environment: str, purpose: str, target_id: int) -> Payment | None:
    rows = Payment.objects.filter(environment=environment, purpose=purpose, target_id=target_id, status__in=LIVE)
    return rows.first()


def _join(living: Payment, order: Start, amount_cents: int, now: datetime) -> Started:
    same_payer = living.payer_id == order.payer_id
    if same_payer and living.amount_cents == amount_cents and living.phone_hash == phones.phone_hash(order.phone):
        return Started(living.pk, living.transaction_id, created=False)
    wait = timing.seconds_until(living.deadline_at or now, now)
    raise Refusal(
        "payment_in_progress",
        "A payment is in progress. Finish it on your phone, or wait until it has timed out.",
        status=409,
        retry_after=wait,
    )


def _replace(living: Payment, now: datetime) -> None:
    """The old one is closed and the new one started in one step, from 120 s on (REC-2)."""
    held = holding.hold([living.pk])
    row = held[living.pk].row
    if row.status not in LIVE:
        return
    if not may_be_replaced(row):
        raise Refusal(
            "payment_in_progress",
            "M-Pesa is still working on your payment. Check your phone before you pay again.",
            status=409,
            retry_after=timing.seconds_until(row.deadline_at or now, now),
        )
    close_within(held.values(), source=Source.PAYER, code="REPLACED", now=now, actor=f"user:{row.payer_id}")


def may_be_replaced(row: Payment) -> bool:
    """Timed out, and M-Pesa did not say since that it is still being processed."""
    if row.status not in LIVE or row.timed_out_at is None:
        return False
    return row.still_processing_at is None or row.still_processing_at < row.timed_out_at


def _refuse_busy_phone(environment: str, number: str, now: datetime) -> None:
    rows = Payment.objects.filter(environment=environment, phone_hash=phones.phone_hash(number), status__in=LIVE)
    busy = rows.first()
    if busy:
        wait = timing.seconds_until(busy.deadline_at or now, now)
        raise Refusal(
            "phone_busy",
            f"There is an open M-Pesa request on {phone.hidden(number)}. Answer it on the phone, or try again in {wait} seconds.",
            status=409,
            retry_after=wait,
        )


def _write(order: Start, quote: Quote, amount_cents: int, environment: str, now: datetime) -> Started:
    payer = User.objects.get(pk=order.payer_id)
    row = Payment(
        transaction_id=new_transaction_id(),
        environment=environment,
        purpose=order.purpose,
        target_id=quote.target_id,
        payer=payer,
        counterparty_id=quote.counterparty_id,
        merchant=merchants.merchant_for(environment=environment, purpose=order.purpose),
        amount_cents=amount_cents,
        account_reference="".join(secrets.choice(_REFERENCE_LETTERS) for _ in range(10)),
        description=(order.description or quote.description)[:140],
        idempotency_key=order.idempotency_key,
        fingerprint=fingerprint(order),
        metadata=dict(order.fields or {}),
        initiated_at=now,
        status=Status.SENDING,
        next_attempt_at=now + timing.seconds(_HEAD_START_S),
        deadline_at=now + timing.seconds(timing.UNSENT),
        **phones.columns(payer, order.phone),
    )
    row.save(force_insert=True)
    trail.record(
        action="payment.initiated",
        actor=f"user:{payer.pk}",
        subject=f"payment:{row.transaction_id}",
        environment=environment,
        data={
            "thing": f"{row.purpose}:{row.target_id}",
            "amount": money.words(amount_cents),
            "phone": phone.masked(order.phone),
        },
        at=now,
    )
    live.tell([live.changed(row)], now=now)
    return Started(row.pk, row.transaction_id, created=True)


def new_transaction_id() -> str:
    """TXN_ and 24 hex digits. The first is a letter: what begins with digits may look like a phone number and be masked."""
    return f"TXN_{secrets.choice('ABCDEF')}{secrets.token_hex(12).upper()[1:]}"
