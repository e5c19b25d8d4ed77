"""Every address × every role: what the table says is what is answered, and what it does not list is refused."""

from collections import defaultdict

import pytest

from tests.access import reading
from tests.access.addresses import all_addresses
from tests.access.reading import METHODS, ROLES, Address
from tests.access.requests import ask, sent
from tests.access.world import World, undone

pytestmark = [pytest.mark.requirement("SEC-8"), pytest.mark.requirement("P50")]
STRANGERS = ("nobody", "other client", "other therapist")
# What M-Pesa and programs send: they prove who they are in another way, and no browser's cookie counts.
WITHOUT_A_FORM = {
    "hooks/<str:token>",
    "api/auth/token",
    "api/auth/refresh",
    "api/deposits/callback",
    "api/mpesa/callback",
    "api/payments/mpesa/callback",
    "api/payments/mpesa/stk-callback",
}
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


@pytest.mark.requirement("SEC-3")
def test_other_sites_change_nothing_with_somebodys_cookie(world: World) -> None:
    """Every POST of a browser needs the token of our own forms."""
    let_in = set()
    for line in reading.addresses():
        if "POST" in line.methods:
            browser = world.browser("admin" if line.address.startswith("admin/") else "client")
            browser.handler.enforce_csrf_checks = True
            with undone():
                status = sent(world, browser, "POST", line.address, line.about).status_code
            let_in |= {line.address} if status != 403 else set()
    assert let_in == WITHOUT_A_FORM


def test_strangers_read_nothing_of_the_client(world: World) -> None:
    """Whatever they are answered, also where everybody is answered something: lists, pages of what does not exist."""
    told = []
    for line in reading.addresses():
        if "GET" in line.methods and not line.address.startswith("dev/"):  # development's mailbox has no log-in
            for role in STRANGERS:
                with undone():
                    text = sent(world, world.browser(role), "GET", line.address, line.about).getvalue().decode()
                told += [f"{line.address} tells {role} {secret}" for secret in world.secrets() if secret in text]
    assert told == []
