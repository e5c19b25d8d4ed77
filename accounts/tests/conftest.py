import uuid

import pytest
from django.test import Client

from accounts.models import User

PASSWORD = "a-long-enough-secret"


@pytest.fixture(autouse=True)
def _counters_of_its_own(settings) -> None:
    """A Redis that was given may be shared with other workers, and remembers the run before."""
    default = {**settings.CACHES["default"], "KEY_PREFIX": uuid.uuid4().hex}
    settings.CACHES = {**settings.CACHES, "default": default}


@pytest.fixture
def amina(db) -> User:
    return User.objects.create_user("amina@malipo.test", PASSWORD, name="Amina W")


@pytest.fixture
def browser(client: Client, amina: User) -> Client:
    """Logged in as Amina, through the page."""
    client.post("/log-in/", {"username": amina.email, "password": PASSWORD})
    return client
