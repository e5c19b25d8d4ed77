"""One simulator at a twentieth of all waiting times, emptied before each test, and somebody to take its callbacks."""

from collections.abc import Iterator

import pytest

from simulator.testing import Sim, running_simulator
from simulator.tests.speaking import Daraja, Sink


@pytest.fixture(scope="session")
def _running() -> Iterator[Sim]:
    with running_simulator(time_scale=0.05) as sim:
        yield sim


@pytest.fixture
def sim(_running: Sim) -> Sim:
    _running.reset()
    return _running


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


@pytest.fixture
def daraja(sim: Sim, sink: Sink) -> Iterator[Daraja]:
    with Daraja(sim.url, callback_url=f"{sink.url}/callback") as daraja:
        yield daraja
