"""Logged out in the middle, in a real browser: the page leaves, says what happened, and comes back with the amount."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.requirement("SEC-1", "DEP-1")]
PASSWORD = "a-long-enough-password-7"
UNSENT = "You were logged out. Nothing was sent."


def sign_up(page: Page, site: str, email: str) -> None:
    page.goto(f"{site}/sign-up/")
    page.get_by_label("Your name").fill("Wambui")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("I agree").check()
    page.locator("main form button").first.click()
    page.wait_for_url(f"{site}/")


def log_in(page: Page, email: str) -> None:
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("main form button").first.click()


def test_a_log_out_in_another_tab_takes_the_pages_away_and_the_amount_comes_back(
    product: Stack, open_page: Callable[..., Page]
) -> None:
    paying = open_page()
    sign_up(paying, product.site, "wambui@malipo.test")
    paying.goto(f"{product.site}/deposit/")
    paying.get_by_label("M-Pesa number").fill("0720 100 071")
    paying.get_by_label("Amount").fill("1500")
    other = open_page(share=paying)
    other.goto(f"{product.site}/profile/")
    other.locator("main form button", has_text="Log out").click()
    other.wait_for_url("**/log-in/**")
    paying.wait_for_url("**/log-in/**")
    expect(paying.get_by_text(UNSENT)).to_be_visible()
    assert "0720" not in paying.url
    log_in(paying, "wambui@malipo.test")
    paying.wait_for_url("**/deposit/**")
    expect(paying.get_by_label("Amount")).to_have_value("1,500")
    expect(paying.get_by_text("Your amount is filled in again.")).to_be_visible()


def test_a_log_in_that_ended_before_the_press_is_said(product: Stack, open_page: Callable[..., Page]) -> None:
    page = open_page(java_script_enabled=False)
    sign_up(page, product.site, "wairimu@malipo.test")
    page.goto(f"{product.site}/deposit/")
    page.get_by_label("M-Pesa number").fill("0720 100 072")
    page.get_by_label("Amount").fill("2,500")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Pay with M-Pesa").click()
    page.wait_for_url("**/log-in/**")
    expect(page.get_by_text(UNSENT)).to_be_visible()
    log_in(page, "wairimu@malipo.test")
    expect(page.get_by_label("Amount")).to_have_value("2,500")
    page.context.clear_cookies()
    page.get_by_role("button", name="Pay with M-Pesa").click()
    page.get_by_role("link", name="Back to the form").click()
    log_in(page, "wairimu@malipo.test")
    expect(page.get_by_label("Amount")).to_have_value("2,500")
