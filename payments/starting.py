"""Starting a payment: the thing is opened or found, quoted and locked, and one row is written.

Two clicks, a reload or two tabs never make two prompts for one thing: a second start answers with the live payment if
it asks for the same, else it is refused. The rules stand in the database (`payment_one_live_per_thing`,
`payment_one_prompt_per_phone`, `payment_idempotent`); whoever loses a race against them looks again and finds the
winner, or tries again where the winner has ended by then. Who loses every time is refused, and told by which rule.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection

from accounts.keys import owner
from audit import trail
from lib import money, phone
from lib.db import entry_point, refused_by
from lib.errors import Refusal
from lib.rows import insert_row
from payments import holding, lifecycle, live, merchants, phones, providers, record, timing
from payments.facts import Known, Source
from payments.models import Payment
from payments.payable import Quote, payable
from payments.project import project
from payments.states import LIVE, Status

_REFERENCE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nothing that is misread aloud
_HEAD_START_S = 2  # the request that starts a payment sends it itself; workers come after that
_RACES = {"payment_one_live_per_thing", "payment_one_prompt_per_phone", "payment_idempotent"}
ATTEMPTS = 4  # of one start: each but the first was lost to another start at that very moment
_OUTRUN_WAIT_S = 5


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
    """`created` False: this payment was there already. `push`: committed as about to be sent, for `lifecycle.push`."""

    payment_id: int
    transaction_id: str
    created: bool
    push: providers.Order | None = None


@dataclass(frozen=True, slots=True)
class _Other:
    """What a start must know of a payment that is there already, and why it was looked at."""

    why: str
    payment_id: int
    transaction_id: str
    payer_id: int
    amount_cents: int
    phone_hash: str
    fingerprint: str
    deadline_at: datetime | None


def start(*, order: Start, now: datetime, at_once: bool = False) -> Started:
    """Write the payment, or answer with the live one. Raises Refusal with the next step.

    `at_once`: the caller makes the push now, so that this commit says already that it is about to be sent. Else the
    payment is due, and whoever submits it says so.
    """
    lost_by = ""
    for _ in range(ATTEMPTS):
        try:
            return _start(order=order, now=now, at_once=at_once)
        except IntegrityError as error:
            lost_by = refused_by(error)
            if lost_by not in _RACES:
                raise
    raise _outrun(lost_by, order.phone)


@entry_point
def _start(*, order: Start, now: datetime, at_once: bool) -> Started:
    environment = merchants.current_environment()
    if order.idempotency_key and (known := _same_request(order, _look(order, environment, None))):
        return known
    thing = payable(order.purpose)
    target_id = thing.open(request=order.fields or {}, payer_id=order.payer_id, environment=environment)
    there = _look(order, environment, target_id)
    if known := _same_request(order, there):  # a twin of this request, or the proof of payment, held its lock before us
        return known
    quote = thing.quote([target_id], now=now)[target_id]
    if quote.environment != environment:
        raise Refusal(
            "other_environment", "This belongs to another mode (test or live) and cannot be paid here.", status=409
        )
    amount_cents = _amount(order, quote)
    living = there.get("thing")
    if living:
        if not order.replace:
            return _join(living, order, amount_cents, now)
        _replace(living, now)
    if (busy := there.get("phone")) and (living is None or busy.payment_id != living.payment_id):
        raise _phone_busy(busy, order.phone, now)
    row = _row(order, quote, amount_cents, environment, now)
    return _write(row, order, now, at_once=at_once)


def fingerprint(order: Start) -> str:
    """Same key, same request: what makes two requests the same."""
    said = [order.purpose, order.phone, str(order.amount), dict(order.fields or {}), order.description]
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


_COLUMNS = "id, transaction_id, payer_id, amount_cents, phone_hash, fingerprint, deadline_at FROM payments_payment"
_LIVE = ", ".join(f"'{status}'" for status in sorted(LIVE))  # as the unique indexes say it
_LOOK = f"""
    SELECT 'key', {_COLUMNS} WHERE payer_id = %(payer)s AND idempotency_key = %(key)s AND idempotency_key <> ''
    UNION ALL SELECT 'paid', {_COLUMNS} WHERE id = %(paid)s AND payer_id = %(payer)s AND status = 'COMPLETED'
    UNION ALL SELECT 'thing', {_COLUMNS} WHERE environment = %(environment)s AND purpose = %(purpose)s
        AND target_id = %(target)s AND status IN ({_LIVE})
    UNION ALL SELECT 'phone', {_COLUMNS} WHERE environment = %(environment)s AND phone_hash = %(phone)s
        AND provider = 'mpesa' AND status IN ({_LIVE})"""


def _look(order: Start, environment: str, target_id: int | None) -> dict[str, _Other]:
    """The payments that this one could be, or could not be beside, by why. Asked under the thing's lock, it sees what
    those who held it before us have committed."""
    asked: dict[str, Any] = {
        "payer": order.payer_id,
        "key": order.idempotency_key,
        "paid": order.instead_of,
        "environment": environment,
        "purpose": order.purpose,
        "target": target_id,
        "phone": phones.phone_hash(order.phone),
    }
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, asked)
        return {values[0]: _Other(*values) for values in cursor.fetchall()}


def _same_request(order: Start, there: Mapping[str, _Other]) -> Started | None:
    """The payment of the same key; or one that was paid meanwhile: a page may still say "timed out" when money has
    come, and then nothing is asked for a second time."""
    known = there.get("key")
    if known and known.fingerprint != fingerprint(order):
        raise Refusal(
            "idempotency_conflict",
            "This Idempotency-Key was used for another request. Use a new key for a new payment.",
            status=409,
        )
    known = known or there.get("paid")
    return Started(known.payment_id, known.transaction_id, created=False) if known else None


def _amount(order: Start, quote: Quote) -> int:
    if quote.amount_cents is None:
        return money.parse(order.amount, minimum=quote.minimum, maximum=quote.maximum)
    if order.amount not in (None, "") and money.parse(order.amount, minimum=1, maximum=250_000) != quote.amount_cents:
        price = money.words(quote.amount_cents)
        raise Refusal("amount_differs", f"The price is {price}.", errors={"amount": [f"The price is {price}."]})
    return quote.amount_cents


def _join(living: _Other, order: Start, amount_cents: int, now: datetime) -> Started:
    same_payer = living.payer_id == order.payer_id
    if same_payer and living.amount_cents == amount_cents and living.phone_hash == phones.phone_hash(order.phone):
        return Started(living.payment_id, living.transaction_id, created=False)
    wait = timing.seconds_until(living.deadline_at or now, now)
    raise Refusal(
        "payment_in_progress",
        "A payment is in progress. Finish it on your phone, or wait until it has timed out.",
        status=409,
        retry_after=wait,
    )


def _replace(living: _Other, now: datetime) -> None:
    """The old one is closed and the new one started in one step, from 120 s on (REC-2)."""
    held = holding.hold([living.payment_id])
    row = held[living.payment_id].row
    if row.status not in LIVE:
        return
    if not may_be_replaced(row):
        raise Refusal(
            "payment_in_progress",
            "M-Pesa is still working on your payment. Check your phone before you pay again.",
            status=409,
            retry_after=timing.seconds_until(row.deadline_at or now, now),
        )
    lifecycle.close_within(held.values(), source=Source.PAYER, code="REPLACED", now=now, actor=f"user:{row.payer_id}")


def may_be_replaced(row: Payment) -> bool:
    """Timed out, and M-Pesa did not say since that it is still being processed."""
    if row.status not in LIVE or row.timed_out_at is None:
        return False
    return row.still_processing_at is None or row.still_processing_at < row.timed_out_at


def _phone_busy(busy: _Other, number: str, now: datetime) -> Refusal:
    wait = timing.seconds_until(busy.deadline_at or now, now)
    return Refusal(
        "phone_busy",
        f"There is an open M-Pesa request on {phone.hidden(number)}. Answer it on the phone, or try again in {wait} seconds.",
        status=409,
        retry_after=wait,
    )


def _outrun(lost_by: str, number: str) -> Refusal:
    """Others were quicker each time, and each had ended when it was looked for: who they were says nothing any more."""
    busy = lost_by == "payment_one_prompt_per_phone"
    meanwhile = (
        f"Other payments are being started on {phone.hidden(number)}" if busy else "Another payment is being started"
    )
    return Refusal(
        "phone_busy" if busy else "payment_in_progress",
        f"{meanwhile} at this moment, so yours was not. Try again in {_OUTRUN_WAIT_S} seconds.",
        status=409,
        retry_after=_OUTRUN_WAIT_S,
    )


def _row(order: Start, quote: Quote, amount_cents: int, environment: str, now: datetime) -> Payment:
    return Payment(
        transaction_id=new_transaction_id(),
        environment=environment,
        purpose=order.purpose,
        target_id=quote.target_id,
        payer_id=order.payer_id,
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
        updated_at=now,
        **phones.columns(owner(order.payer_id), order.phone),
    )


def _write(row: Payment, order: Start, now: datetime, *, at_once: bool) -> Started:
    told = [lifecycle.sent(row, now)] if at_once else []
    if told:
        project(row, Known(row.amount_cents).having(facts=told), None, now=now)
    insert_row(row)
    record.store_facts([(row.pk, fact) for fact in told], now=now)
    trail.record(
        action="payment.initiated",
        actor=f"user:{row.payer_id}",
        subject=f"payment:{row.transaction_id}",
        environment=row.environment,
        data={
            "thing": f"{row.purpose}:{row.target_id}",
            "amount": money.words(row.amount_cents),
            "phone": phone.masked(order.phone),
        },
        at=now,
    )
    live.tell([live.changed(row)], now=now)
    push = lifecycle.order_of(row, order.phone) if at_once else None
    return Started(row.pk, row.transaction_id, created=True, push=push)


def new_transaction_id() -> str:
    """TXN_ and 24 hex digits. The first is a letter: what begins with digits may look like a phone number and be masked."""
    return f"TXN_{secrets.choice('ABCDEF')}{secrets.token_hex(12).upper()[1:]}"
