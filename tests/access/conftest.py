"""The world of the table, and an M-Pesa that answers."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.db import connection

from simulator.testing import running_simulator
from tests.access import world as worlds
from tests.access.world import World


@pytest.fixture
def world(db: None, settings, monkeypatch) -> Iterator[World]:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)  # the threads that send keep no connection open
    settings.RATE_LIMITS = {name: (100_000, 900) for name in settings.RATE_LIMITS}
    settings.STORED_MAIL = True
    with running_simulator() as m_pesa:
        settings.MPESA = replace(settings.MPESA, base_url=m_pesa.url)
        yield worlds.made()
