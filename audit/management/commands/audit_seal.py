"""Seal the audit trail now, as beat does every half minute."""

import argparse

from django.core.management.base import BaseCommand

from audit import seal
from lib import clock


class Command(BaseCommand):
    help = "Seal the entries of the audit trail that are not sealed yet."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--everything", action="store_true", help="also entries far behind the last seal")

    def handle(self, *, everything: bool, **_: object) -> None:
        self.stdout.write(f"{seal.seal_new(now=clock.now(), everything=everything)} entries sealed.")
