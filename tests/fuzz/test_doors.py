"""Whatever stands in an address or a form: staff, clients, therapists and programs are answered, never by a fault of ours."""

import json
from typing import Any

import pytest
from django.apps import apps
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from payments.models import Callback, Merchant
from sessions_booking.models import Therapist
from tests.access import reading
from tests.access.addresses import filled_in, models
from tests.access.requests import SENT
from tests.access.test_admin import actions
from tests.access.world import World, undone
from tests.fuzz import effort, hostile
from tests.fuzz.hostile import Pairs, encoded

pytestmark = [pytest.mark.requirement("TST-3"), pytest.mark.requirement("SEC-8")]
BROWSER = "application/x-www-form-urlencoded"
STAFF = ("support", "finance", "admin")
ACTIONS = actions()
PAGES = [line for line in reading.addresses() if "GET" in line.methods]  # fmt: skip
FORMS = [
    (line, roles)
    for line in reading.addresses()
    if "POST" in line.methods
    and line.address in SENT
    and (roles := [r for r, said in line.cells.items() if said[0] in "23"])
]


def client_of(world: World, role: str, address: str) -> Client:
    """Signed in as the address asks for it; a fault is raised here."""
    of_programs = address.startswith("api/") and address not in ("api/schema/", "api/docs/")
    found = world.program(role) if of_programs else world.browser(role)
    found.raise_request_exception = True
    return found


def post(client: Client, address: str, pairs: Pairs) -> HttpResponse:
    return client.generic("POST", address, encoded(pairs).encode(), content_type=BROWSER)


@effort.share(8)
@given(data=st.data(), label=st.sampled_from(models()), role=st.sampled_from(STAFF))
def test_lists_of_the_admin(world: World, data: st.DataObject, label: str, role: str) -> None:
    effort.tried["addresses of the admin's lists"] += 1
    asked = encoded(data.draw(hostile.queries(hostile.columns(apps.get_model(label)))))
    with undone():
        answer = client_of(world, role, "admin/").get(f"/admin/{label.replace('.', '/')}/?{asked}")
    assert answer.status_code in (200, 302, 400, 403)


@effort.share(8)
@given(data=st.data(), line=st.sampled_from(PAGES), role=st.sampled_from(reading.ROLES))
def test_every_page_and_list(world: World, data: st.DataObject, line: reading.Address, role: str) -> None:
    effort.tried["addresses of pages"] += 1
    asked = encoded(data.draw(hostile.queries(["code", "status", "payment"])))
    with undone():
        answer = client_of(world, role, line.address).get(
            f"{filled_in(line.address, world.things[line.about])}?{asked}"
        )
        answer.getvalue()
    assert answer.status_code < 500


@effort.share(6)
@given(data=st.data(), form=st.sampled_from(FORMS))
def test_every_form(world: World, data: st.DataObject, form: tuple[reading.Address, list[str]]) -> None:
    """Sent by somebody who is answered, with fields left out, repeated, added or spoilt."""
    effort.tried["forms"] += 1
    line, roles = form
    thing, role = world.things[line.about], data.draw(st.sampled_from(roles))
    told: dict[str, Any] = SENT[line.address](thing)
    with undone():
        client = client_of(world, role, line.address)
        answer = _sent(client, filled_in(line.address, thing), line.address.startswith("api/"), told, data)
    assert answer.status_code < 500


def _sent(client: Client, address: str, by_program: bool, told: dict[str, Any], data: st.DataObject) -> HttpResponse:
    if not by_program:
        return post(client, address, data.draw(hostile.spoilt([(name, str(value)) for name, value in told.items()])))
    name, value = (
        data.draw(st.sampled_from(sorted(told))),
        data.draw(hostile.TEXTS | st.sampled_from([None, [], {}, 1])),
    )
    body = json.dumps({**told, name: value}).encode()  # halves of letters as JSON writes them
    return client.generic("POST", address, body, content_type="application/json")


def test_nul_in_every_field_of_every_form(world: World) -> None:
    """And halves of letters: a database keeps neither, so a form says so or does without."""
    for line, roles in FORMS:
        told = {name: str(value) for name, value in SENT[line.address](world.things[line.about]).items()}
        address = filled_in(line.address, world.things[line.about])
        for name in told if not line.address.startswith(("api/", "hooks/")) else ():
            with undone():
                client = client_of(
                    world, next((one for one in roles if line.cells[one] in ("302", "303")), roles[0]), ""
                )
                answer = post(client, address, [*{**told, name: "Away\x00 on\ud800 that day"}.items()])
            assert answer.status_code < 500, (line.address, name)


@effort.share(4)
@given(data=st.data(), action=st.sampled_from(ACTIONS), role=st.sampled_from(STAFF))
def test_actions_of_the_admin(world: World, data: st.DataObject, action: tuple[str, str], role: str) -> None:
    """Unknown ones, rows that are none, too many, of others."""
    effort.tried["actions of the admin"] += 1
    label, name = action
    row = apps.get_model(label)._default_manager.first()
    ids = st.lists(st.sampled_from([str(row.pk), str(row.pk), "1", "999999"]) | hostile.TEXTS, max_size=3)
    few = [("_selected_action", id) for id in data.draw(ids)]
    form = [("action", name), ("index", "0"), ("select_across", data.draw(st.sampled_from("01"))), ("reason", "Lost")]
    sent = data.draw(hostile.spoilt([*form, *few]) | st.just([*form, *few]))
    with undone():
        answer = post(client_of(world, role, "admin/"), f"/admin/{label.replace('.', '/')}/", sent)
    assert answer.status_code in (200, 302, 400, 403)


@pytest.mark.parametrize("number", [900, 10_000])
def test_many_rows_of_an_action(world: World, number: int) -> None:
    row = Callback.objects.first()
    assert row
    rows = [("_selected_action", str(row.pk + after)) for after in range(number)]
    client = client_of(world, "finance", "admin/")
    answer = post(client, "/admin/payments/callback/", [("action", "process_again"), ("index", "0"), *rows])
    assert answer.status_code == (302 if number < 1000 else 400)  # so many fields are no form


def change_forms() -> list[tuple[str, Any]]:
    """Every form that an admin writes in the admin, for a new row and for one that is there."""
    return [(name, kind) for kind in (User, Therapist, Merchant) for name in ("add", "change")]


def filled(page: HttpResponse) -> Pairs:
    """The fields of a form as the page shows them, those of its inlines too."""
    shown = page.context["adminform"].form
    forms = [shown]
    for inline in page.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms, inline.formset.empty_form]
    return [(field.html_name, str(field.value() or "")) for form in forms for field in form]


@effort.share(1.6)
@given(data=st.data(), place=st.sampled_from(change_forms()))
def test_forms_of_the_admin(world: World, data: st.DataObject, place: tuple[str, Any]) -> None:
    """With inlines whose counts are forged, fields missing or besides."""
    effort.tried["forms of the admin"] += 1
    name, model = place
    row = model.objects.order_by("pk").first()
    address = reverse(
        f"admin:{model._meta.label_lower.replace('.', '_')}_{name}", args=[row.pk] if name == "change" else []
    )
    with undone():
        client = client_of(world, "admin", "admin/")
        counted = [
            ("types-TOTAL_FORMS", "1"),
            ("hours-TOTAL_FORMS", "2"),
            ("types-0-price", "1"),
            ("hours-0-opens", "9:00"),
        ]
        sent = data.draw(hostile.spoilt([*filled(client.get(address)), *data.draw(st.sampled_from([[], counted]))]))
        answer = post(client, address, sent)
    assert answer.status_code in (200, 302, 400)
