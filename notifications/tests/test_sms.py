"""SMS behind one interface: what Africa's Talking answers, and what that means for sending again."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
import requests

from notifications import sending, sms
from notifications.models import Audience, Channel
from notifications.sms import africas_talking, gsm, phones, posting
from notifications.tests.factories import one
from outbox.errors import Refused
from simulator.testing import running_simulator

pytestmark = pytest.mark.requirement("NOT-2", "SES-6")
NUMBER, TEXT = "254712345678", "Smiling Steps: your appointment is tomorrow."


class Provider:
    """Answers as it was told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.status, self.body, self.hangs = 201, "", threading.Event()
        self.asked: list[tuple[str, dict[str, str], dict[str, list[str]]]] = []
        self.silent = False
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                provider.asked.append((self.path, dict(self.headers), form))
                if provider.silent:
                    provider.hangs.wait(10)
                    return
                self.send_response(provider.status)
                self.end_headers()
                self.wfile.write(provider.body.encode())

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def says(self, code: object, status: int = 201, **more: object) -> None:
        recipient = {"statusCode": code, "number": f"+{NUMBER}", "messageId": "ATXid_1", **more}
        self.status = status
        self.body = json.dumps({"SMSMessageData": {"Message": "Sent to 1/1", "Recipients": [recipient]}})


@pytest.fixture
def provider(settings) -> Iterator[Provider]:
    found = Provider()
    thread = threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    settings.SMS_BACKEND = "africas_talking"
    settings.AFRICASTALKING = {"username": "steps", "api_key": "the-key", "sender": "SMILING", "url": found.url}
    yield found
    found.hangs.set()
    found.server.shutdown()
    found.server.server_close()
    thread.join()


@pytest.mark.parametrize("code", [100, 101, 102, "101"])
def test_taken_is_sent(provider: Provider, code: object) -> None:
    provider.says(code)
    assert sms.backend()(number=NUMBER, text=TEXT) == "ATXid_1"
    path, headers, form = provider.asked[0]
    assert path == "/version1/messaging"
    assert (headers["apiKey"], headers["Accept"]) == ("the-key", "application/json")
    assert form == {"username": ["steps"], "to": [f"+{NUMBER}"], "message": [TEXT], "from": ["SMILING"]}


@pytest.mark.parametrize(("code", "name"), africas_talking.REFUSED.items())
@pytest.mark.parametrize("status", [200, 201])
def test_a_200_with_a_failed_recipient_was_certainly_not_sent(
    provider: Provider, code: int, name: str, status: int
) -> None:
    provider.says(code, status=status)
    with pytest.raises(Refused, match=name):
        sms.backend()(number=NUMBER, text=TEXT)


@pytest.mark.django_db
def test_sent_under_a_name_that_no_database_keeps_it_is_sent(provider: Provider) -> None:
    provider.says(101, messageId="ATX\x00id\ud800")
    row = one("session.approved", Audience.CLIENT, Channel.SMS)
    sending.send({"notification_id": row.pk})
    row.refresh_from_db()
    assert (row.reference, row.sent_at is not None) == ("ATX\ufffdid?", True)


def test_no_recipient_at_all_is_a_refusal(provider: Provider) -> None:
    provider.body = json.dumps({"SMSMessageData": {"Message": "InvalidSenderId", "Recipients": []}})
    with pytest.raises(Refused, match="InvalidSenderId"):
        sms.backend()(number=NUMBER, text=TEXT)


@pytest.mark.parametrize("status", [400, 401, 404, 429])
def test_a_refused_request_was_certainly_not_sent(provider: Provider, status: int) -> None:
    provider.status = status
    with pytest.raises(Refused, match=str(status)):
        sms.backend()(number=NUMBER, text=TEXT)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, ""), (502, "<html>"), (503, ""), (201, ""), (200, "[]"), (200, "{}"), (302, ""),
        (200, '{"SMSMessageData": null}'), (200, '{"SMSMessageData": {"Recipients": [null]}}'),
        (200, '{"SMSMessageData": {"Recipients": [{"statusCode": 999}]}}'),
        (200, '{"SMSMessageData": {"Recipients": [{"statusCode": "x"}]}}'),
    ],
)  # fmt: skip
def test_what_does_not_say_is_doubtful(provider: Provider, status: int, body: str) -> None:
    provider.status, provider.body = status, body
    with pytest.raises(posting.Unclear):
        sms.backend()(number=NUMBER, text=TEXT)


def test_silence_is_doubtful_and_the_error_names_no_number(provider: Provider, monkeypatch) -> None:
    provider.silent = True
    monkeypatch.setattr(posting, "TIMEOUT_S", (1, 0.2))
    with pytest.raises(posting.Unclear) as error:
        sms.backend()(number=NUMBER, text=TEXT)
    assert "ReadTimeout" in str(error.value)
    assert NUMBER[3:] not in str(error.value)


def test_no_connection_was_certainly_not_sent(settings) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings.AFRICASTALKING = {
        "username": "u", "api_key": "k", "sender": "", "url": f"http://127.0.0.1:{port}",
    }  # fmt: skip
    with pytest.raises(Refused, match="ConnectionError"):
        africas_talking.send(number=NUMBER, text=TEXT)


def test_in_development_it_shows_on_the_simulated_phone(settings) -> None:
    with running_simulator() as sim:
        settings.SIMULATOR_URL = sim.url
        settings.SMS_BACKEND = "phones"
        assert sms.backend()(number=NUMBER, text=TEXT) == ""
        assert sim.sms(NUMBER) == [TEXT]
        answer = requests.get(f"{sim.url}/phone/{NUMBER}", timeout=60)
        assert TEXT in answer.text
        assert "Smiling Steps" in answer.text
    with pytest.raises(Refused):
        phones.send(number=NUMBER, text=TEXT)
    settings.SIMULATOR_URL = ""
    with pytest.raises(Refused, match="SIMULATOR_URL"):
        phones.send(number=NUMBER, text=TEXT)


@pytest.mark.parametrize(
    ("text", "plain"),
    [("Ünïcode “quoted” – dash…", 'Ünicode "quoted" - dash...'), ("日本", ""), ("a\u00a0b", "a b"), ("Ç ñ é", "Ç ñ é")],
)
def test_only_what_phones_can_write(text: str, plain: str) -> None:
    assert gsm.plain(text) == plain
    assert gsm.fits(gsm.cut(text * 200))
