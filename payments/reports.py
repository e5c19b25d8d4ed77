"""Reports of payments as CSV, streamed (ADM-2): a million rows cost the memory of one batch.

A report is one reading transaction of its own that sees the moment it began in (REPEATABLE READ), walked by a cursor
of the server. It holds a slot, so only so many are made at once, and each batch and the whole have their time. Who
reads so slowly that the transaction idles too long loses it: PostgreSQL itself ends it, and slot, cursor and
connection are free. The trail has who began which report with which filters, and how it ended, after how many rows.

A file that could not be finished says so: its last line begins with `# incomplete`. The transfer is broken off too where
the server can do that (ASGI); a program that reads these files should look for the line.
"""

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from itertools import islice
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet

from audit import trail
from lib import clock, sheets
from lib.downloads import Download
from lib.errors import Refusal

log = structlog.get_logger(__name__)
BATCH = 2000  # rows read, turned into lines and sent at a time
LONGEST = timedelta(minutes=15)
_BATCH_TIME = "60s"  # of the database for one batch
_IDLE_TIME = "60s"  # in which the reader takes one batch
BUSY = "Other reports are being made just now. Wait until one of them is done, then download again."
BUSY_YOURSELF = "You are downloading a report already. Wait until it is done, then download again."
INCOMPLETE = "# incomplete: the report broke off here. Download it again."


class Lane(IntEnum):
    """Who waits for whom, as the first number of an advisory lock: payers never stand in the way of staff."""

    STAFF = 0x5E901
    PAYERS = 0x5E902
    PAYER = 0x5E903  # one at a time for each

    def slots(self) -> int:
        return int(settings.REPORTS_AT_ONCE) * (1 if self is Lane.STAFF else 4)


@dataclass(frozen=True, slots=True)
class Report:
    """`lines` turns a batch of `rows` into lines under `head`; it may ask the database for what a batch needs."""

    subject: str  # what the trail calls it
    head: Sequence[str]
    rows: "QuerySet[Any, Any]"
    lines: Callable[[Sequence[Any]], Iterable[Sequence[sheets.Cell]]]
    lane: Lane
    user_id: int
    asked: Mapping[str, str] = field(default_factory=dict)

    @property
    def actor(self) -> str:
        return f"user:{self.user_id}"


def begin(report: Report, *, now: datetime) -> Download:
    """Raises Refusal `reports_busy` where too many are being made."""
    download = Download(_pieces(report, now))
    try:
        trail.record(action="report.begun", actor=report.actor, subject=report.subject, data=report.asked, at=now)
    except BaseException:
        download.close()
        raise
    return download


def file_name(what: str, words: Iterable[str], now: datetime) -> str:
    """ "payments-failed-made-20261121-1042.csv": what it is of, and when it was made."""
    name = "-".join([what, *words, f"made-{now.astimezone(clock.EAT):%Y%m%d-%H%M}"])
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:160].strip("-") + ".csv"


def _pieces(report: Report, began: datetime) -> Generator[bytes, None, None]:
    rows, has_begun = 0, False
    try:
        with _snapshot(report):
            has_begun = True
            yield sheets.MARK + sheets.lines([report.head])
            for batch in _batches(report.rows):
                yield sheets.lines(report.lines(batch))
                rows += len(batch)
                if clock.now() - began > LONGEST:
                    raise TimeoutError(f"a report may take {LONGEST}")
    except GeneratorExit:
        _ended(report, rows, began, "the reader went away")
        raise
    except Exception as error:
        if has_begun:  # else there is no file yet that could be incomplete
            _ended(report, rows, began, type(error.__cause__ or error).__name__)
            yield sheets.lines([[INCOMPLETE]])
        raise
    _ended(report, rows, began, "complete")


@contextmanager
def _snapshot(report: Report) -> Iterator[None]:
    """One moment of the database, read only, with a slot that ends with it."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = %s", [_BATCH_TIME])
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = %s", [_IDLE_TIME])
        if report.lane is Lane.PAYERS and not _locked(cursor, Lane.PAYER, report.user_id % 2**31):
            raise Refusal("reports_busy", BUSY_YOURSELF, status=429, retry_after=10)
        if not any(_locked(cursor, report.lane, slot) for slot in range(report.lane.slots())):
            raise Refusal("reports_busy", BUSY, status=429, retry_after=30)
        yield


def _locked(cursor: Any, lane: Lane, number: int) -> bool:
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [int(lane), number])
    return bool(cursor.fetchone()[0])


def _batches(rows: "QuerySet[Any, Any]") -> Iterator[list[Any]]:
    """By a cursor of the server; the rows of one batch are in memory."""
    walked = rows.iterator(chunk_size=BATCH)
    while batch := list(islice(walked, BATCH)):
        yield batch


def _ended(report: Report, rows: int, began: datetime, how: str) -> None:
    """Written after the reading transaction. A file is not spoilt because this could not be stored."""
    seconds = round((clock.now() - began).total_seconds(), 1)
    log.info("report.ended", subject=report.subject, user_id=report.user_id, rows=rows, seconds=seconds, how=how)
    data = {"rows": rows, "seconds": round(seconds), "ended": how}
    try:
        trail.record(action="report.ended", actor=report.actor, subject=report.subject, data=data)
    except Exception as error:
        log.error("report.end_not_recorded", error=type(error).__name__)
