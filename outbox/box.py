"""The box: what is to be said is a row in the transaction that makes it true; what is sent is sent after it.

`publish` writes one delivery for each handler of a topic (settings.REACTIONS, dotted paths). `deliver_due` takes them
out: it claims one with a token and a lease and commits that *before* it sends, so a worker that dies, or another
worker, can never send it a second time by accident. The handler then ends in one of three ways:

- it returns: DONE;
- it raises `outbox.Refused`: certainly not sent, so it is tried again after 1, 5, 15 and 60 minutes, then FAILED;
- anything else, or silence until the lease is over: perhaps sent, so DOUBTFUL, and only a person sends it again.

Handlers of settings.OUTBOX_REPEATABLE only write rows of ours, once however often they are called: where a worker died
in one of them, another calls it again soon, but not for ever.
"""

import logging
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from lib.db import entry_point, in_transaction
from lib.errors import Refusal
from lib.phone import mask_all
from lib.rows import changed_rows, insert_rows, storable
from lib.wake import wake, wake_often
from outbox.errors import Refused
from outbox.models import MAY_BE_SENT_AGAIN, Delivery, State

BACKOFF_S = (60, 300, 900, 3600)  # settings.OUTBOX_BACKOFF_S
_TASKS = {False: "outbox.deliver", True: "outbox.deliver_slow"}  # by whether a handler waits for other servers
REPEATABLE_LEASE_S = 20
MOST_DEATHS = 5  # what kills so many workers waits for a person, before it kills those that payments need
_REPEATED = "handler = ANY(%(repeatable)s) AND attempts < %(deaths)s"
_RUN_S = 60  # a run ends before Celery would end it in the middle of a delivery
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Message:
    """What `publish_many` takes: `handlers` None means those that settings.REACTIONS names for the topic."""

    topic: str
    key: str
    payload: Mapping[str, object]
    handlers: Sequence[str] | None = None


@in_transaction
def publish(*, topic: str, key: str, payload: Mapping[str, object], handlers: Sequence[str] | None = None) -> None:
    """Have a topic's handlers called with `payload` (ids only) after the commit, each once per (topic, key)."""
    publish_many([Message(topic, key, payload, handlers)])


@in_transaction
def publish_many(messages: Iterable[Message]) -> None:
    """As `publish`, with one query for all."""
    rows = [
        Delivery(topic=message.topic, key=message.key, handler=handler, payload=dict(message.payload))
        for message in messages
        for handler in _handlers(message)
    ]
    if rows:
        insert_rows(rows, once=True)
        for task in sorted({_TASKS[row.handler in settings.OUTBOX_SLOW] for row in rows}):
            wake_often(task)


def deliver_due(*, now: datetime, limit: int, slow: bool | None = None) -> int:
    """Send what is due, one after the other, at most `limit`; how many were tried. Never inside a transaction.

    `slow`: only what waits for other servers (settings.OUTBOX_SLOW), or only the rest; None means all.
    """
    doubt_abandoned(now=now)  # a transaction of its own, so none is open here
    began, tried = time.monotonic(), 0
    while tried < limit and (elapsed := time.monotonic() - began) < _RUN_S:
        moment = now + timedelta(seconds=elapsed)
        delivery = claim(now=moment, slow=slow)
        if delivery is None:
            break
        _send(delivery, now=moment)
        tried += 1
    return tried


def claim(*, now: datetime, slow: bool | None = None) -> Delivery | None:
    """The next due delivery, committed as SENDING under a token of our own; other workers pass it by.

    One statement, and where no transaction is open it is committed with it.
    """
    theirs = {None: "", True: "AND handler = ANY(%(slow)s)", False: "AND handler <> ALL(%(slow)s)"}[slow]
    claimed = changed_rows(
        Delivery,
        f"""UPDATE outbox_delivery SET state = 'SENDING', lease_token = %(token)s, attempts = attempts + 1,
            lease_until = CASE WHEN handler = ANY(%(repeatable)s) THEN %(soon)s ELSE %(later)s END
        WHERE id = (
            SELECT id FROM outbox_delivery WHERE state = 'WAITING' AND next_attempt_at <= %(now)s {theirs}
            ORDER BY next_attempt_at, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
        )""",  # noqa: S608 - one of three texts of ours
        {**_leases(now), "now": now, "token": uuid.uuid4(), "slow": list(settings.OUTBOX_SLOW)},
    )
    return claimed[0] if claimed else None


def _leases(now: datetime) -> dict[str, Any]:
    later = timedelta(seconds=settings.OUTBOX_LEASE_S)
    soon = timedelta(seconds=REPEATABLE_LEASE_S)
    return {"repeatable": list(settings.OUTBOX_REPEATABLE), "soon": now + soon, "later": now + later}


@entry_point
def doubt_abandoned(*, now: datetime) -> int:
    """Whose lease ran out was perhaps sent by a worker that died: DOUBTFUL, but for what may be repeated."""
    return _run(
        f"""UPDATE outbox_delivery SET lease_token = NULL, lease_until = NULL,
            state = CASE WHEN {_REPEATED} THEN 'WAITING' ELSE 'DOUBTFUL' END,
            next_attempt_at = CASE WHEN {_REPEATED} THEN %(now)s ELSE next_attempt_at END,
            last_error = 'the worker that was sending it did not come back'
        WHERE state = 'SENDING' AND lease_until <= %(now)s""",  # noqa: S608 - a text of ours
        {"now": now, "repeatable": list(settings.OUTBOX_REPEATABLE), "deaths": MOST_DEATHS},
    )


@entry_point
def send_again(*, delivery_id: int, reason: str, actor: str, now: datetime) -> int:
    """A person's decision: a new delivery of the same message, audited; its id. Once per delivery.

    Raises Refusal `cannot_send_again` or `reason_needed`.
    """
    if not reason.strip():
        raise Refusal("reason_needed", "Please say why it should be sent again.")
    old = Delivery.objects.select_for_update(no_key=True).get(pk=delivery_id)
    if old.state not in MAY_BE_SENT_AGAIN or Delivery.objects.filter(again_of=old).exists():
        raise Refusal(
            "cannot_send_again", "Only a failed or doubtful delivery can be sent again, and only once.", status=409
        )
    new = Delivery.objects.create(
        topic=old.topic, handler=old.handler, payload=old.payload, again_of=old, reason=reason.strip(),
        key=f"{old.key}~{old.pk}"[-200:], next_attempt_at=now,
    )  # fmt: skip
    data = {"delivery": old.pk, "new": new.pk, "topic": old.topic, "reason": reason.strip(), "was": old.state}
    _record(action="outbox.sent_again", actor=actor, subject=f"delivery:{old.pk}", data=data)
    wake(_TASKS[new.handler in settings.OUTBOX_SLOW])
    return new.pk


def _record(**entry: object) -> None:
    # The audit trail is this room's neighbour, and neighbours do not import each other: reached by its dotted path.
    import_string(getattr(settings, "AUDIT_RECORD", "audit.trail.record"))(**entry)


def _handlers(message: Message) -> Sequence[str]:
    return settings.REACTIONS.get(message.topic, []) if message.handlers is None else message.handlers


def _send(delivery: Delivery, *, now: datetime) -> None:
    try:
        handler = import_string(delivery.handler)
    except ImportError as error:  # nothing was called yet
        _refused(delivery, error, now=now)
        return
    try:
        handler(delivery.payload)
    except Refused as error:
        _refused(delivery, error, now=now)
    except Exception as error:
        logger.exception("delivery %s of %s is doubtful", delivery.pk, delivery.topic)
        _finish(delivery, state=State.DOUBTFUL, last_error=_words(error))
    else:
        _finish(delivery, state=State.DONE, done_at=now)


def _refused(delivery: Delivery, error: Exception, *, now: datetime) -> None:
    waits: Sequence[int] = getattr(settings, "OUTBOX_BACKOFF_S", BACKOFF_S)
    if delivery.attempts > len(waits):
        logger.error("delivery %s of %s failed for good: %s", delivery.pk, delivery.topic, error)
        _finish(delivery, state=State.FAILED, last_error=_words(error))
    else:
        later = now + timedelta(seconds=waits[delivery.attempts - 1])
        _finish(delivery, state=State.WAITING, next_attempt_at=later, last_error=_words(error))


def _finish(
    delivery: Delivery,
    *,
    state: State,
    last_error: str = "",
    done_at: datetime | None = None,
    next_attempt_at: datetime | None = None,
) -> None:
    """Write a result only if the token still holds: whoever took over knows more than we do."""
    written = _run(
        """UPDATE outbox_delivery SET lease_token = NULL, lease_until = NULL, state = %s, last_error = %s, done_at = %s,
            next_attempt_at = COALESCE(%s, next_attempt_at)
        WHERE id = %s AND state = 'SENDING' AND lease_token = %s""",
        [state.value, last_error, done_at, next_attempt_at, delivery.pk, delivery.lease_token],
    )
    if not written:
        logger.warning("delivery %s came back after its lease", delivery.pk)


def _run(statement: str, params: Sequence[Any] | Mapping[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return int(cursor.rowcount)


def _words(error: Exception) -> str:
    """A gateway's words may stand in it, and a result that cannot be written would leave doubt where there is none."""
    return mask_all(storable(f"{type(error).__name__}: {error}"))[:500]
