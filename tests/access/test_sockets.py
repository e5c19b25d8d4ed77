"""Every WebSocket × every role: who may listen."""

import json

import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.db import connections

from payments.consumers import LONGEST, TOO_BIG
from payments.routing import websocket_urlpatterns
from payments.tests.test_sockets import Page, socket
from tests.access import reading, world
from tests.access.addresses import filled_in, walked
from tests.access.reading import ROLES, Line

pytestmark = [pytest.mark.requirement("SEC-8"), pytest.mark.requirement("RT-1")]
OPEN = "open"
ELSEWHERE = "anywhere else"


async def heard(page: Page) -> str:
    """`open`, or the code that it was closed with. Who is let in is hung up on only for saying too much."""
    assert await page.connect()
    await page.says(json.dumps("x" * LONGEST))
    while (said := await page.hears()).get("closed") is None:
        pass
    return OPEN if said["closed"] == TOO_BIG else str(said["closed"])


def test_the_table_lists_every_socket_and_no_other() -> None:
    declared = {address or ELSEWHERE for address in walked(websocket_urlpatterns)}
    assert {line.about[0] for line in reading.section("WebSockets")} == declared


def path_of(line: Line, things: dict[str, dict[str, object]]) -> str:
    address, about = line.about
    return "/ws/elsewhere/" if address == ELSEWHERE else filled_in(address, things[about])


@pytest.mark.django_db(transaction=True)
async def test_sockets_open_as_the_table_says(settings) -> None:
    settings.STORED_MAIL = True
    made = await database_sync_to_async(world.made)()
    wrong = []
    for line in reading.section("WebSockets"):
        for role in ROLES:
            async with socket(path_of(line, made.things), made.people[role]) as page:
                found = await heard(page)
            if found != line.cells[role]:
                wrong.append(f"{line.about} by {role}: {found}; the table says {line.cells[role]}")
    await database_sync_to_async(connections.close_all)()
    await get_channel_layer().flush()
    assert wrong == []
