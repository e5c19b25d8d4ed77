"""The summary of a fuzzing run, also where several workers shared it."""

import time
from collections import Counter
from typing import Any

import pytest

from tests.access.conftest import _no_reports_left, world  # noqa: F401 - for the tests that ask as everybody
from tests.fuzz import effort

_STARTED = time.monotonic()
_TRIED = "fuzz_examples"
_of_workers: Counter[str] = Counter()


def pytest_itemcollected(item: pytest.Item) -> None:
    """schemathesis names a test by its operation, but not its id, by which xdist tells tests apart."""
    if "[" in item.name and "[" not in item.nodeid:
        item._id = item.id.with_params(item.name.partition("[")[2].removesuffix("]"))
        assert "[" in item.nodeid


def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_TRIED] = dict(effort.tried)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    _of_workers.update(getattr(node, "workeroutput", {}).get(_TRIED, {}))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    tried = _of_workers + effort.tried
    if not effort.RANDOM or not tried:
        return
    terminalreporter.section("fuzz")
    for name, count in sorted(tried.items()):
        terminalreporter.line(f"{count:8,}  {name}")
    seconds = time.monotonic() - _STARTED
    terminalreporter.line(f"{tried.total():8,}  examples in {seconds:.0f} s")
