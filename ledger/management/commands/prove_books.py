"""Prove the books now, as beat does every night."""

from django.core.management.base import BaseCommand, CommandError

from ledger import checks


class Command(BaseCommand):
    help = "Prove that the books are what their transfers say; ends with an error where they are not."

    def handle(self, **_: object) -> None:
        if findings := checks.prove():
            raise CommandError("\n".join(findings))
        self.stdout.write("The books are right.")
