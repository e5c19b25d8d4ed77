"""The tests' door `/_sim/`: clock, outages, switches, deliveries, reset; what is asked wrongly is said."""

from datetime import datetime, timedelta

import pytest
import requests

from simulator.testing import Sim
from simulator.tests.speaking import Daraja, Sink, error

PHONE = "254712345678"
PAYS = "254708374149"


def test_moving_the_clock_does_what_is_due_in_order(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    sim.post("clock", time_scale=1)
    daraja.pushed(PHONE)
    sim.advance(30)
    second = daraja.pushed("254722000111")
    daraja.pushed("254181019000")
    assert [prompt["checkout_request_id"] for prompt in sim.prompts()][1] == second
    assert sim.prompts()[0]["expires_in_s"] < 31
    sim.advance(3600)
    assert [call["body"].count('"ResultCode": 1019') for call in sim.callbacks()] == [1, 0, 0]
    assert len(sink.bodies) == 3


def test_the_clock_never_shows_in_what_mpesa_says(sim: Sim, daraja: Daraja) -> None:
    before = requests.get(sim.url + "/_sim/clock", timeout=60).json()["now_s"]
    sim.advance(3500)
    daraja.pushed(PAYS)
    sim.advance(1)
    (booked,) = sim.books()
    (push,) = sim.pushes()
    at = [datetime.fromisoformat(one["at"]) for one in (booked, push)]
    assert abs(at[0] - at[1]) < timedelta(minutes=10)
    assert requests.get(sim.url + "/_sim/clock", timeout=60).json()["now_s"] > before + 3500


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("busy", (500, "500.003.02", "System is busy. Please try again in few minutes.")),
        ("quota", (500, "500.003.03", "Quota Violation")),
        ("internal", (500, "500.001.1001", "Internal Server Error")),
        ("maintenance", (500, "500.002.1001", "Service is currently under maintenance. Please try again later")),
        (
            "product",
            (
                401,
                "401.003.01",
                "Error Occurred - Invalid Access Token - Invalid API call as no apiproduct match found",
            ),
        ),
        ("token", (404, "404.001.03", "Invalid Access Token")),
        ("spike", (500, "500.003.02", "Error Occurred: Spike Arrest Violation")),
    ],
)
def test_an_outage_with_words(sim: Sim, daraja: Daraja, name: str, expected: tuple[int, str, str]) -> None:
    sim.refuse("stk_push", name, times=2)
    assert [error(daraja.push(PAYS)) for _ in range(2)] == [expected] * 2
    assert daraja.push(PAYS).status_code == 200


def test_an_outage_without_words(sim: Sim, daraja: Daraja) -> None:
    sim.refuse("all", "closed")
    with pytest.raises(requests.ConnectionError):
        daraja.push(PAYS)
    sim.refuse("all", "silent")
    with pytest.raises(requests.ReadTimeout):
        daraja.http.post(f"{sim.url}/mpesa/stkpushquery/v1/query", json={}, timeout=0.2)
    sim.refuse("all", "empty")
    assert (daraja.push(PAYS).status_code, daraja.push(PAYS).content) == (500, b"")
    sim.refuse("all", "bad_gateway")
    assert daraja.query("ws_CO_1").status_code == 502
    sim.refuse("all", None)
    assert daraja.push(PAYS).status_code == 200
    assert len(sim.pushes()) == 1


def test_latency_is_a_switch(sim: Sim, daraja: Daraja) -> None:
    sim.switch(latency_s=0.3)
    assert daraja.push(PAYS).elapsed.total_seconds() > 0.29


def test_a_callback_is_delivered_once_by_default(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    sink.answers = [500]
    daraja.pushed(PAYS)
    sink.wait(1)
    sim.advance(60)
    assert [(call["status"], call["attempt"]) for call in sim.callbacks()] == [(500, 1)]


def test_retries_are_a_switch(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    sim.switch(callback_retries=3)
    sink.answers = [500, 404]
    daraja.pushed(PAYS)
    sink.wait(3)
    sim.advance(60)
    assert [(call["status"], call["attempt"]) for call in sim.callbacks()] == [(500, 1), (404, 2), (200, 3)]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:9/hooks", "Connect call failed"),
        ("https://shop.example/hooks", "only this machine is called"),
        ("https://127.0.0.1:9/hooks", "Connect call failed"),
    ],
)
def test_a_callback_that_cannot_be_delivered(sim: Sim, daraja: Daraja, url: str, said: str) -> None:
    made = daraja.pushed(PAYS, CallBackURL=url)
    sim.advance(1)
    (call,) = sim.callbacks()
    assert (call["status"], call["url"]) == (None, url)
    assert said in call["error"]
    assert daraja.query_code(made) == "0"


def test_an_answer_that_is_not_http(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    daraja.pushed(PAYS, CallBackURL=sink.url.replace("http:", "https:"))
    sim.advance(1)
    assert sim.callbacks()[0]["error"]


def test_reset_begins_anew(sim: Sim, daraja: Daraja) -> None:
    sim.fault(PHONE, "13")
    sim.refuse("oauth", "busy")
    sim.switch(expiry_code="1019")
    daraja.pushed(PHONE)
    daraja.pushed(PAYS)
    sim.advance(1)
    sim.reset()
    assert (sim.prompts(), sim.books(), sim.pushes(), sim.callbacks(), sim.sms(PAYS)) == ([], [], [], [], [])
    state = sim.get("faults")
    assert (state["phones"], state["outages"], state["switches"]["expiry_code"]["value"]) == ({}, {}, "1037")
    daraja.pushed(PHONE)


def test_sms_of_others_reach_the_handset(sim: Sim) -> None:
    sim.post("sms", phone="0712 345 678", text="Your session is tomorrow at 10:00.", sender="Malipo")
    assert sim.sms(PHONE) == ["Your session is tomorrow at 10:00."]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"phone": PHONE, "fault": "16"}),
        ("faults", {"phone": "12", "fault": "01"}),
        ("faults", {"fault": "01"}),
        ("faults", {"api": "b2c", "refuse": "busy"}),
        ("faults", {"api": "stk_push", "refuse": "nothing"}),
        ("faults", {"api": "stk_push", "refuse": "busy", "times": -1}),
        ("faults", {"switches": {"nothing": 1}}),
        ("faults", {"switches": {"expiry_code": "0"}}),
        ("faults", {"switches": {"magic_end_s": "1"}}),
        ("faults", {"switches": {"magic_end_s": -1}}),
        ("faults", {"switches": []}),
        ("faults", {"swiches": {}}),
        ("clock", {"advance_s": "1"}),
        ("clock", {"advance_s": -1}),
        ("clock", {"time_scale": 0}),
        ("sms", {"phone": PHONE}),
        ("sms", {"phone": "x", "text": "x"}),
        ("merchants", {"shortcode": "x"}),
        (f"phones/{PHONE}", {"balance": "much"}),
        ("phones/12", {"balance": 1}),
    ],
)
def test_what_is_asked_wrongly_is_said(sim: Sim, path: str, body: dict[str, object]) -> None:
    answer = requests.post(f"{sim.url}/_sim/{path}", json=body, timeout=60)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_control_wants_json(sim: Sim, body: bytes) -> None:
    assert requests.post(f"{sim.url}/_sim/clock", data=body, timeout=60).status_code == 400


def test_an_unknown_action(sim: Sim, daraja: Daraja) -> None:
    made = daraja.pushed(PHONE)
    assert requests.post(f"{sim.url}/_sim/prompts/{made}", json={"action": "pay"}, timeout=60).status_code == 400
    assert requests.get(f"{sim.url}/_sim/prompts?wait_s=x", timeout=60).status_code == 400


def test_other_sites_cannot_tap(sim: Sim, daraja: Daraja) -> None:
    made = daraja.pushed(PHONE)
    headers = {"Origin": "https://elsewhere.example"}
    url = f"{sim.url}/_sim/prompts/{made}"
    assert requests.post(url, json={"action": "approve"}, headers=headers, timeout=60).status_code == 403
    assert sim.books() == []
