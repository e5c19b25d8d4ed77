"""Demo people: six, once, and never with production settings."""

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User

pytestmark = pytest.mark.django_db


def test_the_demo_people_are_made_once(client: Client) -> None:
    call_command("demo", verbosity=0)
    User.objects.filter(email="client@malipo.test").update(name="Changed")
    call_command("demo", verbosity=0)
    people = {user.email.split("@")[0]: (user.role, user.phone, user.is_superuser) for user in User.objects.all()}
    assert people == {
        "client": ("CLIENT", "254712345678", False),
        "other": ("CLIENT", "254722000111", False),
        "therapist": ("THERAPIST", "", False),
        "therapist2": ("THERAPIST", "", False),
        "finance": ("FINANCE", "", False),
        "admin": ("ADMIN", "", True),
    }
    assert User.objects.get(email="client@malipo.test").name == "Changed"
    answer = client.post("/log-in/", {"username": "client@malipo.test", "password": "malipo-demo"})
    assert answer.status_code == 302


def test_never_with_production_settings(settings) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="never made with production settings"):
        call_command("demo")
    assert not User.objects.exists()
