"""Every connection to PostgreSQL ends, as when it is restarted: who asks after that notices nothing."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.stack import Person, Stack

pytestmark = [pytest.mark.requirement("OPS-1", "P76")]
AT_ONCE = 20  # as many as the pool of the web process has connections
END = """
    SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""


def all_ask(product: Stack, person: Person) -> list[int]:
    def ask(_: int) -> int:
        return len(product.page(person, "/wallet/"))

    with ThreadPoolExecutor(max_workers=AT_ONCE) as crowd:
        return list(crowd.map(ask, range(AT_ONCE)))


def test_nobody_is_lent_a_dead_connection(product: Stack, request: pytest.FixtureRequest) -> None:
    """Each page that is not there is an error."""
    (person,) = product.people(request.node.name)
    assert min(all_ask(product, person)) > 0  # the pool is full of connections that work
    ended = product.sql(END)
    assert len(ended) > 2
    assert min(all_ask(product, person)) > 0
