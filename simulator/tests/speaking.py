"""What the tests speak with: a plain Daraja client of bare requests, and a real callback sink."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import requests

from simulator.merchants import PAY_BILL, SANDBOX_PASSKEY

STAMP = "20261121043000"
WAIT_S = 60.0


def password(shortcode: object = 174379, passkey: str = SANDBOX_PASSKEY, stamp: str = STAMP) -> str:
    return base64.b64encode(f"{shortcode}{passkey}{stamp}".encode()).decode()


class Daraja:
    def __init__(self, url: str, *, callback_url: str) -> None:
        self.url, self.callback_url = url, callback_url
        self.http = requests.Session()
        self.http.trust_env = False  # else each request looks through the environment for proxies
        self.http.headers["Connection"] = "close"  # a kept one may be closed just when it is used again
        self.renew()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def renew(self) -> None:
        query = "grant_type=client_credentials"
        answer = self.http.get(f"{self.url}/oauth/v1/generate?{query}", auth=("key", "secret"), timeout=60)
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def fields(self, phone: str, **changes: Any) -> dict[str, Any]:
        """A right push, with changes; a field set to None is left out."""
        fields = {
            "BusinessShortCode": 174379,
            "Password": password(),
            "Timestamp": STAMP,
            "TransactionType": PAY_BILL,
            "Amount": 1000,
            "PartyA": phone,
            "PartyB": 174379,
            "PhoneNumber": phone,
            "CallBackURL": self.callback_url,
            "AccountReference": "PX4K7Q2M",
            "TransactionDesc": "Smiling Steps",
        } | changes
        return {name: value for name, value in fields.items() if value is not None}

    def post_push(self, **sent: Any) -> requests.Response:
        return self.http.post(f"{self.url}/mpesa/stkpush/v1/processrequest", timeout=60, **sent)

    def push(self, phone: str, **changes: Any) -> requests.Response:
        return self.post_push(json=self.fields(phone, **changes))

    def pushed(self, phone: str, **changes: Any) -> str:
        """The CheckoutRequestID of an accepted push."""
        answer = self.push(phone, **changes)
        assert answer.status_code == 200, answer.text
        return answer.json()["CheckoutRequestID"]

    def query(self, checkout_request_id: str, **changes: Any) -> requests.Response:
        fields = {
            "BusinessShortCode": 174379,
            "Password": password(),
            "Timestamp": STAMP,
            "CheckoutRequestID": checkout_request_id,
        } | changes
        return self.http.post(f"{self.url}/mpesa/stkpushquery/v1/query", json=fields, timeout=60)

    def query_code(self, checkout_request_id: str) -> str:
        return self.query(checkout_request_id).json()["ResultCode"]


def error(answer: requests.Response) -> tuple[int, str, str]:
    """HTTP status, errorCode, errorMessage; the envelope holds nothing else but a requestId."""
    body = answer.json()
    assert set(body) == {"requestId", "errorCode", "errorMessage"}
    return answer.status_code, body["errorCode"], body["errorMessage"]


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 512


class Sink:
    """Takes callbacks over real HTTP; `answers` are the statuses of the next ones, then 200."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.bodies: list[bytes] = []
        self.answers: list[int] = []
        self.held = threading.Event()
        self.held.set()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.held.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, body: bytes) -> int:
        with self._changed:
            self.bodies.append(body)
            self._changed.notify_all()
            status = self.answers.pop(0) if self.answers else 200
        self.held.wait(WAIT_S)
        return status

    def wait(self, count: int) -> list[bytes]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.bodies) >= count, WAIT_S), f"{len(self.bodies)} of {count}"
            return list(self.bodies)

    def callbacks(self, count: int) -> list[dict[str, Any]]:
        """The stkCallback of the first `count` bodies, waited for; there are no more."""
        bodies = self.wait(count)
        assert len(bodies) == count
        return [json.loads(body)["Body"]["stkCallback"] for body in bodies]

    def codes(self, count: int) -> list[object]:
        return [callback["ResultCode"] for callback in self.callbacks(count)]


def items(callback: dict[str, Any]) -> dict[str, Any]:
    """CallbackMetadata by name."""
    return {item["Name"]: item.get("Value") for item in callback["CallbackMetadata"]["Item"]}


def _handler(sink: Sink) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status = sink.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler
