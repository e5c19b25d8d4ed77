"""What is posted: no more than can be of use, and not for ever."""

import asyncio
from typing import Any

import pytest

from config import posted

pytestmark = pytest.mark.requirement("CB-1")
GONE = {"type": "http.disconnect"}


def coming(*bodies: bytes, last: dict[str, Any] | None = None) -> posted.Receive:
    """These parts and this message; then nothing any more."""
    messages = [{"type": "http.request", "body": body, "more_body": True} for body in bodies]
    messages += [last] if last else []

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if messages else await asyncio.get_running_loop().create_future()

    return receive


async def test_its_parts_are_one() -> None:
    assert await posted.read(coming(b"a", b"", b"bc", last={"type": "http.request"}), limit=4, patience_s=60) == b"abc"


async def test_of_what_is_too_long_one_byte_more_is_read() -> None:
    assert await posted.read(coming(b"abcd", b"efgh"), limit=4, patience_s=60) == b"abcde"


async def test_who_goes_before_the_end_has_posted_nothing() -> None:
    with pytest.raises(posted.Gone):
        await posted.read(coming(b"a", last=GONE), limit=4, patience_s=60)


async def test_nobody_is_waited_for_longer_than_patience_lasts() -> None:
    with pytest.raises(posted.TooSlow):
        await posted.read(coming(b"a"), limit=4, patience_s=0.01)


async def test_it_is_given_again_and_what_follows_is_dropped() -> None:
    given = posted.again(b"abcde", coming(b"fgh", b"ijk", last=GONE))
    assert await given() == {"type": "http.request", "body": b"abcde", "more_body": False}
    assert await given() == GONE
