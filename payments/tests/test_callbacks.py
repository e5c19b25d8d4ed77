"""The callback addresses: verified, stored, answered (CB-1, CB-2, ruling 4); and what the worker makes of it."""

import base64
import hashlib
import hmac
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any
from urllib.parse import quote

import pytest
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from audit.models import Entry
from ledger import books, chart
from lib import clock, crypto
from payments import callbacks, calls, hooks, inbox, sealing
from payments.models import Callback, Exchange, LotRow, Payment, PaymentFact
from payments.states import Status
from payments.tests import bodies, doors, factories
from payments.urls import DOCUMENTED_CALLBACKS

pytestmark = pytest.mark.django_db
SECRET = "the callbacks' secret"
SAFARICOM, STRANGER = "196.201.214.200", "203.0.113.9"
ADDRESSES = (f"198.18.{n // 256 % 256}.{n % 256}" for n in count())  # so many forgeries from one would not be kept
TOKENS = st.characters(codec="utf-8", exclude_characters="\x00/", exclude_categories=["Cs"])
SUCCESS = {"ResultCode": 0, "ResultDesc": "Success"}
JSON = "application/json"
UNREADABLE = [b"", b"{", b"[]", b"null", b"<html>Blocked</html>", b"\xff\xfe\x00", b'{"Body": {}}', b"[" * 20_000]


@pytest.fixture
def payment() -> Payment:
    return factories.prompted(now=clock.now())


@pytest.fixture(autouse=True)
def _secret(settings: Any) -> None:
    settings.MPESA = replace(settings.MPESA, callback_secret=SECRET)


def url_of(payment: Payment, submission: int = 1) -> str:
    return f"/hooks/{hooks.token(hooks.Hook('STK', payment.environment, payment.pk, submission))}"


def paid(payment: Payment, **given: Any) -> bytes:
    given = {"receipt": factories.new_receipt(), **given}
    return bodies.success(factories.checkout_of(payment.pk), **given)


_door = ""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What follows holds at both doors."""
    metafunc.parametrize("door", doors.DOORS, indirect=True)


@pytest.fixture(autouse=True)
def door(request: pytest.FixtureRequest) -> Iterator[str]:
    global _door
    _door = getattr(request, "param", "")
    yield _door
    _door = ""


def post(url: str, body: bytes, *, address: str = SAFARICOM, **headers: str) -> HttpResponse:
    """Through the test's door; in the tests of properties through either."""
    client = doors.client(_door or doors.by(body + url.encode()))
    return client.post(url, body, content_type=JSON, REMOTE_ADDR=address, **headers)


def signed(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def drain() -> None:
    inbox.drain(now=clock.now())


def verdict() -> tuple[str, str]:
    row = Callback.objects.latest("pk")
    return row.verdict, row.state


def security_events() -> list[str]:
    return list(Entry.objects.filter(action__startswith="security.").order_by("id").values_list("action", flat=True))


def nothing_moved(payment: Payment) -> bool:
    facts = PaymentFact.objects.filter(payment=payment).exclude(kind__in=["SENT", "ACCEPTED"])
    row = Payment.objects.get(pk=payment.pk)
    return (row.status, row.reasons, facts.exists(), LotRow.objects.exists()) == (Status.PROMPTED, [], False, False)


# --- Stored, then answered -------------------------------------------------------------------------------------------


@pytest.mark.requirement("CB-1")
@pytest.mark.requirement("CB-3")
def test_a_payment_of_its_own_address(payment: Payment) -> None:
    body = paid(payment, receipt="UKL7RT61SV", at=clock.now())
    answer = post(url_of(payment), body)
    assert (answer.status_code, json.loads(answer.content)) == (200, SUCCESS)
    row = Callback.objects.get()
    assert (row.verdict, row.verdict_reason, row.state) == ("TRUSTED", "token", "WAITING")
    assert (row.payment_id, row.submission, row.address, row.size) == (payment.pk, 1, SAFARICOM, len(body))
    assert sealing.unseal(bytes(row.body_sealed), context=calls.CONTEXT) == body
    drain()
    payment.refresh_from_db()
    assert (payment.status, payment.receipt) == (Status.COMPLETED, "UKL7RT61SV")
    assert books.balance(environment="sandbox", code=chart.wallet(payment.payer_id)) == 100_000


@pytest.mark.requirement("CB-1")
@pytest.mark.parametrize("body", UNREADABLE)
def test_what_cannot_be_read_is_stored_and_answered_all_the_same(payment: Payment, body: bytes) -> None:
    for url in (url_of(payment), "/api/deposits/callback"):
        answer = post(url, body)
        assert (answer.status_code, json.loads(answer.content)) == (200, SUCCESS)
    drain()
    assert [row.outcome[:12] for row in Callback.objects.all()] == ["not readable", "not readable"]
    assert nothing_moved(payment)


@pytest.mark.requirement("CB-1")
@pytest.mark.parametrize(
    "kind", ["application/json; charset=zip", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_whatever_the_body_is_called(payment: Payment, kind: str, door: str) -> None:
    answer = doors.client(door).generic("POST", url_of(payment), paid(payment), content_type=kind)
    assert answer.status_code == 200
    drain()
    payment.refresh_from_db()
    assert payment.status == Status.COMPLETED


@pytest.mark.requirement("CB-1")
@pytest.mark.parametrize(("encoding", "status"), [("utf-8-sig", Status.COMPLETED), ("utf-16", Status.PROMPTED)])
def test_bodies_are_utf8(payment: Payment, encoding: str, status: Status) -> None:
    assert post(url_of(payment), paid(payment).decode().encode(encoding)).status_code == 200
    drain()
    payment.refresh_from_db()
    assert payment.status == status


@pytest.mark.requirement("CB-1")
def test_a_body_that_is_too_large_is_an_event_without_it(payment: Payment, settings: Any) -> None:
    limit = settings.CALLBACK_MAX_BYTES
    assert post(url_of(payment), b" " * limit).status_code == 200
    assert post(url_of(payment), b"s" * (limit + 1)).status_code == 413
    assert Callback.objects.count() == 1
    entry = Entry.objects.get(action="security.callback_too_large")
    assert (entry.subject, entry.data) == (f"address:{SAFARICOM}", {"path": "/hooks/", "size": str(limit + 1)})


@pytest.mark.requirement("CB-1")
@pytest.mark.parametrize(("extra", "status"), [(0, 200), (1, 413)])
def test_a_chunked_body_has_no_length_beforehand(payment: Payment, settings: Any, extra: int, status: int) -> None:
    """A WSGI server that ends the stream itself says so; Django alone would read nothing."""
    body = paid(payment).ljust(settings.CALLBACK_MAX_BYTES + extra)
    stream = {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    request = RequestFactory().post("/hooks/", REMOTE_ADDR=SAFARICOM, **{**stream, "CONTENT_LENGTH": ""})
    assert callbacks.hook(request, url_of(payment).rpartition("/")[2]).status_code == status
    drain()
    payment.refresh_from_db()
    assert payment.status == (Status.PROMPTED if extra else Status.COMPLETED)


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "options"])
def test_callbacks_are_posts(payment: Payment, method: str, door: str) -> None:
    for url in (url_of(payment), "/api/deposits/callback"):
        assert getattr(doors.client(door), method)(url).status_code == 405
    assert not Callback.objects.exists()


@pytest.mark.requirement("OPS-1")
def test_a_callback_that_cannot_be_stored_is_not_acknowledged(payment: Payment) -> None:
    def away(execute: Any, sql: str, *rest: Any) -> Any:
        if "INSERT INTO payments_callback" in sql:
            raise OperationalError("the connection is lost")
        return execute(sql, *rest)

    with connection.execute_wrapper(away):
        answer = post(url_of(payment), paid(payment))
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert json.loads(answer.content)["code"] == "database_unavailable"


# --- The verdict -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("CB-2")
@pytest.mark.requirement("SEC-7")
def test_an_address_off_the_list_only_makes_us_ask(payment: Payment) -> None:
    answer = post(url_of(payment), paid(payment), address=STRANGER)
    assert (answer.status_code, json.loads(answer.content)) == (200, SUCCESS)
    assert verdict() == ("DOUBTFUL", "WAITING")
    assert payment.next_query_at is not None
    assert payment.next_query_at > clock.now()
    drain()
    row = Payment.objects.get(pk=payment.pk)
    assert row.next_query_at is not None
    assert row.next_query_at <= clock.now()
    assert nothing_moved(payment)


@pytest.mark.requirement("SEC-7")
@pytest.mark.parametrize("url", ["token", "signature"])
def test_an_address_off_the_list_is_a_security_event_up_to_a_cap(payment: Payment, url: str) -> None:
    """Somebody knows a secret of ours, or M-Pesa calls from elsewhere: either way a person should hear of it."""
    for _ in range(25):
        if url == "token":
            assert post(url_of(payment), b"{}", address=STRANGER).status_code == 200
        else:
            post("/api/mpesa/callback", b"{}", address=STRANGER, HTTP_X_MPESA_SIGNATURE=signed(b"{}"))
    post("/api/mpesa/callback", b"{}", address=STRANGER)  # proves nothing, so it is nobody's secret
    post(url_of(payment), b"{}")
    assert Callback.objects.count() == 27
    assert security_events() == ["security.callback_off_list"] * 20
    entry = Entry.objects.filter(action="security.callback_off_list").latest("pk")
    path = "/hooks/" if url == "token" else "/api/mpesa/callback"
    assert (entry.subject, entry.data) == (f"address:{STRANGER}", {"path": path})


@pytest.mark.requirement("SEC-7")
@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "told", "expected"),
    [
        ([], STRANGER, SAFARICOM, STRANGER, "DOUBTFUL"),
        ([], SAFARICOM, STRANGER, SAFARICOM, "TRUSTED"),
        (["10.0.0.0/8"], "10.0.0.5", SAFARICOM, SAFARICOM, "TRUSTED"),
        (["10.0.0.0/8"], "10.0.0.5", f"{SAFARICOM}, {STRANGER}", STRANGER, "DOUBTFUL"),
        (["10.0.0.0/8"], "10.0.0.5", f"{SAFARICOM}, 10.0.0.7", SAFARICOM, "TRUSTED"),
        (["10.0.0.0/8"], STRANGER, SAFARICOM, STRANGER, "DOUBTFUL"),
        (["10.0.0.0/8"], "10.0.0.5", f"::ffff:{SAFARICOM}", SAFARICOM, "TRUSTED"),
        (["10.0.0.0/8"], "10.0.0.5", "fe80::1%eth0", "fe80::1", "DOUBTFUL"),
        (["10.0.0.0/8"], "10.0.0.5", "' OR 1=1 --", None, "DOUBTFUL"),
    ],
)
def test_forwarded_addresses_are_believed_of_our_proxies_only(
    payment: Payment, settings: Any, proxies: list[str], peer: str, forwarded: str, told: str | None, expected: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    assert post(url_of(payment), paid(payment), address=peer, HTTP_X_FORWARDED_FOR=forwarded).status_code == 200
    row = Callback.objects.get()
    assert (row.address, row.verdict) == (told, expected)


@pytest.mark.requirement("CB-2")
@pytest.mark.parametrize("route", DOCUMENTED_CALLBACKS)
def test_a_documented_address_trusts_a_signature(payment: Payment, route: str) -> None:
    body = paid(payment)
    answer = post(f"/{route}", body, HTTP_X_MPESA_SIGNATURE=signed(body))
    assert (answer.status_code, json.loads(answer.content)) == (200, SUCCESS)
    assert verdict() == ("TRUSTED", "WAITING")
    drain()
    payment.refresh_from_db()
    assert payment.status == Status.COMPLETED


@pytest.mark.requirement("CB-2")
@pytest.mark.parametrize("route", DOCUMENTED_CALLBACKS)
def test_a_documented_address_without_signature_only_makes_us_ask(payment: Payment, route: str) -> None:
    assert post(f"/{route}", paid(payment)).status_code == 200
    assert verdict() == ("DOUBTFUL", "WAITING")
    drain()
    assert nothing_moved(payment)
    row = Payment.objects.get(pk=payment.pk)
    assert row.next_query_at is not None
    assert row.next_query_at <= clock.now()


@pytest.mark.requirement("CB-2")
def test_a_signature_does_not_make_an_address_ours(payment: Payment) -> None:
    body = paid(payment)
    assert post("/api/mpesa/callback", body, address=STRANGER, HTTP_X_MPESA_SIGNATURE=signed(body)).status_code == 200
    assert verdict() == ("DOUBTFUL", "WAITING")


@pytest.mark.requirement("CB-2")
@pytest.mark.requirement("TST-3")
@pytest.mark.parametrize("signature", ["", "x", "é", signed(b"another body"), signed(b"{}", "another secret")])
def test_a_wrong_signature_is_a_forgery(payment: Payment, signature: str) -> None:
    answer = post("/api/deposits/callback", b"{}", HTTP_X_MPESA_SIGNATURE=signature)
    assert (answer.status_code, json.loads(answer.content)["ResultCode"]) == (403, 1)
    assert verdict() == ("FORGED", "DONE")
    assert security_events() == ["security.callback_forged"]
    drain()
    assert nothing_moved(payment)


@pytest.mark.requirement("CB-2")
def test_an_unset_secret_accepts_no_signature(payment: Payment, settings: Any) -> None:
    settings.MPESA = replace(settings.MPESA, callback_secret="")
    body = paid(payment)
    assert post("/api/deposits/callback", body, HTTP_X_MPESA_SIGNATURE=signed(body, "")).status_code == 403
    assert verdict() == ("FORGED", "DONE")


@pytest.mark.requirement("CB-2")
def test_signatures_are_compared_in_constant_time(payment: Payment, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def watched(left: bytes, right: bytes) -> bool:
        compared.append((left, right))
        return left == right

    monkeypatch.setattr(crypto.hmac, "compare_digest", watched)
    post("/api/deposits/callback", b"{}", HTTP_X_MPESA_SIGNATURE="guess")
    post(url_of(payment), b"{}")
    assert len(compared) == 2


@pytest.mark.requirement("CB-2")
def test_an_address_that_is_not_ours(payment: Payment) -> None:
    forged = url_of(payment)[:-1] + ("0" if url_of(payment)[-1] != "0" else "1")
    answer = post(forged, paid(payment))
    assert (answer.status_code, json.loads(answer.content)["ResultCode"]) == (403, 1)
    assert verdict() == ("FORGED", "DONE")
    entry = Entry.objects.get(action="security.callback_forged")
    assert (entry.subject, entry.data) == (f"address:{SAFARICOM}", {"path": "/hooks/", "reason": "wrong token"})
    drain()
    inbox.process_again(callback_id=Callback.objects.get().pk, actor="user:1", now=clock.now())
    drain()
    assert nothing_moved(payment)


# Feature: mpesa-payment-integration, Property 20: Callback Signature Verification
# Feature: mpesa-payment-integration, Property 46: Webhook Signature Verified Before Processing
@pytest.mark.requirement("P20")
@pytest.mark.requirement("P46")
@pytest.mark.requirement("CB-2")
class TestOnlyTheRightSignatureMovesMoney(TestCase):
    @given(st.binary(max_size=200), st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
    def test_signature(self, body: bytes, signature: str) -> None:
        answer = post("/api/deposits/callback", body, address=next(ADDRESSES), HTTP_X_MPESA_SIGNATURE=signature)
        assert (answer.status_code, verdict()) == (403, ("FORGED", "DONE"))

    @given(st.binary(max_size=200))
    def test_right_signature(self, body: bytes) -> None:
        answer = post("/api/deposits/callback", body, HTTP_X_MPESA_SIGNATURE=signed(body))
        assert (answer.status_code, verdict()) == (200, ("TRUSTED", "WAITING"))

    @given(st.text(TOKENS, min_size=1, max_size=60), st.binary(max_size=50))
    def test_token(self, token: str, body: bytes) -> None:
        answer = post(f"/hooks/{quote(token, safe='')}", body, address=next(ADDRESSES))
        assert (answer.status_code, verdict()) == (403, ("FORGED", "DONE"))


# --- What the worker makes of it -------------------------------------------------------------------------------------


@pytest.mark.requirement("CB-2")
@pytest.mark.parametrize("what", ["another payment", "another phone"])
def test_token_and_body_must_name_the_same_payment(payment: Payment, what: str) -> None:
    other = factories.prompted(now=clock.now())
    body = paid(other) if what == "another payment" else paid(payment, phone="254799999999")
    assert post(url_of(payment), body).status_code == 200
    drain()
    assert (nothing_moved(payment), nothing_moved(other)) == (True, True)
    assert security_events() == ["security.callback_mismatch"]
    assert Callback.objects.get().state == "DONE"


@pytest.mark.requirement("CB-3")
def test_a_masked_phone_contradicts_nobody(payment: Payment) -> None:
    body = json.loads(paid(payment))
    items = body["Body"]["stkCallback"]["CallbackMetadata"]["Item"]
    items.append({"Name": "PhoneNumber", "Value": "2547 ***** 126"})
    post(url_of(payment), json.dumps(body).encode())
    drain()
    payment.refresh_from_db()
    assert payment.status == Status.COMPLETED


@pytest.mark.requirement("CB-5")
@pytest.mark.parametrize("together", [True, False])
def test_a_replay_is_a_duplicate(payment: Payment, together: bool) -> None:
    body = paid(payment)
    for _ in range(3):
        assert post(url_of(payment), body).status_code == 200
        if not together:
            drain()
    drain()
    outcomes = list(Callback.objects.order_by("pk").values_list("outcome", flat=True))
    assert outcomes == ["applied", "known already", "known already"]
    assert LotRow.objects.count() == 1
    assert books.balance(environment="sandbox", code=chart.wallet(payment.payer_id)) == 100_000


@pytest.mark.requirement("CB-2")
@pytest.mark.requirement("SEC-2")
def test_forgeries_are_kept_up_to_a_cap_and_real_ones_for_ever(payment: Payment) -> None:
    for _ in range(25):
        assert post("/hooks/forged", b"{}").status_code == 403
    assert post("/hooks/forged", b"{}", address=STRANGER).status_code == 403
    kept = list(Callback.objects.values_list("address", flat=True))
    assert (kept.count(SAFARICOM), kept.count(STRANGER)) == (20, 1)
    assert len(security_events()) == 21
    for _ in range(30):
        assert post(url_of(payment), b"{}").status_code == 200
    assert Callback.objects.filter(verdict="TRUSTED").count() == 30


@pytest.mark.requirement("CB-2")
def test_without_redis_all_forgeries_are_kept(settings: Any) -> None:
    nowhere = {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": nowhere}
    for _ in range(25):
        assert post("/hooks/forged", b"{}").status_code == 403
    assert Callback.objects.count() == len(security_events()) == 25


@pytest.mark.requirement("SEC-4")
def test_bodies_and_addresses_are_not_readable_at_rest(payment: Payment) -> None:
    phone = "254711222333"
    post(url_of(payment), paid(payment, phone=phone))
    drain()
    assert not found_in_database(phone)
    assert not found_in_database(url_of(payment).rpartition("/")[2])
    assert not found_in_database(factories.checkout_of(payment.pk))


# Feature: mpesa-payment-integration, Property 48: No PIN Storage
@pytest.mark.requirement("P48")
@pytest.mark.requirement("CB-8")
class TestPinsAreNotStored(TestCase):
    @given(
        pin=st.text("QXZJVW", min_size=12, max_size=12),
        name=st.sampled_from(["pin", "PIN", "MpesaPin", "Pin"]),
        readable=st.booleans(),
    )
    def test_in_a_callback(self, pin: str, name: str, readable: bool) -> None:
        payment = factories.prompted(now=clock.now())
        body = json.loads(paid(payment))
        body[name] = body["Body"]["stkCallback"][name] = pin
        body["Body"]["stkCallback"]["CallbackMetadata"]["Item"].append({"Name": name, "Value": pin})
        text = json.dumps(body) if readable else json.dumps(body)[:-1]
        assert post(url_of(payment), text.encode()).status_code == 200
        drain()
        assert Exchange.objects.exists()
        assert not found_in_database(pin)


def found_in_database(text: str) -> list[str]:
    """The tables in which the text stands in clear, as text or as bytes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        query = " UNION ALL ".join(
            f"SELECT '{table}' FROM \"{table}\" AS r WHERE r::text ILIKE %(text)s OR r::text ILIKE %(hex)s"  # noqa: S608
            for table in tables
        )
        cursor.execute(query, {"text": f"%{text}%", "hex": f"%{text.encode().hex()}%"})
        return [name for (name,) in cursor.fetchall()]
