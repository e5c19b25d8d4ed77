"""The clock that can be moved."""

import asyncio
import logging

import pytest

from simulator.agenda import Agenda


async def test_things_due_are_done_in_their_order_at_their_time() -> None:
    agenda = Agenda(time_scale=2)
    done: list[tuple[str, int]] = []
    start = agenda.now()

    def note(name: str) -> None:
        done.append((name, round(agenda.now() - start)))
        if name == "first":
            agenda.after(5, lambda: note("begun on the way"))

    agenda.after(20, lambda: note("second"))
    agenda.after(10, lambda: note("first"))
    agenda.after(10, lambda: note("also first"))
    agenda.after(11, lambda: note("cancelled")).cancel()
    agenda.after(21, lambda: note("later"))
    agenda.advance(41)
    assert done == [("first", 20), ("also first", 20), ("begun on the way", 30), ("second", 40)]
    agenda.clear()


async def test_it_runs_with_real_time() -> None:
    agenda = Agenda(time_scale=0.01)
    rung = asyncio.Event()
    agenda.after(1, rung.set)
    async with asyncio.timeout(60):
        await rung.wait()


async def test_one_failure_does_not_stop_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    agenda = Agenda(time_scale=1)
    done: list[str] = []
    agenda.after(1, lambda: [][0])
    agenda.after(2, lambda: done.append("rest"))
    with caplog.at_level(logging.ERROR, "simulator"):
        agenda.advance(2)
    assert done == ["rest"]
    assert "IndexError" in caplog.text
