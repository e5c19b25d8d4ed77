"""What is posted: read once, no more than can be of use, and not for ever."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from config.posted import Gone, Posted, TooSlow

pytestmark = pytest.mark.requirement("CB-1")


def parts(*bodies: bytes) -> list[dict[str, Any]]:
    return [{"type": "http.request", "body": body, "more_body": True} for body in bodies]


def posted(messages: Sequence[dict[str, Any]], *, patience_s: float = 60) -> Posted:
    """A body of at most 4 bytes. After the last message nothing comes any more."""
    coming = list(messages)

    async def receive() -> dict[str, Any]:
        return coming.pop(0) if coming else await asyncio.get_running_loop().create_future()

    return Posted(receive, limit=4, patience_s=patience_s)


async def test_its_parts_are_one_and_it_is_read_once() -> None:
    mine = posted([*parts(b"a", b"", b"bc"), {"type": "http.request"}])
    assert [await mine.read(), await mine.read()] == [b"abc", b"abc"]
    assert await mine.receive() == {"type": "http.request", "body": b"abc", "more_body": False}


async def test_of_what_is_too_long_one_byte_more_is_read() -> None:
    mine = posted([*parts(b"abcd", b"efgh", b"ijkl"), {"type": "http.disconnect"}])
    assert await mine.receive() == {"type": "http.request", "body": b"abcde", "more_body": False}
    assert await mine.receive() == {"type": "http.disconnect"}


async def test_who_goes_before_the_end_has_posted_nothing() -> None:
    mine = posted([*parts(b"a"), {"type": "http.disconnect"}])
    for _ in range(2):
        with pytest.raises(Gone):
            await mine.read()
    assert await mine.receive() == {"type": "http.disconnect"}


async def test_nobody_is_waited_for_longer_than_patience_lasts() -> None:
    mine = posted(parts(b"a"), patience_s=0.01)
    for _ in range(2):
        with pytest.raises(TooSlow):
            await mine.read()
    assert await mine.receive() == {"type": "http.disconnect"}
