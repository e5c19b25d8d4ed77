"""For the pictures of sessions: find one of the demo sessions in a state, and open its page or one behind it."""

from collections.abc import Callable

from playwright.sync_api import Page


def session(state: str, then: str = "") -> Callable[[Page], None]:
    """Open the first session on the list (of a client or a therapist) with this word in a pill; `then` is a page of it."""

    def prepare(page: Page) -> None:
        row = page.locator(".session", has=page.locator(".pill", has_text=state)).first
        address = row.locator(".session__what a").get_attribute("href")
        page.goto(f"{address}{then}")
        page.wait_for_load_state("networkidle")

    return prepare


def therapist(page: Page) -> None:
    """The free times of the first one."""
    page.locator(".person h2 a").first.click()
    page.wait_for_load_state("networkidle")


def confirming(page: Page) -> None:
    """A chosen time, about to be asked for."""
    therapist(page)
    page.locator(".times__time").last.click()
    page.wait_for_load_state("networkidle")


def moved(page: Page) -> None:
    session("Confirmed", "move/")(page)
    page.locator(".times__time").first.click()
    page.wait_for_load_state("networkidle")


def wrong_hours(page: Page) -> None:
    """Closing before opening."""
    page.get_by_label("From").first.fill("12:00")
    page.get_by_label("To", exact=True).first.fill("09:00")
    with page.expect_navigation():
        page.get_by_role("button", name="Add hours").click()


def failed(page: Page) -> None:
    """The approved one, after a payment that had too little money."""
    session("Approved")(page)
    if not page.get_by_text("You can try again at once").count():
        address = page.url
        page.get_by_role("link", name="Pay with M-Pesa").click()
        page.get_by_label("M-Pesa number").fill("0711 111 111")
        page.get_by_role("button", name="Pay with M-Pesa").click()
        page.get_by_role("heading", name="Not paid", exact=True).wait_for()
        page.goto(address)
    page.wait_for_load_state("networkidle")
