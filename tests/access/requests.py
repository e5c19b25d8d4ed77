"""What is sent with each request that changes something: what somebody who may do it would send."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.http import HttpResponse
from django.test import Client

from payments.tests import bodies
from sessions_booking.tests.browsing import ahead, at_of
from tests.access import world
from tests.access.addresses import filled_in
from tests.access.world import World, undone

_MONEY = {"phoneNumber": "0712 345 678", "amount": 1000}
_NEW_TIME = {"at": at_of(ahead(5, 11))}
_REASON = {"reason": "Away on that day"}


def _callback(_: dict[str, Any]) -> dict[str, Any]:
    return json.loads(bodies.failure("ws_CO_of_nobody"))


def _book(thing: dict[str, Any]) -> dict[str, Any]:
    return {"type": thing["type_id"], "at": at_of(thing["at"])}


def _book_api(thing: dict[str, Any]) -> dict[str, Any]:
    return {"sessionTypeId": thing["type_id"], "startsAt": thing["at"].isoformat()}


def always(**sent: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda thing: sent


SENT: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "deposit/": always(phone="0712 345 678", amount="1,000"),
    "sign-up/": always(email="new@malipo.test", password=world.PASSWORD, name="New", phone="", consent="on"),
    "log-in/": always(username="the-client@malipo.test", password=world.PASSWORD),
    "profile/": always(name="Another Name", phone="0712 345 678"),
    "password/": always(old_password=world.PASSWORD, new_password1="lion-river-43", new_password2="lion-river-43"),
    "password/reset/": always(email="the-client@malipo.test"),
    "api/auth/token": always(email="the-client@malipo.test", password=world.PASSWORD),
    "api/auth/refresh": lambda thing: thing,
    "api/deposits/initiate": always(**_MONEY, description="Access"),
    "api/mpesa/initiate": lambda thing: {"sessionId": thing["code"], "phoneNumber": "0712 345 678"},
    "api/deposits/callback": _callback,
    "api/mpesa/callback": _callback,
    "api/payments/mpesa/callback": _callback,
    "api/payments/mpesa/stk-callback": _callback,
    "hooks/<str:token>": _callback,
    "therapists/<int:therapist_id>/book/": _book,
    "sessions/<str:code>/pay/": always(phone="0712 345 678"),
    "sessions/<str:code>/decline/": always(**_REASON),
    "sessions/<str:code>/cancel/": always(**_REASON),
    "sessions/<str:code>/move/": always(**_NEW_TIME),
    "practice/hours/": always(do="hours", weekday="0", opens="19:00", closes="20:00"),
    "notifications/settings/": always(email="on"),
    "api/sessions": _book_api,
    "api/sessions/<slug:session_id>/decline": always(**_REASON),
    "api/sessions/<slug:session_id>/cancel": always(**_REASON),
    "api/sessions/<slug:session_id>/reschedule": lambda thing: {"startsAt": ahead(5, 11).isoformat()},
    "admin/payments/payment/<int:payment_id>/decide/<str:what>/": always(**_REASON),
    "admin/sessions_booking/booking/<int:booking_id>/cancel/": always(**_REASON),
}
ASKED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "api/therapists/<int:therapist_id>/slots": lambda thing: {"sessionTypeId": thing["type_id"]},
    "therapists/<int:therapist_id>/book/": _book,
}
_SIGNED_IN_BY_COOKIE = ("api/schema/", "api/docs/")


def ask(world: World, role: str, method: str, address: str, about: str) -> str:
    """What somebody is answered, in the table's words. Nothing of it stays."""
    client = world.program(role) if _of_programs(address) else world.browser(role)
    with undone(), _writes() as written:
        answer = sent(world, client, method, address, about)
        said = read(answer)
        answer.getvalue()  # a file that nobody reads would hold its place
    return f"{said} –" if said in _LEADS_ON and method != "GET" and not written else said


def sent(world: World, client: Client, method: str, address: str, about: str) -> HttpResponse:
    """The same by any client; the caller undoes it."""
    thing = world.things[about]
    return _sent(client, method, filled_in(address, thing), _given(method, address, thing), _of_programs(address))


def _of_programs(address: str) -> bool:
    return address.startswith("api/") and address not in _SIGNED_IN_BY_COOKIE


def read(answer: HttpResponse) -> str:
    """The status, or that one is sent to log in."""
    if answer.status_code in (301, 302, 303) and answer["Location"].startswith(("/log-in/", "/admin/login/")):
        return "log-in"
    return str(answer.status_code)


_LEADS_ON = {"302", "303"}
_WRITE = re.compile(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+"(\w+)"(?: SET "last_login" =)?', re.IGNORECASE)
_BESIDES = ("django_session", "axes_", "audit_", "django_admin_log")


@contextmanager
def _writes() -> Iterator[list[str]]:
    """The tables that are written meanwhile; who came and went is no change."""
    tables: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found = _WRITE.match(sql)
        if found and not found[1].startswith(_BESIDES) and "last_login" not in found[0]:
            tables.append(found[1])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield tables


def _given(method: str, address: str, thing: dict[str, Any]) -> dict[str, Any]:
    of = ASKED if method == "GET" else SENT
    return of[address](thing) if address in of else {}


def _sent(client: Client, method: str, path: str, given: dict[str, Any], json_body: bool) -> HttpResponse:
    if method == "GET":
        return client.get(path, given)
    if json_body or path.startswith("/hooks/"):
        return client.generic(method, path, json.dumps(given), content_type="application/json")
    return client.post(path, given) if method == "POST" else client.generic(method, path)
