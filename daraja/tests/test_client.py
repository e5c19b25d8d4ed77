"""The client against a real server: what each oddity of M-Pesa and of the wire proves about the push."""

import base64
import json
import socket
import ssl
import threading
from collections.abc import Callable

import pytest

from daraja.client import Client, Exchange, QueryKind
from daraja.errors import DarajaError, Refused, Topic, Uncertain
from daraja.hosts import PRODUCTION_URL, SANDBOX_URL
from daraja.tests import server
from daraja.tests.conftest import ISSUED, NOW
from daraja.tests.server import PUSH, QUERY, TOKEN, Daraja, Reply
from daraja.tokens import MemoryTokens
from daraja.wire import StkAccepted, StkPush, StkQuery
from tests.stack import until

ACCEPTED = {
    "MerchantRequestID": "234f-43a9-ae11-d0b0c2dbe930108127",
    "CheckoutRequestID": "ws_CO_211120261230051712345678",
    "ResponseCode": "0",
    "ResponseDescription": "Success. Request accepted for processing",
    "CustomerMessage": "Success. Request accepted for processing",
}
FINAL = {
    "ResponseCode": "0",
    "ResponseDescription": "The service request has been accepted successsfully",
    "MerchantRequestID": "234f-43a9-ae11-d0b0c2dbe930108127",
    "CheckoutRequestID": "ws_CO_211120260930051712345678",
    "ResultCode": "0",
    "ResultDesc": "The service request is processed successfully.",
}
STALE = {"requestId": "1c5b-4ba8", "errorCode": "404.001.03", "errorMessage": "Invalid Access Token"}
WAF = b"<html><head><title>Error</title></head><body>Request unsuccessful. Incapsula incident ID: 7</body></html>"


def refused(client: Client, push: StkPush) -> Refused:
    with pytest.raises(Refused) as caught:
        client.stk_push(push, now=NOW)
    return caught.value


def uncertain(client: Client, push: StkPush) -> Uncertain:
    with pytest.raises(Uncertain) as caught:
        client.stk_push(push, now=NOW)
    return caught.value


@pytest.mark.requirement("STK-3")
def test_an_accepted_push(mpesa: Daraja, client: Client, push: StkPush) -> None:
    mpesa.on(PUSH, Reply(ACCEPTED))

    accepted = client.stk_push(push, now=NOW)

    assert accepted == StkAccepted(
        ACCEPTED["MerchantRequestID"], ACCEPTED["CheckoutRequestID"], ACCEPTED["CustomerMessage"]
    )
    (sent,) = mpesa.calls(PUSH)
    assert sent.body == push.payload(NOW)
    assert sent.headers["Authorization"] == f"Bearer {ISSUED['access_token']}"
    assert sent.headers["Content-Type"] == "application/json"
    (asked,) = mpesa.calls(TOKEN)
    assert asked.path == "/oauth/v1/generate?grant_type=client_credentials"
    assert (
        asked.headers["Authorization"] == "Basic " + base64.b64encode(b"the-consumer-key:the-consumer-secret").decode()
    )


def test_connections_are_kept_and_shared(mpesa: Daraja, client: Client, push: StkPush) -> None:
    mpesa.on(PUSH, Reply(ACCEPTED))
    for _ in range(5):
        client.stk_push(push, now=NOW)
    assert mpesa.connections == 1


@pytest.mark.requirement("STK-8")
def test_a_kept_connection_that_was_closed_meanwhile_is_not_used(mpesa: Daraja, client: Client, push: StkPush) -> None:
    """Seen before anything is sent over it: so nothing is lost, and nothing is sent twice."""
    mpesa.on(PUSH, Reply(ACCEPTED, then_close=True), Reply(ACCEPTED))
    client.stk_push(push, now=NOW)
    until(lambda: mpesa.closed == 1, what="the server to close the connection")
    client.stk_push(push, now=NOW)
    assert (mpesa.connections, len(mpesa.calls(PUSH))) == (2, 2)


@pytest.mark.requirement("STK-8")
def test_a_kept_connection_that_breaks_under_a_push_is_not_tried_again(
    mpesa: Daraja, client: Client, push: StkPush
) -> None:
    mpesa.on(PUSH, Reply(ACCEPTED), Reply(drop=True), Reply(ACCEPTED))
    client.stk_push(push, now=NOW)
    assert uncertain(client, push).code == "connection_broken"
    assert (mpesa.connections, len(mpesa.calls(PUSH))) == (1, 2)


@pytest.mark.requirement("STK-9")
def test_threads_share_one_client(mpesa: Daraja, make_client: Callable[..., Client], push: StkPush) -> None:
    client = make_client(pool_size=8)
    mpesa.on(PUSH, Reply(ACCEPTED))
    answers: list[StkAccepted] = []
    threads = [threading.Thread(target=lambda: answers.append(client.stk_push(push, now=NOW))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == 20
    assert len(mpesa.calls(TOKEN)) == 1
    assert mpesa.connections <= 8


class TestWhatTheWireProves:
    """STK-8: refused where it is certain, uncertain everywhere else."""

    @pytest.fixture
    def impatient(self, make_client: Callable[..., Client]) -> Callable[..., Client]:
        """It knows a token, so that what does not come in time is the answer to the push."""
        tokens = MemoryTokens()

        def make(**changes: object) -> Client:
            make_client(tokens=tokens).check()
            return make_client(tokens=tokens, **changes)

        return make

    def test_no_listener(self, make_client: Callable[..., Client], push: StkPush, exchanges: list[Exchange]) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            client = make_client(base_url=f"http://127.0.0.1:{unused.getsockname()[1]}")
            error = refused(client, push)
        assert (error.code, error.transient, error.topic) == ("no_connection", True, Topic.NO_CONNECTION)
        assert exchanges[0].http_status is None
        assert exchanges[0].error.startswith("no_connection")

    def test_a_listener_that_never_accepts(self, make_client: Callable[..., Client], push: StkPush) -> None:
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            queued = [socket.socket() for _ in range(4)]
            for one in queued:
                one.setblocking(False)
                one.connect_ex(full.getsockname())
            client = make_client(base_url=f"http://127.0.0.1:{full.getsockname()[1]}", connect_timeout_s=0.2)
            error = refused(client, push)
            for one in queued:
                one.close()
        assert (error.code, error.transient) == ("no_connection", True)

    def test_accepted_then_closed(
        self, mpesa: Daraja, client: Client, push: StkPush, exchanges: list[Exchange]
    ) -> None:
        mpesa.on(PUSH, Reply(ACCEPTED, drop=True))
        assert uncertain(client, push).code == "connection_broken"
        assert len(mpesa.calls(PUSH)) == 1, "never sent twice"
        assert exchanges[-1].error.startswith("connection_broken")

    def test_no_headers_in_time(self, mpesa: Daraja, impatient: Callable[..., Client], push: StkPush) -> None:
        mpesa.on(PUSH, Reply(ACCEPTED, hang=True))
        assert uncertain(impatient(read_timeout_s=0.2), push).code == "read_timeout"
        until(lambda: mpesa.calls(PUSH), what="the server to have read it")
        assert len(mpesa.calls(PUSH)) == 1

    def test_a_body_that_stalls(self, mpesa: Daraja, impatient: Callable[..., Client], push: StkPush) -> None:
        mpesa.on(PUSH, Reply(ACCEPTED, stall_after=20))
        assert uncertain(impatient(read_timeout_s=0.2), push).code == "read_timeout"

    def test_a_body_that_trickles(self, mpesa: Daraja, impatient: Callable[..., Client], push: StkPush) -> None:
        """Each byte comes in time, the whole does not: a call has an end all the same."""
        mpesa.on(PUSH, Reply(b" " * 500, trickle=True))
        assert uncertain(impatient(read_timeout_s=0.3), push).code == "read_timeout"

    def test_a_host_that_is_not_who_it_says(
        self, make_client: Callable[..., Client], push: StkPush, untrusted: ssl.SSLContext
    ) -> None:
        with server.running(untrusted) as impostor:
            error = refused(make_client(base_url=impostor.url), push)
            assert not impostor.seen
        assert (error.code, error.transient) == ("tls_untrusted", False)

    def test_a_body_that_ends_early(self, mpesa: Daraja, client: Client, push: StkPush) -> None:
        mpesa.on(PUSH, Reply(ACCEPTED, claimed_length=5000))
        assert uncertain(client, push).code == "connection_broken"

    def test_a_body_without_end(self, mpesa: Daraja, client: Client, push: StkPush) -> None:
        mpesa.on(PUSH, Reply(b" " * 200_000))
        assert uncertain(client, push).code == "answer_too_long"

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(WAF),
            Reply(b"<html>System is busy</html>"),
            Reply(b""),
            Reply(b"{"),
            Reply(b"\xff\xfe\x00"),
            Reply(b"null"),
            Reply([]),
            Reply({}),
            Reply({**ACCEPTED, "CheckoutRequestID": ""}),
            Reply({**ACCEPTED, "CheckoutRequestID": None}),
            Reply({**ACCEPTED, "ResponseCode": "4711"}),
            Reply({"ResponseCode": "0"}),
            Reply(WAF, status=500),
            Reply(b"", status=502),
            Reply(b"", status=503),
            Reply(WAF, status=504),
            Reply(b"", status=302, headers={"Location": "/elsewhere"}),
        ],
    )
    def test_an_answer_that_cannot_be_understood(
        self, mpesa: Daraja, client: Client, push: StkPush, reply: Reply
    ) -> None:
        mpesa.on(PUSH, reply)
        error = uncertain(client, push)
        assert error.http_status == reply.status
        assert len(mpesa.calls(PUSH)) == 1

    def test_the_firewall(self, mpesa: Daraja, client: Client, push: StkPush) -> None:
        mpesa.on(PUSH, Reply(WAF, status=403))
        error = refused(client, push)
        assert (error.code, error.transient, error.topic) == ("http_403", True, Topic.BUSY)
        assert error.message == "Error Request unsuccessful. Incapsula incident ID: 7"

    def test_a_push_has_a_longest_time(self, make_client: Callable[..., Client]) -> None:
        assert make_client(connect_timeout_s=1, read_timeout_s=2).longest_call_s == 44

    def test_too_many_calls_at_once(self, mpesa: Daraja, make_client: Callable[..., Client], push: StkPush) -> None:
        client = make_client(pool_size=1, connect_timeout_s=0.1, read_timeout_s=60.0)
        mpesa.on(PUSH, Reply(ACCEPTED, hang=True))
        first = threading.Thread(target=lambda: uncertain(client, push))
        first.start()
        while not mpesa.calls(PUSH):
            first.join(0.01)
        error = refused(client, push)
        assert (error.code, error.transient) == ("too_many_calls", True)
        mpesa.ended.set()
        first.join()


class TestTheToken:
    """STK-7."""

    @pytest.mark.parametrize(
        ("status", "code", "words"),
        [
            (404, "404.001.03", "Invalid Access Token"),
            (400, "400.003.01", "Invalid Access Token"),
            (401, "401.002.01", "Error Occurred - Invalid Access Token - c9SQxWWhmdVRlyh0zh8gZDTkubVF"),
            (
                401,
                "401.003.01",
                "Error Occurred - Invalid Access Token - Invalid API call as no apiproduct match found",
            ),
        ],
    )
    @pytest.mark.requirement("STK-7")
    def test_is_fetched_anew_once(
        self, mpesa: Daraja, client: Client, push: StkPush, status: int, code: str, words: str
    ) -> None:
        stale = Reply({"requestId": "1", "errorCode": code, "errorMessage": words}, status=status)
        mpesa.on(PUSH, stale, Reply(ACCEPTED))
        mpesa.on(TOKEN, Reply(ISSUED), Reply({"access_token": "second-token", "expires_in": 3599}))

        client.stk_push(push, now=NOW)

        used = [seen.headers["Authorization"] for seen in mpesa.calls(PUSH)]
        assert used == [f"Bearer {ISSUED['access_token']}", "Bearer second-token"]

    @pytest.mark.requirement("STK-7")
    def test_still_invalid(self, mpesa: Daraja, client: Client, push: StkPush) -> None:
        mpesa.on(PUSH, Reply(STALE, status=404))
        error = refused(client, push)
        assert (error.code, error.transient, error.topic, error.request_id) == (
            "404.001.03",
            True,
            Topic.ACCESS,
            "1c5b-4ba8",
        )
        assert "perhaps the product is not enabled" in str(error)
        assert len(mpesa.calls(PUSH)) == 2

    def test_is_fetched_five_times_a_minute_at_most(self, mpesa: Daraja, client: Client, push: StkPush) -> None:
        mpesa.on(PUSH, Reply(STALE, status=404))
        errors = [refused(client, push) for _ in range(6)]
        assert len(mpesa.calls(TOKEN)) == 5
        assert (errors[-1].code, errors[-1].transient) == ("token_rate", True)
        assert 0 < (errors[-1].wait_s or 0) <= 61

    @pytest.mark.parametrize(
        ("reply", "transient"),
        [
            (Reply(b"", status=400), False),
            (Reply({"errorCode": "400.008.01", "errorMessage": "Invalid Authentication passed"}, status=400), False),
            (Reply(b"", status=401), False),
            (Reply(WAF, status=403), True),
            (Reply(b"", status=404), False),
            (Reply(b"", status=429), True),
            (Reply(b"", status=500), True),
            (Reply(WAF, status=503), True),
            (Reply(WAF), True),
            (Reply({"access_token": ""}), True),
            (Reply({"access_token": "two words", "expires_in": "3599"}), True),
            (Reply({"access_token": "line\nbreak", "expires_in": "3599"}), True),
            (Reply({"access_token": 7, "expires_in": "3599"}), True),
            (Reply(b"", drop=True), True),
            (Reply(b"", hang=True), True),
        ],
    )
    def test_without_one_nothing_is_sent(
        self, mpesa: Daraja, make_client: Callable[..., Client], push: StkPush, reply: Reply, transient: bool
    ) -> None:
        mpesa.on(TOKEN, reply)
        error = refused(make_client(read_timeout_s=0.3 if reply.hang else 30.0), push)
        assert error.transient is transient
        assert not mpesa.calls(PUSH)

    @pytest.mark.parametrize("expires_in", ["3599", 3599, 3599.0, None, "soon", True, "9" * 50])
    def test_any_expires_in(self, mpesa: Daraja, client: Client, push: StkPush, expires_in: object) -> None:
        mpesa.on(TOKEN, Reply({"access_token": "abc", "expires_in": expires_in}))
        mpesa.on(PUSH, Reply(ACCEPTED))
        client.stk_push(push, now=NOW)
        client.stk_push(push, now=NOW)
        assert len(mpesa.calls(TOKEN)) == 1

    @pytest.mark.requirement("ADM-3")
    def test_check_fetches_a_token_of_this_moment(self, mpesa: Daraja, make_client: Callable[..., Client]) -> None:
        tokens = MemoryTokens()
        client = make_client(tokens=tokens)
        client.check()
        client.check()
        assert len(mpesa.calls(TOKEN)) == 2

        mpesa.on(TOKEN, Reply(b"", status=400))
        with pytest.raises(Refused, match="M-Pesa refused the consumer key or secret"):
            client.check()


class TestTheQuery:
    @pytest.mark.parametrize("code", ["0", "1032", 1032, "SFC_IC0003", "4711"])
    def test_a_result(self, mpesa: Daraja, client: Client, query: StkQuery, code: object) -> None:
        mpesa.on(QUERY, Reply({**FINAL, "ResultCode": code}))
        answer = client.stk_query(query, now=NOW)
        assert (answer.kind, answer.code, answer.http_status) == (QueryKind.RESULT, str(code), 200)
        assert mpesa.calls(QUERY)[0].body == query.payload(NOW)

    @pytest.mark.parametrize(
        "reply",
        [
            Reply({**FINAL, "ResultCode": "4999", "ResultDesc": "The transaction is still under processing"}),
            Reply({**FINAL, "ResultCode": 4999}),
            Reply(
                {"requestId": "1", "errorCode": "500.001.1001", "errorMessage": "The transaction is being processed"},
                status=500,
            ),
        ],
    )
    def test_still_pending(self, mpesa: Daraja, client: Client, query: StkQuery, reply: Reply) -> None:
        mpesa.on(QUERY, reply)
        assert client.stk_query(query, now=NOW).kind is QueryKind.PENDING

    @pytest.mark.parametrize(
        "reply",
        [
            Reply({"errorCode": "500.001.1001", "errorMessage": "The transaction does not Exist"}, status=500),
            Reply({"errorCode": "400.002.02", "errorMessage": "Bad Request - Invalid CheckoutRequestID"}, status=400),
        ],
    )
    def test_unknown_id(self, mpesa: Daraja, client: Client, query: StkQuery, reply: Reply) -> None:
        mpesa.on(QUERY, reply)
        assert client.stk_query(query, now=NOW).kind is QueryKind.UNKNOWN_ID

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(WAF, status=403),
            Reply(b"", status=429),
            Reply({"errorCode": "500.003.02", "errorMessage": "Error Occurred: Spike Arrest Violation"}, status=500),
            Reply(
                {
                    "fault": {
                        "faultstring": "Spike arrest violation. Allowed rate : MessageRate{messagesPerPeriod=5}",
                        "detail": {"errorcode": "policies.ratelimit.SpikeArrestViolation"},
                    }
                },
                status=500,
            ),
        ],
    )
    def test_throttled(self, mpesa: Daraja, client: Client, query: StkQuery, reply: Reply) -> None:
        mpesa.on(QUERY, reply)
        with pytest.raises(Refused) as caught:
            client.stk_query(query, now=NOW)
        assert caught.value.transient
        assert caught.value.topic is Topic.BUSY

    @pytest.mark.parametrize(
        "reply",
        [
            Reply({**FINAL, "CheckoutRequestID": "ws_CO_of_another"}),
            Reply({key: value for key, value in FINAL.items() if key != "ResultCode"}),
            Reply({**FINAL, "ResultCode": None}),
            Reply({**FINAL, "ResultCode": True}),
            Reply({"errorCode": "500.001.1001", "errorMessage": "Internal Server Error"}, status=500),
            Reply(WAF),
        ],
    )
    def test_no_answer_at_all(self, mpesa: Daraja, client: Client, query: StkQuery, reply: Reply) -> None:
        mpesa.on(QUERY, reply)
        with pytest.raises(Uncertain):
            client.stk_query(query, now=NOW)


class TestTheObserver:
    """FEE-2: every call is told, and no secret with it."""

    @pytest.mark.requirement("FEE-2")
    def test_is_told_every_call(
        self, mpesa: Daraja, client: Client, push: StkPush, query: StkQuery, exchanges: list[Exchange]
    ) -> None:
        mpesa.on(PUSH, Reply(ACCEPTED))
        mpesa.on(QUERY, Reply({"errorCode": "500.001.1001", "errorMessage": "Internal Server Error"}, status=500))
        client.stk_push(push, now=NOW)
        with pytest.raises(DarajaError):
            client.stk_query(query, now=NOW)

        assert [(one.type, one.http_status, one.error) for one in exchanges] == [
            ("TOKEN", 200, ""),
            ("STK_PUSH", 200, ""),
            ("STK_QUERY", 500, ""),
        ]
        assert json.loads(exchanges[1].response) == ACCEPTED
        assert exchanges[1].url == mpesa.url + PUSH
        assert all(0 <= one.duration_ms < 10_000 for one in exchanges)

    @pytest.mark.requirement("SEC-4")
    def test_never_hears_a_secret(
        self, mpesa: Daraja, client: Client, push: StkPush, exchanges: list[Exchange]
    ) -> None:
        payload = push.payload(NOW)
        echo = f"Invalid Access Token - {ISSUED['access_token']} {payload['Password']} the-consumer-secret"
        mpesa.on(PUSH, Reply({"errorCode": "404.001.03", "errorMessage": echo}, status=404))
        error = refused(client, push)

        told = repr(exchanges) + repr(error) + str(error)
        basic = base64.b64encode(b"the-consumer-key:the-consumer-secret").decode()
        for secret in (
            ISSUED["access_token"], payload["Password"], "the-consumer-secret", "the-passkey", "0123456789abcdef", basic
        ):  # fmt: skip
            assert secret not in told
        assert exchanges[1].request["AccountReference"] == "PX4K7Q2M"
        assert exchanges[1].request["CallBackURL"] == "https://pay.example.co.ke/hooks/***"

    def test_hears_16_kilobytes_at_most_and_only_storable_text(
        self, mpesa: Daraja, client: Client, push: StkPush, exchanges: list[Exchange]
    ) -> None:
        mpesa.on(PUSH, Reply(b"\x00\xff" + "ä".encode() * 20_000, status=500))
        uncertain(client, push)
        assert len(exchanges[-1].response.encode()) <= 16_000
        assert "\x00" not in exchanges[-1].response

    def test_that_breaks_hurts_no_payment(
        self, mpesa: Daraja, make_client: Callable[..., Client], push: StkPush
    ) -> None:
        def broken(exchange: Exchange) -> None:
            raise RuntimeError("the database is gone")

        mpesa.on(PUSH, Reply(ACCEPTED))
        assert make_client(observe=broken).stk_push(push, now=NOW).checkout_request_id


class TestTheHost:
    @pytest.mark.parametrize(
        "url", [SANDBOX_URL, PRODUCTION_URL, "http://127.0.0.1:8100", "http://localhost:8100/", "http://[::1]:8100"]
    )
    def test_is_spoken_to(self, make_client: Callable[..., Client], url: str) -> None:
        make_client(base_url=url)

    @pytest.mark.parametrize(
        "url",
        [
            "http://api.safaricom.co.ke", "http://10.0.0.1", "http://127.0.0.1.example.com", "ftp://127.0.0.1", "", "api",
            "https://api.safaricom.co.ke/mpesa", "https://key:secret@api.safaricom.co.ke", "https://api.safaricom.co.ke?x",
            "https://",
        ],
    )  # fmt: skip
    def test_is_refused(self, make_client: Callable[..., Client], url: str) -> None:
        with pytest.raises(ValueError, match="M-Pesa"):
            make_client(base_url=url)

    def test_sets_no_cookies(self, mpesa: Daraja, client: Client, push: StkPush) -> None:
        mpesa.on(PUSH, Reply(ACCEPTED, headers={"Set-Cookie": "visid_incap=abc; Path=/"}))
        client.stk_push(push, now=NOW)
        client.stk_push(push, now=NOW)
        assert "Cookie" not in mpesa.calls(PUSH)[1].headers
