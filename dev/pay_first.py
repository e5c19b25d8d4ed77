"""For the pictures of a payment's page: bring one of the person who is logged in into a state, by the numbers of the
simulator that end by themselves (or do not), and open its page. What is there already is used again, so a second run
is quick; the two minutes of a time-out are waited for once."""

import secrets
from collections.abc import Callable

from playwright.sync_api import Page

_PATIENCE_MS = 330_000
_TITLE = ".answer__title"


def _deposit(page: Page, number: str) -> None:
    page.goto("/deposit/")
    page.get_by_label("M-Pesa number").fill(number)
    page.get_by_label("Amount in KES").fill("1,000")
    page.get_by_role("button", name="Pay with M-Pesa").click()
    page.wait_for_url("**/payments/**")


def reaching(number: str, words: str, *, status: str = "") -> Callable[[Page], None]:
    """Open a payment whose page says `words`; `status` is the filter of the history that would show it.

    Each # in the number is any digit: some numbers do what they do only once.
    """

    def prepare(page: Page) -> None:
        if not (status and _known(page, words, status)):
            if "#" in number:
                _wait_until_free(page)
            _deposit(page, "".join(str(secrets.randbelow(10)) if digit == "#" else digit for digit in number))
        page.get_by_role("heading", name=words, exact=True).wait_for(timeout=_PATIENCE_MS)
        page.wait_for_load_state("networkidle")

    return prepare


def _wait_until_free(page: Page) -> None:
    """The payment of the picture before is over."""
    page.goto("/deposit/")
    while page.get_by_text("is in progress").count():
        page.wait_for_timeout(1000)
        page.reload()


def _known(page: Page, words: str, status: str) -> bool:
    page.goto(f"/history/?status={status}")
    for address in page.locator("tbody a").evaluate_all("links => links.map(link => link.href)"):
        page.goto(address)
        if page.locator(_TITLE).inner_text() == words:
            return True
    return False


def details(page: Page) -> None:
    """The dialog of the history's first row."""
    page.locator("tbody a").first.click()
    page.locator("dialog .timeline").wait_for()


def wrong(page: Page) -> None:
    """A deposit that cannot be, sent without the browser's help."""
    page.get_by_label("M-Pesa number").fill("0812 345 678")
    page.get_by_label("Amount in KES").fill("5")
    with page.expect_navigation():
        page.evaluate("document.querySelector('main form').submit()")
