"""The handsets in a real browser: prompts arrive by themselves, the PIN pad works, nothing needs a reload."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from dev import browser
from simulator.testing import Sim
from simulator.tests.speaking import Daraja, Sink

PHONE = "254712345678"
expect.set_options(timeout=60_000)  # a busy machine is no fault


@pytest.fixture
def page(sim: Sim) -> Iterator[Page]:
    """At the width of a small phone; a test fails on any error in the console (the CSP's too)."""
    errors: list[str] = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.executable(), args=browser.ARGUMENTS)
        page = chromium.new_page(viewport={"width": 360, "height": 740})
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(sim.url)
        yield page
        chromium.close()
    assert errors == []


@pytest.mark.browser
def test_a_prompt_arrives_and_is_paid(sim: Sim, sink: Sink, daraja: Daraja, page: Page) -> None:
    sim.post("clock", time_scale=1)
    other = "254722000111"
    daraja.pushed(other)
    handset = page.locator(f"#p{other}")
    expect(handset.get_by_text("Do you want to pay KES 1,000 to Smiling Steps, account PX4K7Q2M?")).to_be_visible()
    assert page.title().startswith("(1)")
    for key in ("9", "Delete the last digit", "1", "2", "3", "4"):
        handset.get_by_role("button", name=key, exact=True).click()
    handset.get_by_role("button", name="Send").click()
    expect(handset.get_by_role("listitem")).to_contain_text(
        f"{sink.callbacks(1) and sim.books()[0]['receipt']} Confirmed."
    )
    expect(handset.locator("summary")).to_contain_text("Ksh 99,000")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0


@pytest.mark.browser
def test_the_keyboard_pays_and_an_sms_leaves_a_half_typed_pin_alone(
    sim: Sim, sink: Sink, daraja: Daraja, page: Page
) -> None:
    sim.post("clock", time_scale=1)
    daraja.pushed(PHONE)
    pin = page.get_by_label("Enter M-PESA PIN")
    pin.press_sequentially("12")
    sim.post("sms", phone=PHONE, text="Hello from the shop")
    expect(page.get_by_role("listitem")).to_contain_text("Hello from the shop")
    pin.press_sequentially("34")
    pin.press("Enter")
    assert sink.codes(1) == [0]


@pytest.mark.browser
def test_cancel(sim: Sim, sink: Sink, daraja: Daraja, page: Page) -> None:
    sim.post("clock", time_scale=1)
    daraja.pushed(PHONE)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Request cancelled.")).to_be_visible()
    assert sink.codes(1) == [1032]
