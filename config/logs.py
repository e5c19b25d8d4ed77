"""Structured logs: one line a fact, JSON in production, readable `key=value` in development.

Everything that is logged, by structlog or by the standard library, by us or by a package, passes the same chain, whose
last step before the writing is `config.masking`; no logger can go round it, and exceptions are masked like all else.
"""

import logging
from collections.abc import MutableMapping
from typing import Any

import structlog
from django.http import HttpRequest

from config import masking

Event = MutableMapping[str, Any]
_DROPPED = {"color_message"}  # uvicorn says it again in colours
_LONGEST_REFUSAL = 200
_KEPT = {"timestamp", "level", "logger"}  # our own words


def mask(_: object, __: str, event: Event) -> Event:
    """A structlog processor."""
    for name in [name for name, content in event.items() if name in _DROPPED or isinstance(content, HttpRequest)]:
        del event[name]  # a request shows its query string when it is written
    for name, content in event.items():
        if name not in _KEPT and not name.startswith("_"):
            event[name] = masking.value(content, name=name)
    return event


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


def one_line(_: object, __: str, event: Event) -> str:
    """12:03:07 info    payment completed  payment_id=12 (payments.lifecycle); an exception stands below."""
    exception = event.pop("exception", "") or event.pop("stack", "")
    head = f"{event.pop('timestamp')} {event.pop('level'):7} {_flat(event.pop('event', ''))}"
    source = event.pop("logger", "")
    values = " ".join(f"{name}={_flat(value)}" for name, value in event.items())
    return f"{head}  {values}{' ' if values else ''}({source})" + (f"\n{exception}" if exception else "")


def _flat(value: object) -> str:
    """Nobody's text can start a line of its own."""
    return str(value).replace("\r", "\\r").replace("\n", "\\n")


_COMMON: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
]


def _writers(*, production: bool) -> list[Any]:
    stamp = structlog.processors.TimeStamper(fmt="iso" if production else "%H:%M:%S", utc=production)
    renderer = structlog.processors.JSONRenderer(ensure_ascii=False) if production else one_line
    return [structlog.stdlib.ProcessorFormatter.remove_processors_meta, mask, stamp, renderer]


def formatter(*, production: bool) -> logging.Formatter:
    """For both kinds of loggers."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_COMMON, structlog.stdlib.ExtraAdder()], processors=_writers(production=production)
    )


def configuration(*, production: bool, level: str) -> dict[str, object]:
    """The value of Django's LOGGING; prepares structlog as well."""
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_COMMON, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
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
