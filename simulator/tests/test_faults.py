"""The fifteen faults: what the shop is told, by callback and by query, against what truly moved."""

import json
import threading

import pytest
import requests

from simulator.testing import Sim
from simulator.tests.speaking import Daraja, Sink, error, items


def number(fault: str, n: int = 1) -> str:
    return f"25419{fault}{n:05}"


def receipts(sim: Sim) -> list[str]:
    return [booked["receipt"] for booked in sim.books()]


def told(sink: Sink, count: int) -> list[str]:
    return [items(callback)["MpesaReceiptNumber"] for callback in sink.callbacks(count)]


def test_01_callback_lost(sim: Sim, daraja: Daraja) -> None:
    made = daraja.pushed(number("01"))
    sim.advance(1)
    assert sim.callbacks() == []
    assert len(receipts(sim)) == 1
    assert daraja.query_code(made) == "0"


def test_02_callback_three_times(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    daraja.pushed(number("02"))
    bodies = sink.wait(3)
    assert len(set(bodies)) == 1
    assert told(sink, 3) == receipts(sim) * 3


def test_03_callback_after_the_prompt_has_expired(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    sim.post("clock", time_scale=1)
    made = daraja.pushed(number("03"))
    sim.advance(125)
    assert (sim.callbacks(), daraja.query_code(made), len(receipts(sim))) == ([], "4999", 1)
    sim.advance(5)
    assert told(sink, 1) == receipts(sim)
    assert daraja.query_code(made) == "0"


def test_04_callback_before_the_answer(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    sink.held.clear()
    answers: list[requests.Response] = []
    push = threading.Thread(target=lambda: answers.append(daraja.push(number("04"))))
    push.start()
    (callback,) = sink.callbacks(1)
    assert answers == []
    sink.held.set()
    push.join()
    assert answers[0].json()["CheckoutRequestID"] == callback["CheckoutRequestID"]
    assert told(sink, 1) == receipts(sim)


def test_05_another_amount(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    daraja.pushed(number("05"), Amount=700)
    (callback,) = sink.callbacks(1)
    assert items(callback)["Amount"] == 701
    assert [booked["amount"] for booked in sim.books()] == [701]


def test_06_the_answer_is_lost(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    with pytest.raises(requests.ConnectionError, match="without response"):
        daraja.push(number("06"))
    assert told(sink, 1) == receipts(sim)
    assert daraja.push("254708374149").status_code == 200


def test_07_the_query_says_failed_the_callback_paid(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    sim.post("clock", time_scale=1)
    made = daraja.pushed(number("07"))
    assert daraja.query_code(made) == "1032"
    sim.advance(1)
    assert (sim.callbacks(), daraja.query_code(made), len(receipts(sim))) == ([], "1032", 1)
    sim.advance(40)
    assert told(sink, 1) == receipts(sim)
    assert daraja.query_code(made) == "1032"


def test_08_spike_arrest(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    refused = (500, "500.003.02", "Error Occurred: Spike Arrest Violation")
    assert [error(daraja.push(number("08"))) for _ in range(2)] == [refused] * 2
    daraja.pushed(number("08"))
    assert told(sink, 1) == receipts(sim)
    sim.switch(refusals=3, spike_status=429, spike_envelope="apigee")
    answer = daraja.push(number("08", 2))
    assert answer.status_code == 429
    assert answer.json()["fault"]["detail"] == {"errorcode": "policies.ratelimit.SpikeArrestViolation"}


def test_09_token_invalid_once(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    invalid = (404, "404.001.03", "Invalid Access Token")
    assert error(daraja.push(number("09"))) == invalid
    assert error(daraja.push(number("09"))) == invalid, "the refused token stays refused for this number"
    assert daraja.push("254708374149").status_code == 200, "and is good for others"
    daraja.renew()
    made = daraja.pushed(number("09"))
    sim.advance(1)
    assert made in [callback["CheckoutRequestID"] for callback in sink.callbacks(2)]


def test_10_html_403(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    for _ in range(2):
        answer = daraja.push(number("10"))
        assert answer.status_code == 403
        assert answer.headers["content-type"].startswith("text/html")
        assert "Incapsula incident ID" in answer.text
    daraja.pushed(number("10"))
    assert told(sink, 1) == receipts(sim)


def test_11_a_malformed_callback_first(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    daraja.pushed(number("11"))
    first, second = sink.wait(2)
    assert first == second[: len(first)]
    assert len(first) < len(second)
    sink.bodies.remove(first)
    assert told(sink, 1) == receipts(sim)


def test_12_an_alphanumeric_code(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    made = daraja.pushed(number("12"))
    (callback,) = sink.callbacks(1)
    assert (callback["ResultCode"], callback["ResultDesc"]) == ("SFC_IC0003", "The operator does not exist.")
    assert daraja.query_code(made) == "SFC_IC0003"
    assert receipts(sim) == []


def test_13_two_receipts(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    made = daraja.pushed(number("13"))
    assert told(sink, 2) == receipts(sim)
    assert len(set(receipts(sim))) == 2
    assert [booked["checkout_request_id"] for booked in sim.books()] == [made, made]


def test_14_failure_then_success(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    made = daraja.pushed(number("14"))
    failure, success = sink.callbacks(2)
    assert (failure["ResultCode"], success["ResultCode"]) == (1032, 0)
    assert "CallbackMetadata" not in failure
    assert [items(success)["MpesaReceiptNumber"]] == receipts(sim)
    assert daraja.query_code(made) == "0"


def test_15_silence(sim: Sim, daraja: Daraja) -> None:
    made = daraja.pushed(number("15"))
    sim.advance(100_000)
    assert (sim.callbacks(), receipts(sim)) == ([], [])
    daraja.renew()
    assert daraja.query_code(made) == "4999"


class TestOnAnOrdinaryPhone:
    PHONE = "254712345678"

    def test_the_fault_follows_the_tap(self, sim: Sim, sink: Sink, daraja: Daraja) -> None:
        sim.fault(self.PHONE, "13")
        daraja.pushed(self.PHONE)
        assert sim.books() == []
        sim.approve(self.PHONE)
        assert told(sink, 2) == receipts(sim)
        assert sim.get(f"phones/{self.PHONE}")["balance"] == 98_000

    @pytest.mark.parametrize("fault", ["05", "07", "13", "14"])
    def test_a_cancel_is_still_a_cancel(self, sim: Sim, daraja: Daraja, fault: str) -> None:
        sim.fault(self.PHONE, fault)
        daraja.pushed(self.PHONE)
        sim.cancel(self.PHONE)
        sim.advance(40)
        told = [json.loads(call["body"])["Body"]["stkCallback"]["ResultCode"] for call in sim.callbacks()]
        assert told == [1032]  # not only somewhere: ids hold the day and the second
        assert sim.books() == []

    def test_a_lost_answer_still_prompts(self, sim: Sim, sink: Sink, daraja: Daraja) -> None:
        sim.fault(self.PHONE, "06")
        with pytest.raises(requests.ConnectionError):
            daraja.push(self.PHONE)
        sim.approve(self.PHONE)
        assert told(sink, 1) == receipts(sim)

    def test_silence_takes_the_tap_and_no_money(self, sim: Sim, daraja: Daraja) -> None:
        sim.fault(self.PHONE, "15")
        made = daraja.pushed(self.PHONE)
        sim.approve(self.PHONE)
        assert (sim.books(), daraja.query_code(made)) == ([], "4999")

    def test_a_fault_can_be_taken_back(self, sim: Sim, sink: Sink, daraja: Daraja) -> None:
        sim.fault("254708374149", "01")
        sim.fault("254708374149", None)
        daraja.pushed("254708374149")
        assert sink.codes(1) == [0]
