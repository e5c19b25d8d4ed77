"""What tests from outside share: one running product per process that runs them."""

from collections.abc import Iterator

import pytest

from tests import stack

_running: list[stack.Stack] = []


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stack.Stack]:
    with stack.running(tmp_path_factory.mktemp("stack")) as running:
        _running.append(running)
        yield running
        _running.remove(running)


def _needs_product(item: pytest.Item | None) -> bool:
    return "product" in getattr(item, "fixturenames", ())


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for one in _running:
        if one.resting and _needs_product(item):
            one.wake()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """It is kept for whoever asks for it later, but stands still until then."""
    for one in _running:
        if _needs_product(item) and nextitem and not _needs_product(nextitem):
            one.rest()
