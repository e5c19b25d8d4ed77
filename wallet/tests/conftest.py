from dataclasses import replace

import pytest
from django.db import connection
from django.test import Client

from accounts.models import User
from payments import timing
from simulator.testing import Sim, running_simulator


@pytest.fixture
def amina(db) -> User:
    user = User.objects.create_user("amina@malipo.test", None, name="Amina W")
    user.set_phone("0712 345 678")
    user.save(update_fields=User.PHONE_FIELDS)
    return user


@pytest.fixture
def browser(client: Client, amina: User) -> Client:
    """Amina's."""
    client.force_login(amina, backend="accounts.backends.RoleBackend")
    return client


@pytest.fixture
def m_pesa(settings, monkeypatch) -> Sim:
    """M-Pesa answers, however busy the machine; its callbacks go nowhere, so tests say the news themselves."""
    monkeypatch.setattr(timing, "ANSWER_WITHIN", 60.0)
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)  # the threads that send keep no connection open
    with running_simulator() as sim:
        settings.MPESA = replace(settings.MPESA, base_url=sim.url)
        settings.PUBLIC_URL = "http://127.0.0.1:9"
        yield sim
