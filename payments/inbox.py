"""Reading the inbox: a worker takes callbacks in batches, applies what they say, and marks them, in one transaction.

If a batch raises it is done again one by one, so that one bad row never stops the others. A row that cannot be
processed is tried three more times after 1, 2 and 4 s, then waits for a person (CB-6).

Whom a callback is about: its own URL names the payment, and the body must not contradict it; on a fixed URL the
CheckoutRequestID decides. An unknown one waits until the request turns up (`record._wake_unmatched`), and M-Pesa is
asked about it (`unmatched`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import structlog

from audit import trail
from lib.db import entry_point, in_transaction
from lib.phone import mask_all
from lib.rows import insert_rows, read_rows, storable, update_rows
from payments import calls, chase, lifecycle, record, sealing, timing
from payments.facts import Fact, Lot, Why
from payments.holding import Held
from payments.lifecycle import News
from payments.models import Callback, Exchange, Payment
from payments.providers import Told, Unparsable, provider

log = structlog.get_logger(__name__)
BATCH = 200
DUPLICATE = "known already"


@dataclass(slots=True)
class Reading:
    """One callback, read: what to do with it, in a word, and the news it brings."""

    row: Callback
    outcome: str = ""
    news: News | None = None
    ask_about: int | None = None
    checkout_hash: str = ""
    unmatched: bool = False
    security: str = ""


def drain(*, now: datetime, limit: int = BATCH) -> int:
    """Process what is due; how many callbacks were taken."""
    try:
        return _drain(now=now, limit=limit)
    except Exception:
        log.exception("inbox.batch_broke")
    ids = Callback.objects.filter(state=Callback.State.WAITING, next_attempt_at__lte=now).order_by("next_attempt_at")
    return sum(_drain_one(pk, now) for pk in list(ids.values_list("pk", flat=True)[:limit]))


_TURN = "ORDER BY next_attempt_at, id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED"
_DUE = f"WHERE state = 'WAITING' AND next_attempt_at <= %s {_TURN}"
_DUE_ONE = f"WHERE state = 'WAITING' AND next_attempt_at <= %s AND id = %s {_TURN}"


@entry_point
def _drain(*, now: datetime, limit: int, only: int | None = None) -> int:
    rows = read_rows(Callback, _DUE_ONE if only else _DUE, [now, only, limit] if only else [now, limit])
    if rows:
        _process(rows, now)
    return len(rows)


def _drain_one(callback_id: int, now: datetime) -> int:
    try:
        return _drain(now=now, limit=1, only=callback_id)
    except Exception as error:
        log.exception("inbox.callback_broke", callback_id=callback_id)
        _failed(callback_id=callback_id, words=f"{type(error).__name__}: {error}", now=now)
        return 1


@entry_point
def _failed(*, callback_id: int, words: str, now: datetime) -> None:
    row = Callback.objects.select_for_update(no_key=True).get(pk=callback_id)
    row.attempts += 1
    row.error = mask_all(storable(words))[:500]
    if row.attempts > len(timing.INBOX_RETRIES):
        row.state = Callback.State.STUCK
    else:
        row.next_attempt_at = now + timing.seconds(timing.INBOX_RETRIES[row.attempts - 1])
    row.save(update_fields=["attempts", "error", "state", "next_attempt_at"])


@entry_point
def process_again(*, callback_id: int, actor: str, now: datetime) -> None:
    """A person asks to process a callback again."""
    row = Callback.objects.select_for_update(no_key=True).get(pk=callback_id)
    if row.verdict == Callback.Verdict.FORGED:
        return
    row.state, row.attempts, row.next_attempt_at = Callback.State.WAITING, 0, now
    row.save(update_fields=["state", "attempts", "next_attempt_at"])
    trail.record(action="callback.process_again", actor=actor, subject=f"callback:{row.pk}", at=now)


# --- Reading ---------------------------------------------------------------------------------------------------------


@in_transaction
def _process(rows: Sequence[Callback], now: datetime) -> None:
    readings = _read_all(rows)
    news = [reading.news for reading in readings if reading.news]
    if news:
        _name_duplicates(readings, lifecycle.apply_within(news=news, now=now))
    chase.ask_soon(payment_ids=[r.ask_about for r in readings if r.ask_about], now=now)
    for reading in readings:
        _mark(reading, now)
    update_rows(
        [reading.row for reading in readings],
        ["state", "processed_at", "outcome", "checkout_hash", "payment_id", "error", "next_attempt_at"],
    )
    _log(readings, now)


def _name_duplicates(readings: Sequence[Reading], changed: Sequence[Held]) -> None:
    """A callback that tells nothing new is a duplicate: of what was known before, or of one beside it (CB-5)."""
    before = {item.row.pk: item.known for item in changed}
    told: dict[int, set[Fact | Lot]] = {pk: {*known.facts, *known.lots} for pk, known in before.items()}
    for reading in readings:
        if reading.news is None:
            continue
        known = told.get(reading.news.payment_id)
        said: set[Fact | Lot] = {*reading.news.facts, *reading.news.lots}
        if known is None or said <= known:
            reading.outcome = DUPLICATE
        else:
            known |= said


def _read_all(rows: Sequence[Callback]) -> list[Reading]:
    told = {row.pk: _told(row) for row in rows}
    hashes = {row.pk: sealing.checkout_hash(t.checkout_id) for row in rows if isinstance(t := told[row.pk], Told)}
    named = {payment.pk: payment for payment in _payments("id", [row.payment_id for row in rows if row.payment_id])}
    loose = [hashes[row.pk] for row in rows if row.payment_id is None and row.pk in hashes]
    found = _payments("checkout_hash", [hashed for hashed in loose if hashed])
    by_checkout = {(payment.environment, payment.checkout_hash): payment for payment in found}
    readings = []
    for row in rows:
        hashed = hashes.get(row.pk, "")
        payment = named.get(row.payment_id) if row.payment_id else by_checkout.get((row.environment, hashed))
        readings.append(_read(row, told[row.pk], payment, hashed))
    return readings


def _payments(column: Literal["id", "checkout_hash"], values: Sequence[int | str]) -> list[Payment]:
    return read_rows(Payment, f"WHERE {column} = ANY(%s)", [list(values)]) if values else []


def _told(row: Callback) -> Told | str:
    body = sealing.unseal(bytes(row.body_sealed), context=calls.CONTEXT)
    try:
        return provider("mpesa").read_callback(body)
    except Unparsable as error:
        return str(error)


def _read(row: Callback, told: Told | str, payment: Payment | None, hashed: str) -> Reading:
    if isinstance(told, str):
        return Reading(row, f"not readable: {told}"[:80], ask_about=payment.pk if payment else None)
    if payment is None:
        return Reading(row, "names a request that is not known (yet)", checkout_hash=hashed, unmatched=True)
    if wrong := _contradiction(told, payment, hashed):
        return Reading(row, wrong, security="callback_mismatch", checkout_hash=hashed)
    if row.verdict != Callback.Verdict.TRUSTED:
        return Reading(row, "M-Pesa is asked instead", ask_about=payment.pk, checkout_hash=hashed)
    news = News(payment.pk, facts=(*told.facts, *_doubts(told, payment, row)), lots=told.lots)
    return Reading(row, "applied", news=news, checkout_hash=hashed)


def _contradiction(told: Told, payment: Payment, hashed: str) -> str:
    """Token and body must name the same payment: CheckoutRequestID if known, phone where given."""
    if payment.checkout_hash and hashed and hashed != payment.checkout_hash:
        return "token and CheckoutRequestID name different payments"
    if told.phone_hash and told.phone_hash != payment.phone_hash:
        return "another phone than the payment's"
    return ""


def _doubts(told: Told, payment: Payment, row: Callback) -> list[Fact]:
    if told.occurred_at is None or not told.lots:
        return []
    early = told.occurred_at < payment.initiated_at - timing.odd_before()
    late = told.occurred_at > row.received_at + timing.odd_after()
    return [record.doubt(Why.ODD_DATE, told.lots[0].receipt)] if early or late else []


# --- Marking ---------------------------------------------------------------------------------------------------------


def _mark(reading: Reading, now: datetime) -> None:
    row = reading.row
    row.state = Callback.State.UNMATCHED if reading.unmatched else Callback.State.DONE
    row.outcome, row.processed_at, row.error = reading.outcome[:80], now, ""
    row.checkout_hash = reading.checkout_hash
    if reading.news:
        row.payment_id = reading.news.payment_id
    if reading.unmatched:
        row.next_attempt_at = now + timing.seconds(timing.QUERIES[0])
    if reading.security:
        trail.security(event=reading.security, subject=f"callback:{row.pk}", data={"reason": reading.outcome}, at=now)


def _log(readings: Sequence[Reading], now: datetime) -> None:
    rows = [
        Exchange(
            environment=reading.row.environment,
            type=Exchange.Type.CALLBACK,
            payment_id=reading.row.payment_id,
            request_sealed=reading.row.body_sealed,
            http_status=200,
            error="" if reading.news else reading.outcome,
            address=reading.row.address,
            created_at=reading.row.received_at,
        )
        for reading in readings
    ]
    insert_rows(rows)
