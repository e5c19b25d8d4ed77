"""OAuth and what the gateway makes of tokens (daraja.md 1, 2)."""

import base64
import re

import pytest
import requests

from simulator.testing import Sim
from simulator.tests.speaking import Daraja, error

PATH = "/oauth/v1/generate"


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def test_any_key_and_secret_get_a_token(sim: Sim) -> None:
    answer = requests.get(f"{sim.url}{PATH}?grant_type=client_credentials", headers=basic("any:thing"), timeout=60)
    assert answer.status_code == 200
    assert answer.json() == {"access_token": answer.json()["access_token"], "expires_in": "3599"}
    assert re.fullmatch(r"[A-Za-z0-9]{28}", answer.json()["access_token"])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer abc"},
        {"Authorization": "Basic !!!"},
        basic("no-colon"),
        basic("key:"),
        basic(":s"),
    ],
)
def test_malformed_basic_is_refused(sim: Sim, headers: dict[str, str]) -> None:
    answer = requests.get(f"{sim.url}{PATH}?grant_type=client_credentials", headers=headers, timeout=60)
    assert error(answer) == (400, "400.008.01", "Invalid Authentication passed")


@pytest.mark.parametrize("query", ["", "?grant_type=password"])
def test_a_wrong_grant_is_refused(sim: Sim, query: str) -> None:
    answer = requests.get(f"{sim.url}{PATH}{query}", headers=basic("key:secret"), timeout=60)
    assert error(answer) == (400, "400.008.02", "Invalid grant type passed")


def test_a_token_ends_with_the_clock(sim: Sim, daraja: Daraja) -> None:
    sim.advance(3590)
    assert daraja.push("254708374149").status_code == 200
    sim.advance(10)
    assert error(daraja.push("254708374149")) == (404, "404.001.03", "Invalid Access Token")
    daraja.renew()
    assert daraja.push("254708374149").status_code == 200


def test_an_unknown_or_missing_token_is_refused(daraja: Daraja) -> None:
    daraja.http.headers["Authorization"] = "Bearer nobody-gave-this"
    assert error(daraja.push("254708374149")) == (404, "404.001.03", "Invalid Access Token")
    assert error(daraja.query("ws_CO_1")) == (404, "404.001.03", "Invalid Access Token")
    del daraja.http.headers["Authorization"]
    assert error(daraja.push("254708374149")) == (404, "404.001.04", "Invalid Authentication Header")


def test_a_new_token_can_end_the_old_one(sim: Sim, daraja: Daraja) -> None:
    sim.switch(new_token_ends_old=True, expires_in_type="number")
    answer = requests.get(f"{sim.url}{PATH}?grant_type=client_credentials", headers=basic("k:s"), timeout=60)
    assert answer.json()["expires_in"] == 3599
    assert error(daraja.push("254708374149")) == (404, "404.001.03", "Invalid Access Token")


def test_a_reset_keeps_tokens_unless_told(sim: Sim, daraja: Daraja) -> None:
    sim.reset()
    assert daraja.push("254708374149").status_code == 200
    sim.post("reset", tokens=True)
    assert daraja.push("254708374149").status_code == 404


def test_wrong_methods_and_paths(sim: Sim) -> None:
    assert error(requests.post(f"{sim.url}{PATH}", timeout=60)) == (405, "405.001", "Method Not Allowed")
    push = f"{sim.url}/mpesa/stkpush/v1/processrequest"
    assert error(requests.get(push, timeout=60)) == (405, "405.001", "Method Not Allowed")
    nothing = requests.post(f"{sim.url}/mpesa/stkpush/v2/processrequest", timeout=60)
    assert error(nothing) == (404, "404.001.01", "Resource not found")
