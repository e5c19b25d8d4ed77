"""The world of the table, and an M-Pesa that answers those who test the connection.

Nothing that is asked here is committed, so nobody else could read a payment to send it: all calls are taken, and a
start is answered with "sending" (202), as it is when M-Pesa is slow.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from django.db import connection

from payments import sending
from simulator.testing import running_simulator
from tests.access import world as worlds
from tests.access.world import World


@pytest.fixture
def world(db: None, settings, monkeypatch) -> Iterator[World]:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)  # the threads that send keep no connection open
    settings.RATE_LIMITS = {name: (100_000, 900) for name in settings.RATE_LIMITS}
    settings.STORED_MAIL = True
    with running_simulator() as m_pesa, ExitStack() as calls:
        for _n in range(settings.OUTBOUND_CALLS):
            calls.enter_context(sending.turn())
        settings.MPESA = replace(settings.MPESA, base_url=m_pesa.url)
        yield worlds.made()
