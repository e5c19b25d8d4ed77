"""One simulator, emptied before each test, and somebody to take its callbacks.

What ends by itself does so at once. The long waiting times are M-Pesa's own, so that no prompt runs out under a test on
a slow machine: tests move the clock.
"""

from collections.abc import Iterator

import pytest

from simulator.testing import Sim, running_simulator
from simulator.tests.speaking import Daraja, Sink


@pytest.fixture(scope="session")
def _running() -> Iterator[Sim]:
    with running_simulator(switches={"magic_end_s": 0.05, "gap_s": 0.05, "callback_retry_s": 0.1}) as sim:
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
