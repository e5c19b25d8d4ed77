"""Numbers that end by themselves, one second after acceptance."""

import re
from pathlib import Path

import pytest

from lib.phone import normalise
from simulator.numbers import script
from simulator.testing import Sim
from simulator.tests.speaking import Daraja, Sink, items


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("254708374149", 0),
        ("254700000000", 1032),
        ("254711111111", 1),
        ("254180000123", 0),
        ("254182001000", 2001),
        ("254181037000", 1037),
        ("254180001999", 1),
        ("254180017001", 17),
        ("254184999000", 4999),
        ("254180777000", 777),
    ],
)
def test_a_magic_number(sim: Sim, sink: Sink, daraja: Daraja, number: str, code: int) -> None:
    made = daraja.pushed(number)
    assert sim.prompts() == []
    (callback,) = sink.callbacks(1)
    assert (callback["CheckoutRequestID"], callback["ResultCode"]) == (made, code)
    assert daraja.query_code(made) == str(code)
    assert [booked["phone"] for booked in sim.books()] == ([number] if code == 0 else [])


@pytest.mark.parametrize("number", ["254712345678", "254190012345", "254191612345", "254170000123", "254718000012"])
def test_any_other_number_waits_for_a_tap(sim: Sim, daraja: Daraja, number: str) -> None:
    made = daraja.pushed(number)
    assert sim.prompt(number)["checkout_request_id"] == made
    sim.advance(1)
    assert daraja.query_code(made) == "4999"


def test_the_numbers_that_the_readme_names_can_be_typed_in_and_end_by_themselves() -> None:
    table = Path("README.md").read_text().partition("Numbers that end by themselves")[2].partition("any other")[0]
    named = re.findall(r"`(0[0-9 ]{8,})`", table)
    assert len(named) == 7
    assert all(script(normalise(number), assigned={}).magic for number in named)


def test_a_magic_number_pays_more_than_a_handset_holds(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    for _ in range(2):
        daraja.pushed("254708374149", Amount=250000)
    assert [items(callback)["Amount"] for callback in sink.callbacks(2)] == [250000, 250000]


def test_they_end_after_a_second_and_not_before(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    sim.post("clock", time_scale=1000)
    sim.switch(magic_end_s=1.0)
    daraja.pushed("254708374149")
    sim.advance(990)
    assert sim.callbacks() == []
    sim.advance(10)
    assert sink.codes(1) == [0]


def test_a_thousand_at_once(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    """Ended in the order of acceptance, each once; the books agree with what was told."""
    sim.post("clock", time_scale=1000)
    sim.switch(magic_end_s=1.0)
    made = [daraja.pushed(f"25418{code}{n:03}") for n in range(500) for code in ("0000", "1032")]
    sim.advance(1000)
    callbacks = sink.callbacks(1000)
    assert {callback["CheckoutRequestID"] for callback in callbacks} == set(made)
    told = {items(each)["MpesaReceiptNumber"] for each in callbacks if each["ResultCode"] == 0}
    assert told == {booked["receipt"] for booked in sim.books()}
    assert [booked["checkout_request_id"] for booked in sim.books()] == made[::2]
