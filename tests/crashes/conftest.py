"""One zygote and one simulated M-Pesa for all deaths; rows, Redis and phones are new for each test."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.db import connection

from simulator.testing import Sim, running_simulator
from tests.crashes import said
from tests.crashes.dying import NOWHERE, Victims, victims
from tests.crashes.life import Life


@pytest.fixture(scope="session")
def _m_pesa() -> Iterator[Sim]:
    with running_simulator() as sim:
        yield sim


@pytest.fixture(scope="session")
def _victims(_m_pesa: Sim, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victims]:
    with victims(tmp_path_factory.mktemp("crashes") / "victim.log", m_pesa=_m_pesa.url) as running:
        yield running


@pytest.fixture
def life(transactional_db: None, _victims: Victims, _m_pesa: Sim, settings, monkeypatch) -> Iterator[Life]:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)  # the sweeps' threads keep no connection open
    settings.MPESA = replace(settings.MPESA, base_url=_m_pesa.url)
    settings.PUBLIC_URL = NOWHERE
    settings.SIMULATOR_URL = _m_pesa.url
    settings.REACTIONS = said.REACTIONS
    yield Life(_victims, _m_pesa)
    _m_pesa.reset()
