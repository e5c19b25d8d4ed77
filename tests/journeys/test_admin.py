"""Staff watching payments in a real browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.stack import Person, Stack

pytestmark = pytest.mark.browser
SignedIn = Callable[..., tuple[Person, Page]]
WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 360, "height": 740}


@pytest.mark.requirement("ADM-5", "RT-1")
def test_the_list_follows_a_payment_without_a_reload(product: Stack, signed_in: SignedIn) -> None:
    payer: Person = product.people("watched")[0]
    _, page = signed_in("admin", viewport=WIDE)
    page.goto(f"{product.site}/admin/payments/payment/?q=watched")
    expect(page.locator(".live-note")).to_have_text("Live")
    expect(page.locator("#result_list tbody tr")).to_have_count(0)
    product.deposit(payer, "254708374149", 30)
    row = page.locator("#result_list tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Paid")
    page.set_viewport_size(NARROW)
    shown, whole = page.locator("#changelist-filter").evaluate("it => [it.clientHeight, it.scrollHeight]")
    assert shown == whole, "the filter is cut off on a phone"


@pytest.mark.requirement("ADM-5", "REC-6", "CB-7")
def test_the_desk_and_the_list_of_what_is_owed_follow_too(
    product: Stack, signed_in: SignedIn, open_page: Callable[..., Page]
) -> None:
    """A shilling more is taken than was asked for: nothing is bought, all of it is owed."""
    payer: Person = product.people("overpaid")[0]
    _, desk = signed_in("admin", viewport=WIDE)
    owed = open_page(share=desk)
    desk.goto(f"{product.site}/admin/")
    expect(desk.locator(".live-note")).to_have_text("Live")
    tile = desk.locator(".tile", has_text="is owed")
    before = tile.inner_text()
    owed.goto(f"{product.site}/admin/payments/owed/?q=overpaid")
    expect(owed.locator(".live-note")).to_have_text("Live")
    expect(owed.locator("#result_list tbody tr")).to_have_count(0)
    total = owed.locator("[data-live-part=total]")
    before_total = total.inner_text()
    product.deposit(payer, "254190500077", 30)
    row = owed.locator("#result_list tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("KES 31")
    expect(total).not_to_have_text(before_total)
    expect(tile).not_to_have_text(before)
