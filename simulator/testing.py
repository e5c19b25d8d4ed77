"""The simulator in a thread of a test, on a free port, with a small client for its control."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import urllib3

from simulator.app import create_app
from simulator.server import Server
from simulator.settings import Settings

_START_S = 60.0


class Sim:
    """Speaks to `/_sim/` of a running simulator, this one or any other."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        # `Connection: close`, since a kept one may be closed just when it is used again
        self._http = urllib3.PoolManager(headers={"Connection": "close"}, timeout=60, retries=False)

    def get(self, path: str, **params: Any) -> Any:
        return self._answer(path, self._http.request("GET", f"{self.url}/_sim/{path}", fields=params))

    def post(self, path: str, **body: Any) -> Any:
        return self._answer(path, self._http.request("POST", f"{self.url}/_sim/{path}", json=body))

    @staticmethod
    def _answer(path: str, response: urllib3.BaseHTTPResponse) -> Any:
        if response.status >= 400:
            raise AssertionError(f"{path}: {response.status} {response.data.decode(errors='replace')}")
        return response.json()

    def prompt(self, phone: str, *, wait_s: float = 30.0) -> dict[str, Any]:
        """The open prompt of a phone, waited for."""
        found = self.get("prompts", phone=phone, wait_s=wait_s)
        if not found:
            raise AssertionError(f"no prompt on {phone} within {wait_s} s")
        return dict(found[-1])

    def approve(self, phone: str, *, pin: str = "1234") -> dict[str, Any]:
        return self._tap(phone, action="approve", pin=pin)

    def cancel(self, phone: str) -> dict[str, Any]:
        return self._tap(phone, action="cancel")

    def ignore(self, phone: str) -> dict[str, Any]:
        return self._tap(phone, action="ignore")

    def _tap(self, phone: str, **body: str) -> dict[str, Any]:
        return dict(self.post(f"prompts/{self.prompt(phone)['checkout_request_id']}", **body))

    def prompts(self) -> list[dict[str, Any]]:
        return list(self.get("prompts"))

    def pushes(self) -> list[dict[str, Any]]:
        return list(self.get("pushes"))

    def callbacks(self) -> list[dict[str, Any]]:
        return list(self.get("callbacks"))

    def books(self) -> list[dict[str, Any]]:
        """The money that truly moved, oldest first."""
        return list(self.get("transactions"))

    def sms(self, phone: str) -> list[str]:
        """Newest first."""
        return [sms["text"] for sms in self.get(f"phones/{phone}")["sms"]]

    def set_balance(self, phone: str, shillings: int) -> None:
        self.post(f"phones/{phone}", balance=shillings)

    def advance(self, seconds: float) -> None:
        """Move its clock; what fell due has been delivered when this returns."""
        self.post("clock", advance_s=seconds)

    def fault(self, phone: str, code: str | None) -> None:
        self.post("faults", phone=phone, fault=code)

    def refuse(self, api: str, name: str | None, *, times: int = 0) -> None:
        """`api` is oauth, stk_push, stk_query or all; `name` one of `refusals.REFUSALS`, None ends it."""
        self.post("faults", api=api, refuse=name, times=times)

    def switch(self, **switches: object) -> None:
        self.post("faults", switches=switches)

    def reset(self) -> None:
        self.post("reset")


@contextlib.contextmanager
def running_simulator(*, time_scale: float = 1.0, **options: Any) -> Iterator[Sim]:
    """`options` are those of Settings: business_name, phones, switches…"""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        settings = Settings(port=listener.getsockname()[1], time_scale=time_scale, **options)
        server = Server(create_app(settings), settings)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="simulator", daemon=True)
        thread.start()
        try:
            if not server.ready.wait(_START_S):
                raise RuntimeError("the simulator did not start")
            sim = Sim(f"http://127.0.0.1:{settings.port}")
            with sim._http:
                yield sim
        finally:
            server.should_exit = True
            thread.join(_START_S)
