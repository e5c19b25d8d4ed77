"""A small asynchronous HTTP/1.1 client that only posts JSON, keeping connections for a moment."""

import asyncio
import collections
import ssl
import time
from urllib.parse import SplitResult, urlsplit

import h11

from simulator.settings import is_loopback

_IDLE_S = 1.0  # shorter than any server's patience, so that a kept connection is not found closed


class Undelivered(Exception):
    """The other side did not speak HTTP, or hung up."""


class _Line:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.http = h11.Connection(h11.CLIENT)
        self.used_at = time.monotonic()

    @property
    def fresh(self) -> bool:
        return time.monotonic() - self.used_at < _IDLE_S and not self.reader.at_eof()

    async def post(self, url: SplitResult, body: bytes) -> int:
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        headers = [
            ("Host", url.netloc.rpartition("@")[2]),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Accept", "application/json"),
        ]
        self._write(h11.Request(method="POST", target=target, headers=headers))
        self._write(h11.Data(data=body))
        self._write(h11.EndOfMessage())
        await self.writer.drain()
        return await self._status()

    def _write(self, event: h11.Request | h11.Data | h11.EndOfMessage) -> None:
        self.writer.write(self.http.send(event) or b"")

    async def _status(self) -> int:
        status = 0
        while True:
            event = self.http.next_event()
            if event is h11.NEED_DATA:
                self.http.receive_data(await self.reader.read(65536))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.EndOfMessage):
                return status
            elif isinstance(event, h11.ConnectionClosed):
                raise Undelivered("the connection was closed without an answer")

    def ready_again(self) -> bool:
        if self.http.our_state is not h11.DONE or self.http.their_state is not h11.DONE:
            return False
        self.http.start_next_cycle()
        self.used_at = time.monotonic()
        return True


class Postbox:
    def __init__(self) -> None:
        self._idle: dict[tuple[str, str, int], collections.deque[_Line]] = collections.defaultdict(collections.deque)

    async def post(self, url: str, body: bytes) -> int:
        """The HTTP status. Raises OSError and Undelivered."""
        parts = urlsplit(url)
        place = (parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        line = self._kept(place) or await _opened(place)
        kept = False
        try:
            status = await line.post(parts, body)
            kept = line.ready_again()
        except h11.ProtocolError as error:
            raise Undelivered(f"not HTTP: {error}") from error
        finally:
            self._idle[place].append(line) if kept else line.writer.close()
        return status

    def _kept(self, place: tuple[str, str, int]) -> _Line | None:
        lines = self._idle[place]
        while lines:
            line = lines.pop()
            if line.fresh:
                return line
            line.writer.close()
        return None

    def close(self) -> None:
        for lines in self._idle.values():
            for line in lines:
                line.writer.close()
        self._idle.clear()


async def _opened(place: tuple[str, str, int]) -> _Line:
    scheme, host, port = place
    secure = _tls(host) if scheme == "https" else None
    return _Line(*await asyncio.open_connection(host, port, ssl=secure))


def _tls(host: str) -> ssl.SSLContext:
    """On this machine any certificate is good: development servers sign their own."""
    context = ssl.create_default_context()
    if is_loopback(host):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
