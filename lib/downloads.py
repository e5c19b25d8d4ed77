"""A file that is made while it is sent: piece by piece, in a thread of its own, whatever server asks for it.

A server that speaks WSGI reads answers in the thread of the request, one that speaks ASGI on the loop that all its
requests share, where Django would gather a plain iterator whole. So the generator that makes the pieces runs in
neither: it has a thread, and with it a database connection and transaction, of its own. Nothing is made before it is
asked for, so a slow reader costs one piece of memory. When the reader has gone, or the last piece is sent, the
generator is closed in its thread, and the connection with it.
"""

import contextvars
import zlib
from asyncio import wrap_future
from collections.abc import AsyncIterator, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import chain

from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from lib.errors import Refusal

_END = b""
_PACKED = 3  # of 9: a tenth of the size; more would cost more time than it saves


class Download:
    """Raises at once what the generator raises before its first piece (a refusal, a database that is away)."""

    def __init__(self, pieces: Generator[bytes, None, None]) -> None:
        self._source = self._pieces = pieces
        self._context = contextvars.copy_context()  # the language, and the request's id in logs
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="download")
        self._closed = False
        try:
            self._first = self.ask().result()
        except BaseException:
            self.close()
            raise

    def ask(self) -> "Future[bytes]":
        """The next piece; empty after the last."""
        return self._thread.submit(self._context.run, self._next)

    def __iter__(self) -> Iterator[bytes]:
        with closing(self):
            if self._first:
                yield self._first
            while piece := self.ask().result():
                yield piece

    async def pieces(self) -> AsyncIterator[bytes]:
        with closing(self):
            if self._first:
                yield self._first
            while piece := await wrap_future(self.ask()):
                yield piece

    def pack(self) -> None:
        """Before the first piece is taken: all of them as gzip, packed in the same thread."""
        self._pieces, self._first = _gzip(chain([self._first], self._source)), b""

    def close(self) -> None:
        """Waits for nothing: the piece that is being made is finished first, in the thread."""
        if not self._closed:
            self._closed = True
            with suppress(RuntimeError):  # the process itself is ending, and its connections with it
                self._thread.submit(self._context.run, self._end)
            self._thread.shutdown(wait=False)

    def __del__(self) -> None:
        self.close()  # an answer that nobody began to read

    def _next(self) -> bytes:
        return next(self._pieces, _END)

    def _end(self) -> None:
        try:
            self._source.close()
        finally:
            connections.close_all()


def _gzip(pieces: Iterable[bytes]) -> Generator[bytes, None, None]:
    """One stream, of which each piece can be read as soon as it has come."""
    packer = zlib.compressobj(_PACKED, wbits=31)
    for piece in pieces:
        yield packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


class _Awaited:
    """A Download as ASGI reads it; Django closes what has `close` when the answer ends, however it ends."""

    def __init__(self, download: Download) -> None:
        self._download = download
        self.close = download.close

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._download.pieces()


def answer(request: HttpRequest, download: Download, *, file_name: str) -> StreamingHttpResponse:
    """A CSV file to be saved; nobody on the way keeps or gathers it."""
    packed = "gzip" in request.headers.get("Accept-Encoding", "")
    if packed:
        download.pack()
    content = _Awaited(download) if isinstance(request, ASGIRequest) else download
    response = StreamingHttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{file_name}"'
    response["Cache-Control"] = "no-store, private"
    if packed:  # by Django's middleware each piece would be a file of its own under ASGI: browsers keep the first alone
        response["Content-Encoding"] = "gzip"
    patch_vary_headers(response, ["Accept-Encoding"])
    response["X-Accel-Buffering"] = "no"
    return response


def refused(request: HttpRequest, refusal: Refusal, *, back: str) -> HttpResponse:
    """A page instead of a file: why not, and when."""
    response = render(request, "refused.html", {"refusal": refusal, "back": back}, status=refusal.status)
    if refusal.retry_after:
        response["Retry-After"] = str(refusal.retry_after)
    return response
