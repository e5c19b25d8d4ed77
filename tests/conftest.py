"""What tests from outside share: one running product per process that runs them."""

from collections.abc import Iterator

import pytest

from tests import stack


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stack.Stack]:
    with stack.running(tmp_path_factory.mktemp("stack")) as running:
        yield running
