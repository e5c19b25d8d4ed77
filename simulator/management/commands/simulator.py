"""`python manage.py simulator`: an M-Pesa of one's own, with phones to tap on."""

import argparse
import logging
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from lib.errors import Refusal
from lib.phone import normalise
from simulator import server


class Command(BaseCommand):
    help = "Run the M-Pesa simulator: Daraja's API, phones to tap on at /, control for tests under /_sim/"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
        parser.add_argument("--port", type=int, default=8100)
        parser.add_argument("--time-scale", type=float, default=settings.TIME_SCALE, help="multiplies waiting times")
        parser.add_argument("--phone", action="append", default=[], help="a handset to show from the start; repeatable")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("The simulator does not start with production settings (PRODUCTION is on).")
        if not options["time_scale"] > 0:
            raise CommandError("--time-scale must be more than 0")
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        host, port = options["host"], options["port"]
        self.stdout.write(
            f"M-Pesa simulator: phones at http://{host}:{port}/, API at the same address. Ctrl-C stops it."
        )
        extra = {"phones": _numbers(options["phone"])} if options["phone"] else {}
        server.run(host, port, time_scale=options["time_scale"], business_name=settings.BUSINESS_NAME, **extra)


def _numbers(texts: list[str]) -> tuple[str, ...]:
    try:
        return tuple(normalise(text) for text in texts)
    except Refusal as refusal:
        raise CommandError(f"--phone: {refusal}") from None
