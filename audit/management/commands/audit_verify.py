"""Prove that the audit trail, or an exported file of it, is as it was sealed."""

import argparse
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audit import export, seal


class Command(BaseCommand):
    help = "Verify the sealed audit trail; ends with an error where it was changed."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--head", default="", help="a head published earlier: finds an end that was cut off")
        parser.add_argument("--file", type=Path, help="verify a file written by audit_export instead of the database")

    def handle(self, *, head: str, file: Path | None, **_: object) -> None:
        if file:
            with file.open(encoding="utf-8") as lines:
                findings = export.verify_lines(lines, key=settings.SEAL_KEY, published=head)
        else:
            findings = seal.verify(published=head)
        if findings:
            raise CommandError("\n".join(findings))
        self.stdout.write("The audit trail is as it was sealed.")
