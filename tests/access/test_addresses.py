"""Every address × every role: what the table says is what is answered, and what it does not list is refused."""

from collections import defaultdict

import pytest

from tests.access import reading
from tests.access.addresses import all_addresses
from tests.access.reading import METHODS, ROLES, Address
from tests.access.requests import ask
from tests.access.world import World

pytestmark = [pytest.mark.requirement("SEC-8"), pytest.mark.requirement("P50")]
REFUSED = {"401", "403", "404", "405", "log-in"}


def answer(world: World, role: str, method: str, line: Address) -> str:
    return ask(world, role, method, line.address, line.about)


def test_the_table_lists_every_address_and_no_other() -> None:
    listed = {line.address for line in reading.addresses()}
    assert (all_addresses() - listed, listed - all_addresses()) == (set(), set())


def test_everybody_is_answered_as_the_table_says(world: World) -> None:
    wrong = []
    for line in reading.addresses():
        for method in line.methods:
            found = {role: answer(world, role, method, line) for role in ROLES}
            wrong += [
                f"{method} {line.address} ({line.about}) by {role}: {found[role]}, the table says {line.cells[role]}"
                for role in ROLES
                if found[role] != line.cells[role]
            ]
    assert wrong == []


def test_methods_that_the_table_does_not_list_are_refused(world: World) -> None:
    listed: dict[str, set[str]] = defaultdict(set)
    for line in reading.addresses():
        listed[line.address] |= set(line.methods)
    found = {
        (method, line.address, role): answer(world, role, method, line)
        for line in {line.address: line for line in reading.addresses()}.values()
        for method in METHODS
        if method not in listed[line.address]
        for role in ("nobody", "client", "admin")
    }
    assert {asked: said for asked, said in found.items() if said not in REFUSED} == {}
