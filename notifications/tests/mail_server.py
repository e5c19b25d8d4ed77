"""A real SMTP server on loopback, small enough for tests: it can be down, refuse, or fall silent after the message."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message


class MailServer:
    """`refuse` is an answer to RCPT or DATA ("RCPT 550 no such box"); `silent` keeps quiet after the message, `hangs_up` closes."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.inbox: list[tuple[str, Message]] = []
        self.refuse = ""
        self.silent = self.hangs_up = False
        self.over = threading.Event()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    box: MailServer


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        box, to = self.server.box, ""
        self._say("220 ready")
        while line := self.rfile.readline().decode().strip():
            verb = line.split()[0].upper()
            if verb == "RCPT":
                to = line.split("<")[1].split(">")[0]
            if box.refuse.startswith(f"{verb} "):
                self._say(box.refuse.removeprefix(f"{verb} "))
            elif verb == "DATA":
                self._take(box, to)
            else:
                self._say("221 bye" if verb == "QUIT" else "250 ok")

    def _take(self, box: MailServer, to: str) -> None:
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        box.inbox.append((to, message_from_bytes(b"".join(lines))))
        if box.silent:
            box.over.wait(120)
        elif box.hangs_up:
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._say("250 taken")

    def _say(self, answer: str) -> None:
        self.wfile.write(f"{answer}\r\n".encode())


@contextlib.contextmanager
def running(port: int = 0) -> Iterator[MailServer]:
    """On this port, or on a free one."""
    with _Server(("127.0.0.1", port), _Handler) as server:
        box = server.box = MailServer(int(server.server_address[1]))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield box
        finally:
            box.over.set()
            server.shutdown()
            thread.join()
