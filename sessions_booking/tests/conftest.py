from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.db import connection

from payments import timing
from simulator.testing import Sim, running_simulator


@pytest.fixture
def m_pesa(settings, monkeypatch) -> Iterator[Sim]:
    """M-Pesa answers, however busy the machine; its callbacks go nowhere, so tests say the news themselves."""
    monkeypatch.setattr(timing, "ANSWER_WITHIN", 60.0)
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)  # the threads that send keep no connection open
    with running_simulator() as sim:
        settings.MPESA = replace(settings.MPESA, base_url=sim.url)
        settings.PUBLIC_URL = "http://127.0.0.1:9"
        yield sim
