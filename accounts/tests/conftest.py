import pytest
from django.test import Client

from accounts.models import User

PASSWORD = "a-long-enough-secret"


@pytest.fixture
def amina(db) -> User:
    return User.objects.create_user("amina@malipo.test", PASSWORD, name="Amina W")


@pytest.fixture
def browser(client: Client, amina: User) -> Client:
    """Logged in as Amina, through the page."""
    client.post("/log-in/", {"username": amina.email, "password": PASSWORD})
    return client
