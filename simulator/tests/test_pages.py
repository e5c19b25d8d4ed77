"""The handsets as plain pages: they work without JavaScript and keep nothing of a PIN."""

import re

import pytest
import requests

from simulator.testing import Sim
from simulator.tests.speaking import Daraja, Sink

PHONE = "254712345678"
PIN = "864297531086429753"  # so long that no port, id or time holds it by chance


def page(sim: Sim, path: str) -> str:
    answer = requests.get(sim.url + path, timeout=60)
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|\sstyle=|<style", answer.text)
    return answer.text


def test_a_prompt_is_answered_by_a_form(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    made = daraja.pushed(PHONE)
    assert "KES 1,000" in page(sim, "/?phone=0712345678")
    form = {"prompt": made, "action": "approve", "pin": "1234"}
    after = requests.post(f"{sim.url}/handset/{PHONE}/answer", data=form, timeout=60)
    assert after.url == f"{sim.url}/phone/{PHONE}"
    assert f"{sim.books()[0]['receipt']} Confirmed." in after.text
    assert "Ksh 99,000" in after.text
    assert sink.codes(1) == [0]


def test_cancel_is_a_form_of_its_own(sim: Sim, sink: Sink, daraja: Daraja) -> None:
    made = daraja.pushed(PHONE)
    form = {"prompt": made, "action": "cancel"}
    after = requests.post(f"{sim.url}/handset/{PHONE}/answer", data=form, timeout=60)
    assert "Request cancelled." in after.text
    assert sink.codes(1) == [1032]


def test_another_phone_cannot_answer(sim: Sim, daraja: Daraja) -> None:
    made = daraja.pushed(PHONE)
    form = {"prompt": made, "action": "approve", "pin": "1234"}
    requests.post(f"{sim.url}/handset/254722000111/answer", data=form, timeout=60)
    assert sim.books() == []


def test_a_second_answer_is_too_late(sim: Sim, daraja: Daraja) -> None:
    made = daraja.pushed(PHONE)
    for action in ("cancel", "approve"):
        form = {"prompt": made, "action": action, "pin": "1234"}
        assert requests.post(f"{sim.url}/handset/{PHONE}/answer", data=form, timeout=60).status_code == 200
    assert sim.books() == []


def test_a_typed_pin_is_kept_nowhere(sim: Sim, daraja: Daraja, caplog: pytest.LogCaptureFixture) -> None:
    made = daraja.pushed(PHONE)
    form = {"prompt": made, "action": "approve", "pin": PIN}
    with caplog.at_level("DEBUG"):
        after = requests.post(f"{sim.url}/handset/{PHONE}/answer", data=form, timeout=60)
    everything = "".join(
        [after.text, after.url, str(sim.pushes()), str(sim.callbacks()), str(sim.sms(PHONE)), caplog.text]
    )
    assert PIN not in everything


def test_numbers_are_added_and_wrong_ones_named(sim: Sim) -> None:
    added = requests.post(f"{sim.url}/phones", data={"phone": "0722 000-111"}, timeout=60)
    assert "0722 000 111" in added.text
    wrong = requests.post(f"{sim.url}/phones", data={"phone": "12"}, timeout=60)
    assert wrong.status_code == 400
    assert "Please enter a valid Kenyan phone number" in wrong.text
    assert requests.get(f"{sim.url}/phone/12", timeout=60).status_code == 400


def test_who_is_asked_comes_first(sim: Sim, daraja: Daraja) -> None:
    daraja.pushed("254722000111")
    requests.post(f"{sim.url}/phones", data={"phone": "0733000111"}, timeout=60)
    assert re.findall(r'data-phone="(\d+)"', page(sim, "/")) == ["254722000111", "254733000111", PHONE]


def test_magic_numbers_are_not_shown(sim: Sim, daraja: Daraja) -> None:
    daraja.pushed("254708374149")
    sim.advance(1)
    assert 'data-phone="254708374149"' not in page(sim, "/")
    assert requests.get(f"{sim.url}/handset/254708374149", timeout=60).status_code == 204


def test_the_balance_can_be_set(sim: Sim) -> None:
    requests.post(f"{sim.url}/handset/{PHONE}/balance", data={"balance": "2,500"}, timeout=60)
    assert sim.get(f"phones/{PHONE}")["balance"] == 2500
    requests.post(f"{sim.url}/handset/{PHONE}/balance", data={"balance": "much"}, timeout=60)
    assert sim.get(f"phones/{PHONE}")["balance"] == 2500


def test_what_a_shop_sends_is_shown_as_text(sim: Sim, daraja: Daraja) -> None:
    daraja.pushed(PHONE, AccountReference="<b>x</b>\ud800")
    assert "&lt;b&gt;x&lt;/b&gt;?" in page(sim, "/")


def test_changes_are_streamed(sim: Sim, daraja: Daraja) -> None:
    with requests.get(f"{sim.url}/events", stream=True, timeout=60) as stream:
        lines = stream.iter_lines(chunk_size=1)
        assert next(lines) == b"data: []"
        daraja.pushed(PHONE)
        assert f'data: ["{PHONE}"]'.encode() in (next(lines), next(lines))


@pytest.mark.parametrize("name", ["phones.css", "phones.js", "phone.svg"])
def test_its_files_are_served(sim: Sim, name: str) -> None:
    assert requests.get(f"{sim.url}/static/simulator/{name}", timeout=60).status_code == 200
