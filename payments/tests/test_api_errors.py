"""One shape for every error under /api/ (ruling 1); who may ask (SEC-1), how often (SEC-2); the API's description."""

import json
import re
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import URLPattern, URLResolver, get_resolver, path
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts.models import User
from config import urls
from lib import limits
from payments.models import Callback, Payment
from payments.tests import factories
from payments.urls import DOCUMENTED_CALLBACKS

pytestmark = pytest.mark.django_db
INITIATE, STATUS, HISTORY, WALLET = (
    "/api/deposits/initiate",
    "/api/deposits/status/TXN_0",
    "/api/deposits/history",
    "/api/wallet",
)
OPEN = {"api/auth/token", "api/auth/refresh", "api/schema/", "api/docs/", *DOCUMENTED_CALLBACKS}


@pytest.fixture
def user() -> User:
    return User.objects.create_user("amina@malipo.test", "malipo-demo")


@pytest.fixture
def api(user: User) -> Client:
    return program(user, raise_request_exception=False)


def program(user: User | None = None, **options: Any) -> Client:
    """A client with a token."""
    token = AccessToken.for_user(user or factories.UserFactory())
    return Client(headers={"Authorization": f"Bearer {token}"}, **options)


def refusal(answer: HttpResponse) -> tuple[int, str]:
    """Its status and code; the rest of the shape must be right."""
    assert answer["Content-Type"] == "application/json"
    body = json.loads(answer.content)
    assert sorted(set(body) - {"errors"}) == ["code", "error", "message", "success"]
    assert body["success"] is False
    assert body["message"] == body["error"] != ""
    return answer.status_code, body["code"]


# --- One shape -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/api/", "/api/nowhere", "/api/deposits/initiate/", "/api/deposits", "/api/<x>"])
def test_unknown_addresses(api: Client, address: str) -> None:
    assert refusal(api.get(address)) == (404, "not_found")
    assert refusal(api.post(address, {}, content_type="application/json")) == (404, "not_found")


def test_pages_keep_their_own_errors(api: Client) -> None:
    answer = api.get("/nowhere")
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.parametrize("route", [INITIATE, *(f"/{route}" for route in DOCUMENTED_CALLBACKS), "/api/auth/token"])
def test_wrong_methods(api: Client, route: str) -> None:
    answer = api.get(route)
    assert refusal(answer) == (405, "method_not_allowed")
    assert "POST" in answer["Allow"]


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain", ""])
def test_wrong_kinds_of_body(api: Client, kind: str) -> None:
    assert refusal(api.generic("POST", INITIATE, b"a=1", content_type=kind))[0] in {400, 415}


def test_answers_are_json_only(api: Client) -> None:
    assert refusal(api.get(WALLET, headers={"Accept": "application/xml"})) == (406, "not_acceptable")


@pytest.mark.requirement("TST-3")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"NaN",
        b'{"amount": Infinity}',
        b'{"amount": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"\xff\xfe{}",
        b'{"phoneNumber": "\\ud800"}',
        b'{"phoneNumber": "\xed\xa0\x80"}',
        b"{}" * 2,
        "{}".encode("utf-16"),
    ],
)
def test_bodies_that_are_no_json_object(api: Client, body: bytes) -> None:
    for kind in ("application/json", "application/json; charset=zip", "application/json; charset=utf-16"):
        assert refusal(api.generic("POST", INITIATE, body, content_type=kind))[0] == 400
    assert refusal(api.generic("POST", "/api/auth/token", body, content_type="application/json"))[0] == 400


@pytest.mark.parametrize("route", [INITIATE, "/api/auth/token", "/api/auth/refresh"])
def test_a_body_that_is_too_large(api: Client, settings: Any, route: str) -> None:
    body = b" " * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    assert refusal(api.generic("POST", route, body, content_type="application/json")) == (413, "body_too_large")


def test_a_host_that_is_not_ours(api: Client) -> None:
    assert refusal(api.get(WALLET, headers={"Host": "evil.example"})) == (400, "bad_request")


@pytest.mark.requirement("TST-3")
@pytest.mark.parametrize("query", ["?page=%00", "?status=%00", "?%00", "?status=%ff", "?from=%27--", "?page=1e9"])
def test_queries_may_be_anything(api: Client, query: str) -> None:
    assert refusal(api.get(HISTORY + query))[0] == 400


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(
    st.sampled_from(["phoneNumber", "description", "email", "password", "refresh", "x"]), ANYTHING, max_size=6
)


@pytest.mark.requirement("TST-3")
class TestNoInputIsAFaultOfOurs(TestCase):
    @given(fields=FIELDS, route=st.sampled_from([INITIATE, "/api/auth/token", "/api/auth/refresh"]))
    def test_fields(self, fields: dict[str, object], route: str) -> None:
        answer = program().generic("POST", route, json.dumps(fields).encode(), content_type="application/json")
        assert refusal(answer)[0] in {400, 401, 429}

    @given(body=st.binary(max_size=200), route=st.sampled_from([INITIATE, "/api/auth/token", "/api/auth/refresh"]))
    def test_bytes(self, body: bytes, route: str) -> None:
        assert refusal(program().generic("POST", route, body, content_type="application/json"))[0] in {400, 401, 429}


# --- Defects and outages ---------------------------------------------------------------------------------------------


def broken(request: object) -> HttpResponse:
    raise ZeroDivisionError


class BrokenUrls:
    handler500 = urls.handler500
    urlpatterns = [*urls.urlpatterns, path("api/broken", broken), path("broken", broken)]


@override_settings(ROOT_URLCONF=BrokenUrls)
def test_a_defect_of_ours_says_nothing_about_itself(api: Client) -> None:
    answer = api.get("/api/broken")
    assert refusal(answer) == (500, "server_error")
    assert b"ZeroDivision" not in answer.content
    page = api.get("/broken")
    assert (page.status_code, page["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert b"Something went wrong on our side" in page.content


def away(execute: Any, sql: str, *rest: Any) -> Any:
    raise OperationalError("the connection is lost")


@pytest.mark.requirement("OPS-1")
@pytest.mark.parametrize("route", [STATUS, HISTORY, WALLET])
def test_a_database_that_is_away(api: Client, route: str) -> None:
    with connection.execute_wrapper(away):
        answer = api.get(route)
    assert refusal(answer) == (503, "database_unavailable")
    assert answer["Retry-After"] == "30"


@pytest.mark.requirement("OPS-1")
def test_a_database_that_is_away_when_a_session_is_kept(user: User) -> None:
    """What a middleware raises, no view can handle."""

    def sessions_away(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("UPDATE") and "django_session" in sql:
            raise OperationalError("the connection is lost")
        return execute(sql, *rest)

    client = Client(raise_request_exception=False)
    client.force_login(user)
    with connection.execute_wrapper(sessions_away):
        answer = client.post("/profile/", {"name": "Amina", "phone": ""})
    assert answer.status_code in {302, 303, 503}
    with connection.execute_wrapper(away):
        page = client.get("/wallet/")
    assert (page.status_code, page["Retry-After"]) == (503, "30")
    assert b"We cannot reach our records" in page.content


# --- Who may ask -----------------------------------------------------------------------------------------------------


def routes(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, before + str(one.pattern))
        else:
            yield before + str(one.pattern)


_PLACE = re.compile(r"<([a-z]+):([a-z_]+)>")


def guarded() -> list[str]:
    """Every address of the API, and every page of payments, wallets and sessions, but those that are open to all."""
    found = routes(get_resolver().url_patterns)
    return sorted(
        _PLACE.sub(lambda place: "{number}" if place[1] == "int" else "{id}", route)
        for route in found
        if route.startswith(("api/", "payments/", "deposit", "wallet", "history", "sessions/", "practice/"))
        and route not in OPEN
    )


@pytest.mark.requirement("SEC-1")
def test_the_addresses_that_need_a_log_in() -> None:
    assert {"api/deposits/initiate", "api/deposits/status/{id}", "api/wallet", "payments/{id}/"} <= set(guarded())
    assert set(routes(get_resolver().url_patterns)) >= OPEN


# Feature: mpesa-payment-integration, Property 50: Payment Endpoints Require Authentication
@pytest.mark.requirement("P50")
@pytest.mark.requirement("SEC-1")
class TestPaymentEndpointsNeedALogIn(TestCase):
    @given(
        route=st.sampled_from(guarded()),
        method=st.sampled_from(["get", "post"]),
        token=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40) | st.none(),
        scheme=st.sampled_from(["Bearer", "Token", "Basic", "bearer", ""]),
    )
    def test_nobody_gets_in(self, route: str, method: str, token: str | None, scheme: str) -> None:
        headers = {} if token is None else {"Authorization": f"{scheme} {token}"}
        answer = getattr(Client(), method)(
            "/" + route.replace("{id}", "TXN_0").replace("{number}", "1"), headers=headers
        )
        if route.startswith("api/"):
            assert refusal(answer) == (401, "not_authenticated")
            assert answer["WWW-Authenticate"].startswith("Bearer")
        else:
            assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/log-in/")
        assert not Payment.objects.exists()


@pytest.mark.requirement("SEC-1")
def test_tokens_that_do_not_count(user: User) -> None:
    ended = AccessToken.for_user(user)
    ended.set_exp(lifetime=-ended.lifetime)
    nobodys = AccessToken.for_user(user)
    nobodys["sub"] = "0"
    forged = str(AccessToken.for_user(user))[:-4] + "AAAA"
    for token in (ended, nobodys, forged, RefreshToken.for_user(user), "é"):
        answer = Client().get(WALLET, headers={"Authorization": f"Bearer {token}"})
        assert refusal(answer) == (401, "not_authenticated")


@pytest.mark.requirement("SEC-1")
def test_a_token_ends_with_the_password(user: User, api: Client) -> None:
    assert api.get(WALLET).status_code == 200
    user.set_password("another-long-secret")
    user.save(update_fields=["password"])
    assert refusal(api.get(WALLET)) == (401, "not_authenticated")


@pytest.mark.requirement("SEC-1")
@pytest.mark.requirement("TST-3")
def test_a_cookie_alone_starts_nothing(user: User) -> None:
    """The session may read; to change something it needs the CSRF token of one of our own pages."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.get(WALLET).status_code == 200
    body = {"phoneNumber": "0712345678", "amount": 100}
    assert refusal(client.post(INITIATE, body, content_type="application/json")) == (403, "forbidden")
    assert not Payment.objects.exists()


# --- How often -------------------------------------------------------------------------------------------------------


@pytest.fixture
def _few(settings: Any) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "change": (3, 900), "read": (5, 900)}


@pytest.mark.requirement("SEC-2")
@pytest.mark.requirement("TST-3")
@pytest.mark.usefixtures("_few")
@pytest.mark.usefixtures("clock_stands")
def test_over_the_limit(api: Client, user: User) -> None:
    tries = [api.post(INITIATE, {}, content_type="application/json").status_code for _ in range(4)]
    assert tries == [400, 400, 400, 429]
    answer = api.post(INITIATE, {}, content_type="application/json")
    assert refusal(answer) == (429, "too_many_requests")
    assert 0 < int(answer["Retry-After"]) <= 900
    assert f"wait {answer['Retry-After']} seconds" in answer.json()["message"]
    assert [api.get(WALLET).status_code for _ in range(6)] == [200, 200, 200, 200, 200, 429]
    assert program().get(WALLET).status_code == 200


@pytest.mark.requirement("SEC-2")
def test_the_limits_are_the_documents(settings: Any) -> None:
    limits_by_kind = {kind: settings.RATE_LIMITS[kind] for kind in ("change", "read", "refund")}
    assert limits_by_kind == {"change": (100, 900), "read": (2000, 900), "refund": (10, 900)}


@pytest.mark.requirement("SEC-2")
@pytest.mark.usefixtures("_few")
def test_callbacks_are_exempt() -> None:
    assert {Client().post("/api/deposits/callback").status_code for _ in range(10)} == {200}
    assert Callback.objects.count() == 10


@pytest.mark.requirement("SEC-2")
@pytest.mark.usefixtures("_few")
def test_without_redis_nobody_is_kept_from_paying(api: Client, settings: Any) -> None:
    nowhere = {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": nowhere}
    assert {api.get(WALLET).status_code for _ in range(10)} == {200}
    assert limits.spend("change", "user:0") is None


# --- The description -------------------------------------------------------------------------------------------------


def schema() -> dict[str, Any]:
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out, stderr=StringIO())
    return yaml.safe_load(out.getvalue())


@pytest.mark.requirement("DOC-1")
def test_the_description_is_valid_and_whole() -> None:
    described = schema()
    ours = {
        "/" + _PLACE.sub(r"{\2}", route)
        for route in routes(get_resolver().url_patterns)
        if route.startswith("api/") and route not in {*DOCUMENTED_CALLBACKS, "api/schema/", "api/docs/"}
    }
    assert set(described["paths"]) == ours
    for operations in described["paths"].values():
        for operation in operations.values():
            assert operation["summary"]
            statuses = set(operation["responses"])
            assert statuses & {"200", "201", "202"}
            assert {"401", "503"} <= statuses
            for status in statuses - {"200", "201", "202"}:
                content = operation["responses"][status]["content"]["application/json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Error"}
    error = described["components"]["schemas"]["Error"]
    assert sorted(error["properties"]) == ["code", "error", "errors", "message", "success"]


@pytest.mark.requirement("DOC-1")
def test_what_is_answered_is_what_is_described(api: Client, user: User) -> None:
    shapes = schema()["components"]["schemas"]
    payment = factories.prompted(user)
    one = api.get(f"/api/deposits/status/{payment.transaction_id}").json()
    assert set(one) == set(shapes["Status"]["properties"])
    assert set(one["transaction"]) == set(shapes["Deposit"]["properties"])
    many = api.get(HISTORY).json()
    assert set(many) == set(shapes["History"]["properties"])
    assert many["transactions"] == [one["transaction"]]
    assert set(api.get(WALLET).json()) == set(shapes["Wallet"]["properties"])


@pytest.mark.requirement("DOC-1")
@pytest.mark.requirement("SEC-3")
def test_the_page_to_try_it_has_nothing_inline_and_nothing_foreign(client: Client) -> None:
    page = client.get("/api/docs/")
    text = page.content.decode()
    assert page.status_code == 200
    assert "unsafe" not in page["Content-Security-Policy"]
    assert "<style" not in text
    assert "<script>" not in text
    assert "http" not in text
    script = client.get("/api/docs/?script=")
    assert script["Content-Type"].startswith("application/javascript")
    assert client.get("/api/schema/?format=json").json()["info"]["title"] == "Malipo API"
