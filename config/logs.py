"""Structured logs: one line a fact, JSON in production, readable `key=value` in development.

Everything that is logged, by structlog or by the standard library, by us or by a package, becomes a record of the
standard library, and `Line` writes it. Its last step before the writing is `config.masking`; no logger can go round
it, and exceptions are masked like all else.

Each request writes a line, so one must cost little. structlog's own bridge to the standard library copies each record,
walks up the stack for who spoke, and makes a new encoder for each line, which was a third of what one cost.
"""

import json
import logging
import time
from collections.abc import Callable, MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import structlog
from django.http import HttpRequest

from config import masking

Facts = dict[str, Any]
request_id: ContextVar[str] = ContextVar("request_id", default="")  # on each line of the request
_DROPPED = {"color_message"}  # uvicorn says it again in colours
_LONGEST_REFUSAL = 200
_BESIDE = "_facts"  # of a record: what structlog was told beside the event
_OF_EACH_RECORD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
_KNOWN = ("exc_info", "stack_info")  # to the standard library
_as_json = json.JSONEncoder(ensure_ascii=False, default=repr).encode


class Line(logging.Formatter):
    """A record's line, masked."""

    def __init__(self, write: Callable[[logging.LogRecord, Facts], str]) -> None:
        super().__init__()
        self._write = write

    def format(self, record: logging.LogRecord) -> str:
        facts = _facts(record)
        if record.exc_info and record.exc_info[0]:
            facts["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            facts["stack"] = record.stack_info
        facts["event"] = record.getMessage()
        return self._write(record, _masked(facts))


def _masked(facts: Facts) -> Facts:
    return {
        name: masking.value(fact, name=name)
        for name, fact in facts.items()
        if name not in _DROPPED and not isinstance(fact, HttpRequest)  # it shows its query string when it is written
    }


def _facts(record: logging.LogRecord) -> Facts:
    """All but what each record has."""
    said = vars(record)
    beside = said.get(_BESIDE)
    facts = {name: fact for name, fact in said.items() if name not in _OF_EACH_RECORD} if beside is None else {**beside}
    if this := request_id.get():
        facts.setdefault("request_id", this)
    return facts


def json_line(record: logging.LogRecord, facts: Facts) -> str:
    facts["level"], facts["logger"] = record.levelname.lower(), record.name
    facts["timestamp"] = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
    return _as_json(facts)


def readable_line(record: logging.LogRecord, facts: Facts) -> str:
    """12:03:07 info    payment completed  payment_id=12 (payments.lifecycle); an exception stands below."""
    at = time.strftime("%H:%M:%S", time.localtime(record.created))
    below = facts.pop("exception", "") or facts.pop("stack", "")
    head = f"{at} {record.levelname.lower():7} {_flat(facts.pop('event'))}"
    values = "".join([f"{name}={_flat(fact)} " for name, fact in facts.items()])
    return f"{head}  {values}({record.name})" + (f"\n{below}" if below else "")


def _flat(value: object) -> str:
    """Nobody's text can start a line of its own."""
    return str(value).replace("\r", "\\r").replace("\n", "\\n")


def formatter(*, production: bool) -> logging.Formatter:
    return Line(json_line if production else readable_line)


def hand_over(_: object, __: str, event: MutableMapping[str, Any]) -> tuple[tuple[object], dict[str, object]]:
    """structlog's last step: the event and its facts to the logger of the standard library."""
    known: dict[str, object] = {name: event.pop(name) for name in _KNOWN if name in event}
    return (event.pop("event", ""),), {**known, "extra": {_BESIDE: event}}


def with_traceback(record: logging.LogRecord) -> bool:
    """Of what Django says about requests, the exceptions: the rest stands in the request log."""
    return bool(record.exc_info)


def without_traceback(record: logging.LogRecord) -> bool:
    """What Django calls suspicious (a strange Host, too many fields) it has refused with 400, and whoever likes can send
    it: a warning of bounded length. Where in our own code it was noticed says nothing."""
    if record.name.startswith("django.security.") and record.exc_info:
        record.msg, record.args, record.exc_info = record.getMessage()[:_LONGEST_REFUSAL], None, None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def configuration(*, production: bool, level: str) -> dict[str, object]:
    """The value of Django's LOGGING; prepares structlog as well."""
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, hand_over],
        logger_factory=logging.getLogger,
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter, "production": production}},
        "filters": {"exceptions": {"()": lambda: with_traceback}, "refusals": {"()": lambda: without_traceback}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["refusals"]}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            **{name: _logger(quiet_below) for name, quiet_below in _QUIET.items()},
            "django.request": {**_logger("ERROR"), "filters": ["exceptions"]},
        },
    }


# Packages that bring handlers of their own or say the same as our request log; beat's second hand would drown the rest.
_QUIET = {
    "django": "INFO",
    "django.server": "CRITICAL",
    "uvicorn": "INFO",
    "uvicorn.error": "INFO",
    "uvicorn.access": "CRITICAL",
    "granian.access": "CRITICAL",
    "celery": "INFO",
    "celery.worker.request": "WARNING",
    "celery.worker.strategy": "WARNING",
    "celery.app.trace": "WARNING",
    "celery.beat": "WARNING",
    "axes": "WARNING",
}


def _logger(level: str) -> dict[str, object]:
    return {"handlers": [], "propagate": True, "level": level}
