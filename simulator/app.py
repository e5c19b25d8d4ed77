"""The simulator as an ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from simulator import control, pages
from simulator.apis import APIS
from simulator.gateway import mounted, not_found
from simulator.guard import Guard
from simulator.settings import Settings
from simulator.world import World

_STATIC = Path(__file__).parent / "static"


def create_app(settings: Settings) -> Starlette:
    """`app.state.world` is its memory."""
    world = World(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        world.hub.close()
        world.courier.clear()
        world.agenda.clear()

    app = Starlette(
        routes=[
            *(mounted(api, world) for api in APIS),
            *control.routes(world),
            *pages.routes(world),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[Middleware(Guard)],
        exception_handlers={404: not_found},
        lifespan=lifespan,
    )
    app.state.world = world
    return app
