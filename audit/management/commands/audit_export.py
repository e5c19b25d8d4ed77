"""Write the audit trail with its seals as JSON Lines (see audit/export.py for the format)."""

import argparse
import sys
from datetime import datetime
from typing import TextIO

from django.core.management.base import BaseCommand

from audit import export, trail
from lib.clock import EAT


def _day(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=EAT)


class Command(BaseCommand):
    help = "Export the audit trail as JSON Lines; check the file with audit_verify --file."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--output", type=argparse.FileType("w", encoding="utf-8"), default=sys.stdout)
        parser.add_argument("--since", type=_day, help="seals made on this day (yyyy-mm-dd) or later")
        parser.add_argument("--until", type=_day, help="seals made before this day")

    def handle(self, *, output: TextIO, since: datetime | None, until: datetime | None, **_: object) -> None:
        span = {"since": since and since.date().isoformat(), "until": until and until.date().isoformat()}
        trail.record(action="audit.exported", actor=trail.SYSTEM, subject="audit", data=span)
        for line in export.lines(since=since, until=until):
            output.write(line + "\n")
        output.flush()
