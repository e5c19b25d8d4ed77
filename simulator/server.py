"""Runs the simulator: its own uvicorn, which can also hang up without an answer (fault 06)."""

import asyncio
import socket
import threading

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from simulator.app import create_app
from simulator.settings import Settings


class _Protocol(H11Protocol):
    """Hands the connection to the application, in `scope["state"]["transport"]`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # asyncio does so only for sockets it opened itself; without it every answer waits 40 ms.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state = {**self.app_state, "transport": transport}


class Server(uvicorn.Server):
    """`ready` is set once it listens; open event streams end with it."""

    def __init__(self, app: Starlette, settings: Settings) -> None:
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            http=_Protocol,
            ws="none",
            loop="asyncio",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            backlog=2048,
            timeout_graceful_shutdown=2,
        )
        super().__init__(config)
        self._world = app.state.world
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._world.hub.close()
        await super().shutdown(sockets)


def run(host: str = "127.0.0.1", port: int = 8100, **options: object) -> None:
    """Until it is told to stop. `options` are those of Settings."""
    settings = Settings(host=host, port=port, **options)  # type: ignore[arg-type]
    Server(create_app(settings), settings).run()
