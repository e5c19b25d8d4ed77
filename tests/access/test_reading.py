"""What no role may read, no list tells by filters, orders, searches, popups or references; no page shows it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.sessions.models import Session
from django.db.models import Model
from django.http import HttpResponse

from accounts.models import User
from audit.models import Entry
from lib.admin import UNKNOWN_FILTER
from payments.models import Callback, Merchant, Payment
from tests.access.addresses import models
from tests.access.world import World

pytestmark = [pytest.mark.requirement("SEC-4"), pytest.mark.requirement("SEC-8"), pytest.mark.requirement("TST-3")]
STAFF = ("support", "finance", "admin")
SECRET = ("sealed", "hash", "password", "data_key", "token", "lease", "secret", "credentials", "fingerprint")
WHOLE = "?e=1"  # where Django leads who asked what a list does not know


def lists() -> Iterator[tuple[type[Model], Any, str]]:
    for label in models():
        model = apps.get_model(label)
        yield model, admin.site._registry[model], f"/admin/{label.replace('.', '/')}/"


def columns(model: type[Model], depth: int = 2) -> Iterator[str]:
    """Of the row itself, and of the rows that it names."""
    for field in model._meta.get_fields():
        if not field.is_relation:
            yield field.name
        elif depth and field.related_model:
            yield from (f"{field.name}__{name}" for name in columns(field.related_model, depth - 1))


def offered(desk: Any) -> set[str]:
    names = {name for name in desk.list_filter if isinstance(name, str)} | {desk.date_hierarchy}
    return names | {getattr(one, "parameter_name", None) for one in desk.list_filter}


def refused(answer: HttpResponse) -> bool:
    return answer.status_code == 400 or answer.get("Location", "").endswith(WHOLE)


def test_no_list_is_filtered_by_what_it_does_not_offer(world: World) -> None:
    """By no column of its own or of a row it is about; each by one lookup, since none is known."""
    told, browser, lookups = [], world.browser("admin"), ("startswith", "regex", "isnull", "gt", "exact", "in")
    for model, desk, address in lists():
        # One way to each column is enough: two rows away only what is secret.
        asked = [name for name in columns(model) if name.count("__") < 2 or any(word in name for word in SECRET)]
        for number, name in enumerate(sorted({*asked} - offered(desk))):
            lookup = f"{name}__{lookups[number % len(lookups)]}"
            if name.count("__") < 1 or number % 7 == 0 or any(word in name for word in SECRET[:4]):
                told += [] if refused(browser.get(address, {lookup: "1"})) else [address + lookup]
    assert told == []


def test_the_whole_list_says_why_it_is_whole(world: World) -> None:
    browser = world.browser("support")
    assert browser.get("/admin/payments/payment/?phone_hash__startswith=a")["Location"].endswith(WHOLE)
    assert UNKNOWN_FILTER in browser.get("/admin/payments/payment/?e=1").content.decode()
    again = browser.get("/admin/payments/payment/?e=1&phone_hash__startswith=a")
    assert again["Location"].endswith(WHOLE)  # and no word of a broken database


def test_nothing_is_exported_by_what_the_list_does_not_offer(world: World) -> None:
    browser = world.browser("finance")
    for asked in ("phone_hash__startswith=a", "payer__password__startswith=m", "checkout_hash__regex=(("):
        assert browser.get(f"/admin/payments/payment/export/?{asked}").status_code == 400, asked


def test_no_list_is_ordered_or_searched_by_what_is_secret() -> None:
    """A popup's reference neither."""
    for model, desk, address in lists():
        orders = [str(getattr(getattr(desk, str(name), None), "admin_order_field", name)) for name in desk.list_display]
        for name in (*orders, *map(str, desk.search_fields), *offered(desk)):
            assert not any(word in str(name) for word in SECRET), (address, name)
        for field in model._meta.fields:
            allowed = desk.to_field_allowed(None, field.name)
            assert not (allowed and any(word in field.name for word in SECRET)), (address, field.name)


def test_nothing_is_completed(world: World) -> None:
    """It would search rows without an entry in the trail."""
    asked = {"app_label": "payments", "model_name": "lotrow", "field_name": "payment", "term": "0712 345 678"}
    for role in STAFF:
        assert world.browser(role).get("/admin/autocomplete/", asked).status_code == 403, role


def secrets() -> dict[str, str]:
    """What stands in columns that no page shows, by what it is."""
    found = {f"password {user.pk}": user.password for user in User.objects.exclude(password="")}
    found |= {f"phone {user.pk}": user.phone[-9:] for user in User.objects.exclude(phone_hash="")}
    found |= {f"session {row.pk[:4]}": row.session_key for row in Session.objects.all()}
    for model in (User, Payment, Merchant, Callback):
        for row in model._default_manager.all():
            for field in model._meta.fields:
                if any(word in field.name for word in SECRET) and (value := getattr(row, field.name)):
                    text = bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value)
                    found[f"{model.__name__} {row.pk} {field.name}"] = text
    return found


def test_a_look_is_in_the_trail_whatever_was_asked(world: World) -> None:
    before = Entry.objects.count()
    world.browser("support").get(f"/admin/payments/payment/{'9' * 5000}/change/")
    assert Entry.objects.count() == before + 1
