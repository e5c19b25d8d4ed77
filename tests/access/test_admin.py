"""What each role may do with each model in the admin, its pages and its actions."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.test import Client, RequestFactory

from tests.access import reading
from tests.access.addresses import models
from tests.access.reading import ROLES
from tests.access.requests import read
from tests.access.world import World, undone

pytestmark = [pytest.mark.requirement("SEC-8")]
REFUSED = {"403", "log-in"}
PAGES = {"list": "", "see": "{pk}/change/", "history": "{pk}/history/", "add": "add/", "delete": "{pk}/delete/"}
NOTHING = "–"


def pages_of(client: Client, label: str) -> Iterator[str]:
    """In words: the pages that open, and "change" where what is sent to the row's page is read."""
    at, row = f"/admin/{label.replace('.', '/')}/", apps.get_model(label)._default_manager.first()
    assert row, f"the world has no {label}"
    for word, page in PAGES.items():
        with undone():
            if _opens(read(client.get(at + page.format(pk=row.pk)))):
                yield word
    with undone():
        if _opens(read(client.post(f"{at}{row.pk}/change/", {}))):
            yield "change"


def _opens(said: str) -> bool:
    assert said in {"200", "302", *REFUSED}, said
    return said not in REFUSED


def actions() -> list[tuple[str, str]]:
    """Every action of every model but deleting, which the pages tell of."""
    return sorted(
        (model._meta.label_lower, name)
        for model, desk in admin.site._registry.items()
        for name in [getattr(action, "__name__", action) for action in desk.actions]
    )


def may(world: World, role: str, label: str, action: str) -> str:
    request: Any = RequestFactory().get("/")
    request.user = world.people[role] or AnonymousUser()
    desk = admin.site._registry[apps.get_model(label)]
    return "yes" if desk.has_view_permission(request) and action in desk.get_actions(request) else "no"


def test_the_table_lists_every_model_and_action() -> None:
    assert [line.about[0] for line in reading.section("Models in the admin")] == models()
    assert [line.about for line in reading.section("Actions in the admin")] == actions()


def test_models_open_as_the_table_says(world: World) -> None:
    wrong = []
    for line in reading.section("Models in the admin"):
        for role in ROLES:
            found = " ".join(pages_of(world.browser(role), line.about[0])) or NOTHING
            if found != line.cells[role]:
                wrong.append(f"{line.about[0]} by {role}: {found}; the table says {line.cells[role]}")
    assert wrong == []


def test_actions_are_there_as_the_table_says(world: World) -> None:
    wrong = []
    for line in reading.section("Actions in the admin"):
        label, action = line.about
        found = {role: may(world, role, label, action) for role in ROLES}
        wrong += [f"{label} {action} by {role}: {found[role]}" for role in ROLES if found[role] != line.cells[role]]
    assert wrong == []
