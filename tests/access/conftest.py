"""The world of the table, and an M-Pesa that answers those who test the connection.

Nothing that is asked here is committed, so nobody else could read a payment to send it: all calls are taken, and a
start is answered with "sending" (202), as it is when M-Pesa is slow.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from audit.models import Entry
from payments import sending
from simulator.testing import running_simulator
from tests.access import world as worlds
from tests.access.world import World


@pytest.fixture
def _no_reports_left(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A report writes its end into the trail from a thread, and with a connection, of its own: no test rolls it back."""
    yield
    with django_db_blocker.unblock():
        if Entry.objects.exists():
            with connection.cursor() as cursor:
                cursor.execute("TRUNCATE audit_entry CASCADE")


@pytest.fixture
def world(_no_reports_left: None, db: None, settings, monkeypatch) -> Iterator[World]:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)  # the threads that send keep no connection open
    settings.RATE_LIMITS = {name: (100_000, 900) for name in settings.RATE_LIMITS}
    settings.STORED_MAIL = True
    with running_simulator() as m_pesa, ExitStack() as calls:
        for _n in range(settings.OUTBOUND_CALLS):
            calls.enter_context(sending.turn())
        settings.MPESA = replace(settings.MPESA, base_url=m_pesa.url)
        yield worlds.made()
