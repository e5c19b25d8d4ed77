"""The form that pays, in a real browser: it takes what the server takes, and never sticks."""

import random
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from lib import money, phone
from lib.errors import Refusal
from lib.tests.spellings import AMOUNTS_REFUSED, AMOUNTS_TAKEN, LEAST, MOST, PHONES_REFUSED, PHONES_TAKEN
from tests.journeys.test_deposit import deposit, headline
from tests.stack import Person, Stack

pytestmark = pytest.mark.browser
SignedIn = Callable[..., tuple[Person, Page]]
# Each text is pasted into the field and left: what then stands there, and whether the page complains.
PASTE = """([selector, texts]) => {
    const input = document.querySelector(selector);
    return texts.map((text) => {
        input.value = text;
        input.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertFromPaste" }));
        input.dispatchEvent(new FocusEvent("blur"));
        return [input.value, !input.closest(".field").querySelector(".field__error")];
    });
}"""
PHONE_PIECES = ["0", "7", "13", "000", "001", "0713", "254", "+", "+254", "00", "tel:", "(", ")", ".", "-", " ", "\u2013", "\u202a", "\u202c", "\ufeff", "x", ","]  # fmt: skip
AMOUNT_PIECES = ["1", "0", "00", "000", "150", ",", " ", ".", "KES", "Ksh.", "kes ", "/=", "/-", "-", "\u00a0", "\u202f", "\u200b", "e", "+"]  # fmt: skip


def taken(read: Callable[[], object]) -> bool:
    try:
        read()
    except Refusal:
        return False
    return True


def shillings(text: str) -> int:
    return money.parse(text, minimum=LEAST, maximum=MOST) // money.CENTS


def pasted(page: Page, selector: str, texts: list[str]) -> list[tuple[str, bool]]:
    return [(value, fine) for value, fine in page.evaluate(PASTE, [selector, texts])]


def made_up(pieces: list[str], longest: int) -> list[str]:
    """The same ones every time."""
    dice = random.Random(7)
    made = ("".join(dice.choices(pieces, k=dice.randint(1, 9))) for _ in range(3000))
    return [text for text in made if text.strip() and len(text) <= longest]


@pytest.fixture
def form(product: Stack, signed_in: SignedIn) -> Page:
    _, page = signed_in("speller")
    page.goto(f"{product.site}/deposit/")
    expect(page.locator("[data-fill]").first).to_be_visible()  # pay.js has run
    return page


@pytest.mark.requirement("STK-1", "DEP-1")
def test_the_page_takes_the_numbers_that_the_server_takes(form: Page) -> None:
    texts = [*PHONES_TAKEN, *PHONES_REFUSED, *made_up(PHONE_PIECES, 32)]
    found = pasted(form, "[data-phone]", texts)
    assert [fine for _, fine in found[: len(PHONES_TAKEN)]] == [True] * len(PHONES_TAKEN)
    differ = [(value, fine) for value, fine in found if fine != taken(lambda value=value: phone.normalise(value))]
    assert differ == []
    assert sum(fine for _, fine in found) > len(PHONES_TAKEN)


@pytest.mark.requirement("STK-2", "DEP-1")
def test_the_page_takes_the_amounts_that_the_server_takes(form: Page) -> None:
    texts = [*AMOUNTS_TAKEN, *AMOUNTS_REFUSED, "1,50", "10,00", "1,0000", *made_up(AMOUNT_PIECES, 20)]
    found = pasted(form, "[data-amount]", texts)
    assert [shillings(value) for value, _ in found[: len(AMOUNTS_TAKEN)]] == list(AMOUNTS_TAKEN.values())
    judged = [
        (text, value, fine, taken(lambda text=text: shillings(text)), taken(lambda value=value: shillings(value)))
        for text, (value, fine) in zip(texts, found, strict=True)
    ]
    assert [one for one in judged if not one[2] == one[3] == one[4]] == []
    assert sum(fine for _, fine in found) > len(AMOUNTS_TAKEN)


@pytest.mark.requirement("STK-2")
def test_cents_are_said_to_be_cents(form: Page) -> None:
    form.get_by_label("Amount").fill("1000.50")
    form.get_by_label("Amount").blur()
    expect(form.get_by_text("Amount must be a whole number of shillings, without cents")).to_be_visible()


def filled_in(page: Page, site: str, number: str) -> None:
    page.goto(f"{site}/deposit/")
    page.get_by_label("M-Pesa number").fill(number)
    page.get_by_label("Amount").fill("410")


BUSY = ["Sending…", "true", ""]
FREE = ["Pay with M-Pesa", None, "No answer came back. You can press again: it stays one payment."]
# In one go and by the page itself: while a page is being left, the driver's own presses and looks wait for the next.
SEND = """async () => {
    const button = document.querySelector("button[data-busy]");
    const standing = () => [button.textContent, button.getAttribute("aria-disabled"),
        document.querySelector("[data-unanswered]").textContent];
    button.click();
    const before = standing();
    %s;
    return [before, standing()];
}"""
HOLD_TIMERS = """() => {
    const real = window.setTimeout;
    window.setTimeout = (what, ms, ...more) => {
        if (what.name === "free") window.timer = { what, ms };
        return real(what, ms, ...more);
    };
}"""


def sent_into_nothing(page: Page, then: str) -> list[object]:
    """How the button stands when nothing comes back to what was sent, and after `then`."""
    page.route("**/deposit/", lambda route: None, times=1)
    found: list[object] = page.evaluate(SEND % then)
    return found


@pytest.mark.requirement("STK-6", "DEP-1")
@pytest.mark.parametrize(
    "then",
    [
        "document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }))",
        "window.dispatchEvent(new Event('online'))",
        "window.dispatchEvent(new PageTransitionEvent('pageshow'))",
        "if (window.timer.ms === 20000) window.timer.what()",
    ],
    ids=["escape", "online", "shown", "20 seconds"],
)
def test_what_ends_the_sending_frees_the_button(product: Stack, signed_in: SignedIn, then: str) -> None:
    _, page = signed_in("stopper")
    filled_in(page, product.site, "0720 100 007")
    page.evaluate(HOLD_TIMERS)
    assert sent_into_nothing(page, then) == [BUSY, FREE]


@pytest.mark.requirement("STK-6", "DEP-1")
def test_back_after_it_was_paid_says_so_and_does_not_pay_again(product: Stack, signed_in: SignedIn) -> None:
    _, page = signed_in("returner")
    deposit(page, product.site, "0708 374 149", "420")
    headline(page, "Paid")
    paid = page.url
    page.go_back()
    for _ in ("back", "reloaded"):
        expect(page.get_by_text("You paid KES 420 a moment ago.")).to_be_visible()
        expect(page.get_by_label("Amount")).to_have_value("")
        page.get_by_role("button", name="Pay with M-Pesa").click()
        expect(page.get_by_text("Amount must be between")).to_be_visible()
        page.reload()
    page.get_by_role("link", name="See the payment").click()
    page.wait_for_url(paid)
    headline(page, "Paid")
