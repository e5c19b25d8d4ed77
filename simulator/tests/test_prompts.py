"""Taps, the PIN, the clock: how a prompt on an ordinary phone ends, and what everybody is told (daraja.md 4, 5)."""

import re

import pytest
import requests

from simulator import results
from simulator.testing import Sim
from simulator.tests.speaking import Daraja, Sink, error, items

PHONE = "254712345678"
WHO = "254722000111"


def test_an_approved_prompt(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    accepted = daraja.push(PHONE).json()
    prompt = sim.prompt(PHONE)
    assert prompt["text"] == "Do you want to pay Ksh1,000.00 to Smiling Steps account PX4K7Q2M? Enter M-PESA PIN"
    assert sim.approve(PHONE)["result_code"] == "0"

    (callback,) = sink.callbacks(1)
    (booked,) = sim.books()
    assert callback == {
        "MerchantRequestID": accepted["MerchantRequestID"],
        "CheckoutRequestID": accepted["CheckoutRequestID"],
        "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.",
        "CallbackMetadata": {
            "Item": [
                {"Name": "Amount", "Value": 1000.0},
                {"Name": "MpesaReceiptNumber", "Value": booked["receipt"]},
                {"Name": "Balance"},
                {"Name": "TransactionDate", "Value": booked["transaction_date"]},
                {"Name": "PhoneNumber", "Value": 254712345678},
            ]
        },
    }
    assert b'"Value": 1000.00}' in sink.bodies[0]
    assert re.fullmatch(r"U[A-L][1-9A-V][A-Z0-9]{7}|[V-Z][A-L][1-9A-V][A-Z0-9]{7}", booked["receipt"])
    assert (booked["amount"], booked["phone"], booked["shortcode"]) == (1000, PHONE, "174379")
    assert (booked["account_reference"], booked["type"]) == ("PX4K7Q2M", "CustomerPayBillOnline")
    assert sim.prompts() == []


def test_the_sms_that_follows(sim: Sim, daraja: Daraja) -> None:
    daraja.pushed(PHONE)
    sim.approve(PHONE, pin="0000")
    (text,) = sim.sms(PHONE)
    assert text.startswith(
        f"{sim.books()[0]['receipt']} Confirmed. Ksh1,000.00 paid to Smiling Steps for account PX4K7Q2M on "
    )
    assert text.endswith("New M-PESA balance is Ksh99,000.00. Transaction cost, Ksh0.00.")


@pytest.mark.parametrize(
    ("tap", "code", "sms"),
    [
        (lambda sim: sim.cancel(PHONE), 1032, ""),
        (lambda sim: sim.approve(PHONE, pin="9999"), 2001, "wrong PIN"),
        (lambda sim: sim.approve(PHONE, pin=""), 2001, "wrong PIN"),
        (lambda sim: (sim.set_balance(PHONE, 999), sim.approve(PHONE)), 1, "not have enough money"),
        (lambda sim: sim.advance(60), 1037, ""),
        (lambda sim: (sim.ignore(PHONE), sim.advance(60)), 1037, ""),
    ],
)
def test_a_prompt_that_brings_no_money(sim: Sim, sink: Sink, daraja: Daraja, tap, code: int, sms: str) -> None:
    made = daraja.pushed(PHONE)
    tap(sim)
    (callback,) = sink.callbacks(1)
    assert (callback["ResultCode"], callback["ResultDesc"]) == (code, results.text(str(code)))
    assert "CallbackMetadata" not in callback
    assert daraja.query_code(made) == str(code)
    assert sim.books() == []
    assert sms in "".join(sim.sms(PHONE))


def test_the_exact_amount_suffices(sim: Sim, daraja: Daraja) -> None:
    sim.set_balance(PHONE, 1000)
    daraja.pushed(PHONE)
    assert sim.approve(PHONE)["result_code"] == "0"
    assert sim.get(f"phones/{PHONE}")["balance"] == 0


def test_a_closed_prompt_cannot_be_tapped(sim: Sim, daraja: Daraja) -> None:
    made = daraja.pushed(PHONE)
    sim.cancel(PHONE)
    tap = {"action": "approve", "pin": "1234"}
    assert requests.post(f"{sim.url}/_sim/prompts/{made}", json=tap, timeout=60).status_code == 409
    assert requests.post(f"{sim.url}/_sim/prompts/ws_CO_1", json=tap, timeout=60).status_code == 404
    assert sim.books() == []


def test_an_ignored_prompt_stays_open_until_it_runs_out(sim: Sim, daraja: Daraja) -> None:
    made = daraja.pushed(PHONE)
    sim.ignore(PHONE)
    assert [prompt["ignored"] for prompt in sim.prompts()] == [True]
    tap = {"action": "approve", "pin": "1234"}
    assert requests.post(f"{sim.url}/_sim/prompts/{made}", json=tap, timeout=60).status_code == 409
    assert daraja.query_code(made) == "4999"


def test_how_a_prompt_runs_out_is_a_switch(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    sim.switch(expiry_code="1032", result_code_type="string", result_desc_prefix="[STK_CB - ]")
    daraja.pushed(PHONE)
    sim.advance(60)
    (callback,) = sink.callbacks(1)
    assert (callback["ResultCode"], callback["ResultDesc"]) == ("1032", "[STK_CB - ]Request cancelled by user")


def test_shapes_of_the_success_callback_are_switches(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    sim.switch(balance_item="absent", masked_phone=True, callback_delay_s=2)
    daraja.pushed(PHONE)
    sim.approve(PHONE)
    assert sink.bodies == []
    sim.advance(2)
    (callback,) = sink.callbacks(1)
    assert list(items(callback)) == ["Amount", "MpesaReceiptNumber", "TransactionDate", "PhoneNumber"]
    assert items(callback)["PhoneNumber"] == "2547****678"


def test_the_sandbox_can_kill_other_numbers(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    sim.switch(handsets="e3008")
    daraja.pushed(PHONE)
    assert sink.codes(1) == ["E3008"]


class TestQuery:
    def test_a_final_answer_has_no_receipt(self, sim: Sim, daraja: Daraja) -> None:
        accepted = daraja.push(PHONE).json()
        sim.approve(PHONE)
        answer = daraja.query(accepted["CheckoutRequestID"])
        assert answer.status_code == 200
        assert answer.json() == {
            "ResponseCode": "0",
            "ResponseDescription": "The service request has been accepted successsfully",
            "MerchantRequestID": accepted["MerchantRequestID"],
            "CheckoutRequestID": accepted["CheckoutRequestID"],
            "ResultCode": "0",
            "ResultDesc": "The service request is processed successfully.",
        }

    def test_both_forms_of_pending(self, sim: Sim, daraja: Daraja) -> None:
        made = daraja.pushed(PHONE)
        answer = daraja.query(made)
        assert (answer.status_code, answer.json()["ResultCode"]) == (200, "4999")
        assert answer.json()["ResultDesc"] == "The transaction is still under processing"
        sim.switch(pending_form="500")
        assert error(daraja.query(made)) == (500, "500.001.1001", "The transaction is being processed")

    def test_both_forms_of_unknown(self, sim: Sim, daraja: Daraja) -> None:
        assert error(daraja.query("ws_CO_1")) == (500, "500.001.1001", "The transaction does not Exist")
        sim.switch(unknown_form="400")
        assert error(daraja.query("ws_CO_1")) == (400, "400.002.02", "Bad Request - Invalid CheckoutRequestID")

    def test_too_early_can_look_like_unknown(self, sim: Sim, daraja: Daraja) -> None:
        sim.switch(unknown_for_s=100)
        made = daraja.pushed(PHONE)
        assert error(daraja.query(made)) == (500, "500.001.1001", "The transaction does not Exist")
        sim.advance(100)
        assert daraja.query_code(made) == "1037"

    @pytest.mark.parametrize("name", ["BusinessShortCode", "Password", "Timestamp", "CheckoutRequestID"])
    def test_a_wrong_field_is_named(self, daraja: Daraja, name: str) -> None:
        assert error(daraja.query("ws_CO_1", **{name: ""})) == (400, "400.002.02", f"Bad Request - Invalid {name}")

    def test_a_wrong_password(self, daraja: Daraja) -> None:
        answer = error(daraja.query("ws_CO_1", Password="eA=="))
        assert answer == (500, "500.001.1001", "[MerchantValidate] - Wrong credentials")


class TestSpacing:
    LOCKED = (
        500,
        "500.001.1001",
        "Unable to lock subscriber, a transaction is already in process for the current subscriber",
    )

    def test_an_open_prompt_locks_the_subscriber(self, sim: Sim, daraja: Daraja) -> None:
        sim.switch(spacing_s=0)
        daraja.pushed(PHONE)
        assert error(daraja.push(PHONE, Amount=5)) == self.LOCKED
        daraja.pushed(WHO)
        sim.cancel(PHONE)
        daraja.pushed(PHONE, Amount=5)

    def test_a_minute_between_pushes(self, sim: Sim, daraja: Daraja) -> None:
        sim.post("clock", time_scale=1)
        daraja.pushed(PHONE)
        sim.approve(PHONE)
        sim.advance(58)
        assert error(daraja.push(PHONE, Amount=5)) == self.LOCKED
        sim.advance(2)
        daraja.pushed(PHONE, Amount=5)

    def test_the_same_amount_within_two_minutes(self, sim: Sim, sink: Sink, daraja: Daraja) -> None:
        sim.post("clock", time_scale=1)
        daraja.pushed(PHONE)
        sim.approve(PHONE)
        sim.advance(61)
        second = daraja.pushed(PHONE)
        sim.advance(1)
        assert sink.codes(2) == [0, 17]
        assert daraja.query_code(second) == "17"
        assert len(sim.books()) == 1
        sim.advance(120)
        daraja.pushed(PHONE)
        sim.approve(PHONE)
        assert len(sim.books()) == 2

    def test_the_rule_of_17_can_look_back_at_money_only(self, sim: Sim, daraja: Daraja) -> None:
        sim.post("clock", time_scale=1)
        sim.switch(same_amount_counts="paid")
        daraja.pushed(PHONE)
        sim.cancel(PHONE)
        sim.advance(61)
        daraja.pushed(PHONE)
        sim.approve(PHONE)

    @pytest.mark.parametrize("number", ["254708374149", "254180000123", "254190200001"])
    def test_magic_numbers_know_no_spacing(self, sim: Sim, daraja: Daraja, number: str) -> None:
        for _ in range(3):
            daraja.pushed(number)
        sim.advance(1)
        assert [booked["amount"] for booked in sim.books()] == [1000] * 3
        assert len({push["checkout_request_id"] for push in sim.pushes()}) == 3
