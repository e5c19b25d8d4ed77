"""A real HTTP server on loopback that answers as the test wrote it down, oddities of the wire included."""

import json
import socket
import ssl
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN, PUSH, QUERY = "/oauth/v1/generate", "/mpesa/stkpush/v1/processrequest", "/mpesa/stkpushquery/v1/query"


@dataclass
class Reply:
    """`body` as JSON unless it is bytes. `hang` holds the answer back until the test ends; `drop` closes without one,
    `then_close` after it, without a word of warning.

    `claimed_length` lies about the length; `stall_after` sends that many bytes of the body, then nothing more; `trickle` sends it byte by byte.
    """

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    drop: bool = False
    then_close: bool = False
    claimed_length: int | None = None
    stall_after: int | None = None
    trickle: bool = False

    @property
    def raw(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: Any
    connection: int


class Daraja:
    """`script[path]` holds the replies in order; the last one is repeated."""

    def __init__(self) -> None:
        self.script: dict[str, deque[Reply]] = defaultdict(deque)
        self.seen: list[Seen] = []
        self.connections = self.closed = 0
        self.ended = threading.Event()
        self.url = ""

    def on(self, path: str, *replies: Reply) -> None:
        self.script[path] = deque(replies)

    def reply_to(self, path: str) -> Reply:
        replies = self.script[path]
        return replies.popleft() if len(replies) > 1 else replies[0]

    def calls(self, path: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.path.startswith(path)]


@contextmanager
def running(tls: ssl.SSLContext | None = None) -> Iterator[Daraja]:
    daraja = Daraja()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            self.request.settimeout(60)
            daraja.connections += 1
            self.number = daraja.connections

        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("?")[0]
            daraja.seen.append(
                Seen(self.command, self.path, dict(self.headers), json.loads(sent) if sent else None, self.number)
            )
            self.write(daraja.reply_to(path))

        def write(self, reply: Reply) -> None:
            if reply.hang:
                daraja.ended.wait(60)
            if reply.hang or reply.drop:
                self.close_connection = True
                self.request.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(reply.status)
            length = reply.claimed_length if reply.claimed_length is not None else len(reply.raw)
            for name, value in {"Content-Length": str(length), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            for piece in [bytes([byte]) for byte in reply.raw] if reply.trickle else [reply.raw[: reply.stall_after]]:
                self.wfile.write(piece)
                if reply.trickle and daraja.ended.wait(0.02):
                    return
            if reply.stall_after is not None:
                self.wfile.flush()
                daraja.ended.wait(60)
            broken = reply.claimed_length is not None or reply.stall_after is not None
            self.close_connection = broken or reply.then_close

        def finish(self) -> None:
            super().finish()
            if self.close_connection:
                self.request.shutdown(socket.SHUT_RDWR)
                daraja.closed += 1

    class Server(ThreadingHTTPServer):
        daemon_threads = False
        request_queue_size = 64

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # a client that went away is what some tests are about

    with Server(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        daraja.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield daraja
        finally:
            daraja.ended.set()
            server.shutdown()
            thread.join()
