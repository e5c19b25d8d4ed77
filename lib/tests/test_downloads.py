"""Files made while they are sent: one piece at a time, in one thread, closed however it ends."""

import asyncio
import threading
import zlib
from collections.abc import Callable, Iterator

import pytest
from django.middleware.gzip import GZipMiddleware
from django.test import AsyncRequestFactory, RequestFactory

from lib import downloads
from lib.downloads import Download
from lib.errors import Refusal

pytestmark = pytest.mark.requirement("ADM-2")


class Source:
    """Counts what is asked of it, and knows its threads and its end."""

    def __init__(self, pieces: int, *, breaks: bool = False) -> None:
        self.made, self.threads, self.ended = 0, set[str](), threading.Event()
        self._pieces, self._breaks = pieces, breaks

    def __call__(self) -> Iterator[bytes]:
        try:
            for _ in range(self._pieces):
                self.made += 1
                self.threads.add(threading.current_thread().name)
                yield b"piece"
            if self._breaks:
                raise OSError("the disk is gone")
        finally:
            self.ended.set()


def sync_answer(source: Source) -> "downloads.StreamingHttpResponse":
    return downloads.answer(RequestFactory().get("/"), Download(source()), file_name="a.csv")


def async_answer(source: Source) -> "downloads.StreamingHttpResponse":
    return downloads.answer(AsyncRequestFactory().get("/"), Download(source()), file_name="a.csv")


def test_wsgi_reads_it_piece_by_piece() -> None:
    source = Source(3)
    response = sync_answer(source)
    assert (response.is_async, source.made) == (False, 1)
    pieces = iter(response)
    assert [next(pieces), next(pieces), source.made] == [b"piece", b"piece", 2]
    assert list(pieces) == [b"piece"]
    response.close()
    assert source.ended.wait(60)
    assert len(source.threads) == 1
    assert threading.current_thread().name not in source.threads


def test_asgi_reads_it_piece_by_piece_and_its_loop_goes_on() -> None:
    source = Source(3)
    response = async_answer(source)

    async def read() -> list[bytes]:
        return [piece async for piece in response]

    assert (response.is_async, source.made) == (True, 1)
    assert asyncio.run(read()) == [b"piece"] * 3
    response.close()
    assert source.ended.wait(60)


@pytest.mark.parametrize("answer", [sync_answer, async_answer])
def test_who_goes_away_ends_it(answer: Callable[[Source], "downloads.StreamingHttpResponse"]) -> None:
    source = Source(1_000_000)
    answer(source).close()
    assert source.ended.wait(60)
    assert source.made == 1


def test_an_answer_that_nobody_reads_ends_with_its_last_mention() -> None:
    source = Source(3)
    sync_answer(source)
    assert source.ended.wait(60)


def test_what_breaks_in_the_middle_breaks_the_answer() -> None:
    response = sync_answer(Source(2, breaks=True))
    with pytest.raises(OSError, match="the disk is gone"):
        list(response)


def test_what_is_refused_before_the_first_piece_is_refused_at_once() -> None:
    def refuse() -> Iterator[bytes]:
        raise Refusal("reports_busy", "Wait.")
        yield b""

    with pytest.raises(Refusal, match="Wait"):
        Download(refuse())


@pytest.mark.parametrize("factory", [RequestFactory(), AsyncRequestFactory()])
def test_packed_it_is_one_stream_whose_pieces_come_at_once(factory: RequestFactory) -> None:
    """A browser reads the first of several gzip members, and believes that this was all."""
    source = Source(3)
    request = factory.get("/", headers={"accept-encoding": "gzip, br"})
    made = downloads.answer(request, Download(source()), file_name="a.csv")
    response = GZipMiddleware(lambda _: made)(request)
    reader, read = zlib.decompressobj(wbits=31), []
    for piece in _pieces_of(response):
        read.append(reader.decompress(piece))
    assert (read, reader.eof, reader.unused_data) == ([b"piece"] * 3 + [b""], True, b"")
    assert (response["Content-Encoding"], response["Vary"]) == ("gzip", "Accept-Encoding")
    response.close()
    assert source.ended.wait(60)


def _pieces_of(response: "downloads.StreamingHttpResponse") -> list[bytes]:
    async def read() -> list[bytes]:
        return [piece async for piece in response]

    return asyncio.run(read()) if response.is_async else list(response)


def test_a_packed_one_that_nobody_reads_ends_too() -> None:
    source = Source(3)
    request = RequestFactory().get("/", headers={"accept-encoding": "gzip"})
    downloads.answer(request, Download(source()), file_name="a.csv").close()
    assert source.ended.wait(60)


def test_nobody_keeps_it_on_the_way() -> None:
    response = sync_answer(Source(1))
    assert response["Content-Disposition"] == 'attachment; filename="a.csv"'
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Cache-Control"] == "no-store, private"
