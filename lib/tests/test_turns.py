"""Only so many processes at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from lib.turns import turn


def elsewhere(places: int = 1) -> bool:
    """Whether another process (here: a thread, with a connection of its own) gets a turn."""

    def ask() -> bool:
        try:
            with turn("test", places=places) as ours:
                return ours
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(ask).result()


@pytest.mark.django_db(transaction=True)
class TestTurns:
    def test_one_at_a_time_and_the_next_when_it_is_over(self) -> None:
        with turn("test") as ours:
            assert ours
            assert not elsewhere()
        assert elsewhere()

    def test_as_many_as_there_are_places(self) -> None:
        with turn("test", places=2):
            assert elsewhere(places=2)
            with turn("another") as ours:
                assert ours

    def test_it_ends_with_what_breaks(self) -> None:
        with pytest.raises(ValueError, match="broke"), turn("test"):
            raise ValueError("broke")
        assert elsewhere()
