"""Demo people, for trying the product on one's own machine. Never with production settings.

An app that wants demo rows of its own adds a command `demo_<app>`; `make run` calls what it finds.
"""

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import User
from accounts.roles import Role
from lib import clock

PASSWORD = "malipo-demo"  # noqa: S105  (published with the demo, refused in production)
PEOPLE = [
    # name before the @, full name, role, phone, superuser
    ("client", "Amina Client", Role.CLIENT, "254712345678", False),
    ("other", "Otieno Other", Role.CLIENT, "254722000111", False),
    ("therapist", "Tabitha Therapist", Role.THERAPIST, "", False),
    ("therapist2", "Musa Counsellor", Role.THERAPIST, "", False),
    ("finance", "Faith Finance", Role.FINANCE, "", False),
    ("admin", "Ali Admin", Role.ADMIN, "", True),
]


class Command(BaseCommand):
    help = "Make the demo people (client@, other@, therapist@, therapist2@, finance@, admin@malipo.test), or leave them as they are."

    def handle(self, *args: object, **options: object) -> None:
        if settings.PRODUCTION:
            raise CommandError("Demo people have a published password: they are never made with production settings.")
        password = make_password(PASSWORD)  # is slow on purpose: once is enough for a published one
        made = [row[0] for row in PEOPLE if self._make(password, *row)]
        self.stdout.write(f"Demo people made: {', '.join(made) or 'none, all were there'}. Password: {PASSWORD}")

    @transaction.atomic
    def _make(self, password: str, short: str, name: str, role: Role, phone: str, superuser: bool) -> bool:
        email = f"{short}@malipo.test"
        if User.objects.filter(email=email).exists():
            return False
        consent = {"consent_at": clock.now(), "consent_version": settings.CONSENT_VERSION}
        user = User.objects.create(
            email=email, password=password, name=name, role=role, is_superuser=superuser, **consent
        )
        if phone:
            user.set_phone(phone)
            user.save(update_fields=User.PHONE_FIELDS)
        return True
