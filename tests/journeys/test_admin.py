"""Staff watching payments in a real browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.stack import Person, Stack

pytestmark = pytest.mark.browser


@pytest.mark.requirement("ADM-5", "RT-1")
def test_the_list_follows_a_payment_without_a_reload(product: Stack, open_page: Callable[..., Page]) -> None:
    payer: Person = product.people("watched")[0]
    page = open_page(viewport={"width": 1280, "height": 800})
    page.goto(f"{product.site}/log-in/")
    page.get_by_label("E-mail address").fill("admin@malipo.test")
    page.get_by_label("Password").fill("malipo-demo")
    page.locator("main form button").first.click()
    page.wait_for_url(f"{product.site}/")
    page.goto(f"{product.site}/admin/payments/payment/?q=watched")
    expect(page.locator(".live-note")).to_have_text("Live")
    expect(page.locator("#result_list tbody tr")).to_have_count(0)
    product.deposit(payer, "254708374149", 30)
    row = page.locator("#result_list tbody tr")
    expect(row).to_have_count(1, timeout=20_000)
    expect(row).to_contain_text("Paid", timeout=20_000)
