"""Journeys of somebody who deposits, in a real browser, against the real product."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.looks import faults
from tests.stack import Person, Stack, until

pytestmark = pytest.mark.browser
SignedIn = Callable[..., tuple[Person, Page]]


def deposit(page: Page, site: str, phone: str, amount: str = "1000") -> None:
    page.goto(f"{site}/deposit/")
    page.get_by_label("M-Pesa number").fill(phone)
    page.get_by_label("Amount").fill(amount)
    page.get_by_role("button", name="Pay with M-Pesa").click()
    page.wait_for_url("**/payments/**")


def headline(page: Page, words: str) -> None:
    expect(page.locator(".answer__title")).to_have_text(words)


def receipts(product: Stack, phone: str) -> list[str]:
    """Of the money that M-Pesa took from this phone."""
    return [booked["receipt"] for booked in product.sim.books() if booked["phone"] == phone]


def tap_pin(page: Page, phones: str, number: str, pin: str = "1234") -> None:
    page.goto(f"{phones}/phone/{number}")
    for digit in pin:
        page.get_by_role("button", name=digit, exact=True).click()
    page.get_by_role("button", name="Send").click()


@pytest.mark.requirement("DEP-1", "RT-1", "STK-3", "P10", "P11", "P16", "P17", "P24", "P52", "P78")
def test_sign_up_deposit_tap_and_see_the_balance_change(product: Stack, phones: str, open_page) -> None:
    page = open_page()
    page.goto(f"{product.site}/sign-up/")
    page.get_by_label("Your name").fill("Wanjiku")
    page.get_by_label("E-mail address").fill("wanjiku@malipo.test")
    page.get_by_label("Password").fill("a-long-enough-password-7")
    page.get_by_label("I agree").check()
    page.locator("main form button").first.click()
    page.wait_for_url(f"{product.site}/")
    expect(page.get_by_text("TEST MODE").first).to_be_visible()
    watching = open_page(share=page)
    watching.goto(f"{product.site}/wallet/")
    expect(watching.locator(".balance__amount")).to_have_text("KES 0")
    deposit(page, product.site, "0720 100 001")
    headline(page, "Check your phone")
    expect(page.locator(".countdown__time")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_be_visible()
    tap_pin(open_page(), phones, "0720100001")
    headline(page, "Paid")
    expect(page.get_by_text("KES 1,000 is in your wallet.")).to_be_visible()
    receipt = page.locator(".receipt__number").text_content()
    assert [receipt] == receipts(product, "254720100001")
    expect(watching.locator(".balance__amount")).to_have_text("KES 1,000")
    expect(watching.locator(".receipt__number")).to_have_text(receipt)


@pytest.mark.requirement("P27", "P29", "CB-4", "STK-10")
def test_cancel_and_try_again(product: Stack, phones: str, signed_in: SignedIn, open_page) -> None:
    product.sim.switch(spacing_s=0, same_amount_counts="paid")  # M-Pesa's waits are another test's
    _, page = signed_in("canceller")
    deposit(page, product.site, "0720 100 002", "250")
    handset = open_page()
    handset.goto(f"{phones}/phone/0720100002")
    handset.get_by_role("button", name="Cancel").click()
    headline(page, "Payment Cancelled")
    first = page.url
    page.get_by_role("button", name="Try again").click()
    page.wait_for_url(lambda url: url != first and "/payments/" in url)
    headline(page, "Check your phone")
    tap_pin(handset, phones, "0720100002")
    headline(page, "Paid")


@pytest.mark.requirement("STK-10")
def test_wrong_pin_says_what_to_do(product: Stack, phones: str, signed_in: SignedIn, open_page) -> None:
    _, page = signed_in("forgetful")
    deposit(page, product.site, "0720 100 003")
    tap_pin(open_page(), phones, "0720100003", "9999")
    headline(page, "Not paid")
    expect(page.get_by_text("PIN").first).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


@pytest.mark.requirement("REC-3", "P15", "P18", "RT-1")
def test_without_a_socket_the_page_asks_every_three_seconds(
    product: Stack, phones: str, signed_in: SignedIn, open_page
) -> None:
    _, page = signed_in("socketless")
    page.route_web_socket("**/ws/**", lambda socket: socket.close())
    deposit(page, product.site, "0720 100 004")
    headline(page, "Check your phone")
    began = [_asking(page) for _ in range(3)]
    assert began[2] - began[0] > 2900, began  # two periods, or one and the end of the countdown
    tap_pin(open_page(), phones, "0720100004")
    headline(page, "Paid")


def _asking(page: Page) -> float:
    """The next time that the page asks, by the browser's own clock, in ms."""
    with page.expect_request_finished(lambda request: request.url.endswith("/status")) as asked:
        pass
    return float(asked.value.timing["startTime"])


@pytest.mark.requirement("DEP-1", "DEP-2")
def test_without_javascript_everything_works(product: Stack, phones: str, signed_in: SignedIn, open_page) -> None:
    _, page = signed_in("scriptless", java_script_enabled=False)
    page.goto(f"{product.site}/deposit/")
    page.get_by_label("M-Pesa number").fill("0812 000 000")
    page.get_by_label("Amount").fill("5")
    page.get_by_role("button", name="Pay with M-Pesa").click()
    expect(page.get_by_text("Please enter a valid Kenyan phone number")).to_be_visible()
    expect(page.get_by_text("Amount must be between KES 10 and KES 150,000")).to_be_visible()
    deposit(page, product.site, "254708374149", "300")
    headline(page, "Paid")  # the page reloads itself by its meta element
    page.goto(f"{product.site}/history/?status=COMPLETED")
    expect(page.get_by_text("KES 300").first).to_be_visible()
    page.get_by_role("link", name="Deposit to your wallet").first.click()
    headline(page, "Paid")


@pytest.mark.requirement("STK-6")
def test_two_tabs_and_a_double_click_make_one_prompt(
    product: Stack, phones: str, signed_in: SignedIn, open_page
) -> None:
    _, first = signed_in("impatient")
    second = open_page(share=first)
    for page in (first, second):
        page.goto(f"{product.site}/deposit/")
        page.get_by_label("M-Pesa number").fill("0720 100 005")
        page.get_by_label("Amount").fill("700")
    first.get_by_role("button", name="Pay with M-Pesa").dblclick(no_wait_after=True)
    second.get_by_role("button", name="Pay with M-Pesa").dblclick(no_wait_after=True)
    for page in (first, second):
        page.wait_for_url("**/payments/**")
        headline(page, "Check your phone")
    assert first.url == second.url
    pushed = [push for push in product.sim.pushes() if push["phone"] == "254720100005"]
    assert len(pushed) == 1


@pytest.mark.requirement("SEC-1")
def test_a_log_in_that_ended_leads_back(product: Stack, signed_in: SignedIn) -> None:
    _, page = signed_in("away")
    page.goto(f"{product.site}/deposit/")
    page.goto("about:blank")  # an open page would notice by itself, and lead to its own way back
    page.context.clear_cookies()
    page.goto(f"{product.site}/history/")
    page.wait_for_url("**/log-in/?next=/history/")


@pytest.mark.requirement("DEP-2")
def test_history_opens_its_details_in_a_dialog(product: Stack, signed_in: SignedIn) -> None:
    person, page = signed_in("historian")
    transaction_id = product.deposit(person, "254700000000", 120).json()["transactionId"]
    until(lambda: product.status(person, transaction_id)["status"] == "CANCELLED", what="the cancellation")
    page.goto(f"{product.site}/history/")
    page.get_by_role("link", name="Deposit to your wallet").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_role("dialog").get_by_text("KES 120").first).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_be_hidden()


PAGES = ["/", "/deposit/", "/wallet/", "/history/", "/profile/", "/payments/{id}/"]


@pytest.mark.requirement("RT-2")
def test_pages_are_light_fit_a_phone_and_axe_finds_nothing(product: Stack, signed_in: SignedIn) -> None:
    person, page = signed_in("auditor", bypass_csp=True)
    transaction_id = product.deposit(person, "254708374149", 10).json()["transactionId"]
    until(lambda: product.status(person, transaction_id)["status"] == "COMPLETED", what="the deposit")
    found = [fault for path in PAGES for fault in faults(page, product.site + path.format(id=transaction_id))]
    assert found == []
