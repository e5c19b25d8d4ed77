"""Journeys of a client and a therapist, each in a browser of their own, against the real product."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.looks import Fault, faults
from tests.journeys.test_deposit import headline, receipts, tap_pin
from tests.stack import Person, Stack

pytestmark = pytest.mark.browser
SignedIn = Callable[..., tuple[Person, Page]]


@pytest.fixture
def practice(product: Stack, demo_sessions: None) -> str:
    """The path of the first therapist's page."""
    found = product.sql(
        "SELECT t.id FROM sessions_booking_therapist t JOIN accounts_user u ON u.id = t.user_id WHERE u.email = %s",
        "therapist@malipo.test",
    )
    return f"/therapists/{found[0][0]}/"


def ask_for_a_time(page: Page, site: str, therapist: str) -> str:
    """The path of the session that was asked for."""
    page.goto(f"{site}/therapists/")
    page.locator(f".person h2 a[href='{therapist}']").click()
    page.get_by_role("link", name="Later").click()  # two weeks on, where nobody else books
    page.locator(".days__day[href]").last.click()
    page.locator(".times__time").first.click()
    expect(page.get_by_text("You pay after approval")).to_be_visible()
    page.get_by_role("button", name="Ask for this time").click()
    page.wait_for_url("**/sessions/*/")
    headline(page, "Waiting for approval")
    return urlsplit(page.url).path


def row_of(page: Page, name: str) -> Locator:
    return page.locator(".session", has=page.get_by_role("link", name=name, exact=True))


@pytest.mark.requirement("SES-1", "SES-2", "SES-3", "SES-4", "SES-5", "RT-1", "P6", "P11", "P24", "P32")
def test_booked_approved_paid_and_the_board_follows(
    product: Stack, practice: str, phones: str, signed_in: SignedIn, open_page
) -> None:
    _, client = signed_in("neema")
    session = ask_for_a_time(client, product.site, practice)
    expect(client.get_by_role("link", name="Pay with M-Pesa")).to_have_count(0)

    _, board = signed_in("therapist", viewport={"width": 1280, "height": 800})
    board.goto(f"{product.site}/practice/")
    row_of(board, "neema").get_by_role("button", name="Approve").click()
    expect(board.get_by_text("Approved. neema can pay now.")).to_be_visible()
    expect(row_of(board, "neema").locator(".pill").last).to_have_text("Not paid")

    headline(client, "Approved")  # by itself
    expect(client.locator(".toast")).to_have_count(0)  # "You asked for this time" is old now
    client.get_by_role("link", name="Pay with M-Pesa").click()
    client.get_by_label("M-Pesa number").fill("0720 200 001")
    client.get_by_role("button", name="Pay with M-Pesa").click()
    client.wait_for_url("**/payments/**")
    headline(client, "Check your phone")
    expect(row_of(board, "neema").locator(".pill").last).to_have_text("Not paid yet: processing")
    tap_pin(open_page(), phones, "0720200001")

    expect(row_of(board, "neema").locator(".pill").last).to_have_text("Paid")
    expect(board.get_by_text("can pay now")).to_have_count(0)
    # By its socket: as long as that is open, the board does not ask. How many seconds a browser takes is this machine's.
    (receipt,) = receipts(product, "254720200001")
    expect(row_of(board, "neema").locator(".receipt__number")).to_have_text(receipt)
    expect(row_of(board, "neema").locator(".pill").first).to_have_text("Confirmed")

    headline(client, "Paid")
    client.goto(product.site + session)
    headline(client, "Confirmed")
    expect(client.locator(".receipt__number")).to_have_text(receipt)


@pytest.mark.requirement("SES-4", "STK-10", "P27", "P28", "P29")
def test_cancelled_on_the_phone_and_tried_again(
    product: Stack, practice: str, phones: str, signed_in: SignedIn, open_page
) -> None:
    product.sim.switch(spacing_s=0, same_amount_counts="paid")  # M-Pesa's waits are another test's
    _, client = signed_in("otieno")
    session = ask_for_a_time(client, product.site, practice)
    _, board = signed_in("therapist")
    board.goto(product.site + session)
    board.get_by_role("button", name="Approve").click()
    headline(client, "Approved")
    client.goto(f"{product.site}{session}pay/")
    client.get_by_label("M-Pesa number").fill("0720 200 002")
    client.get_by_role("button", name="Pay with M-Pesa").click()
    client.wait_for_url("**/payments/**")
    handset = open_page()
    handset.goto(f"{phones}/phone/0720200002")
    handset.get_by_role("button", name="Cancel").click()
    headline(client, "Payment Cancelled")
    client.goto(product.site + session)
    headline(client, "Approved")
    expect(client.get_by_text("Payment Cancelled: nothing was taken.")).to_be_visible()
    client.get_by_role("link", name="Pay with M-Pesa").click()
    client.get_by_label("M-Pesa number").fill("0720 200 002")
    client.get_by_role("button", name="Pay with M-Pesa").click()
    client.wait_for_url("**/payments/**")
    tap_pin(handset, phones, "0720200002")
    headline(client, "Paid")
    client.goto(product.site + session)
    expect(client.locator(".attempts__one")).to_have_count(2)


@pytest.mark.requirement("SES-1", "SES-2", "DEP-1")
def test_without_javascript_everything_works(product: Stack, practice: str, signed_in: SignedIn) -> None:
    _, client = signed_in("scriptless-client", java_script_enabled=False)
    session = ask_for_a_time(client, product.site, practice)
    _, board = signed_in("therapist", java_script_enabled=False)
    board.goto(f"{product.site}/practice/")
    row_of(board, "scriptless-client").get_by_role("link", name="Decline").click()
    board.get_by_role("button", name="Decline").click()
    expect(board.get_by_text("Please say why in a few words")).to_be_visible()
    board.get_by_label("Reason").fill("I am away on that day.")
    board.get_by_role("button", name="Decline").click()
    headline(board, "Declined")
    client.goto(product.site + session)
    headline(client, "Declined")
    expect(client.get_by_text("I am away on that day.")).to_be_visible()
    board.goto(f"{product.site}/practice/hours/")
    board.get_by_label("Name").fill("Short one")
    board.get_by_label("Minutes").fill("20")
    board.get_by_label("Price in KES").fill("cheap")
    board.locator("#type").get_by_role("button", name="Add").click()
    expect(board.get_by_text("Amount must be between")).to_be_visible()
    expect(board.get_by_label("Name")).to_have_value("Short one")


@pytest.mark.requirement("SES-1")
def test_a_visitor_looks_then_logs_in_and_comes_back_to_the_time(product: Stack, practice: str, open_page) -> None:
    page = open_page()
    page.goto(f"{product.site}{practice}")
    page.locator(".times__time").last.click()
    page.wait_for_url("**/log-in/**")
    page.get_by_label("E-mail address").fill("other@malipo.test")
    page.get_by_label("Password").fill("malipo-demo")
    page.locator("main form button").first.click()
    page.wait_for_url("**/book/?**")
    expect(page.get_by_role("button", name="Ask for this time")).to_be_visible()


def _pages(product: Stack, practice: str) -> dict[str, list[str]]:
    """By who looks: every page of sessions, those of one session in states that differ in what they show."""
    codes = dict(
        product.sql(
            "SELECT b.state, min(b.code) FROM sessions_booking_booking b JOIN accounts_user u ON u.id = b.client_id"
            " JOIN sessions_booking_therapist t ON t.id = b.therapist_id WHERE u.email = 'client@malipo.test' GROUP BY 1"
        )
    )
    of = {state: f"/sessions/{code}/" for state, code in codes.items()}
    confirming = _confirming(product, practice)
    return {
        "client": [
            "/", "/therapists/", practice, confirming, "/sessions/", *of.values(), f"{of['APPROVED']}pay/",
            f"{of['CONFIRMED']}cancel/", f"{of['CONFIRMED']}move/",
        ],
        "therapist": ["/practice/", "/practice/hours/", of["PENDING"], f"{of['PENDING']}decline/", of["CONFIRMED"]],
    }  # fmt: skip


def _confirming(product: Stack, practice: str) -> str:
    """The page that confirms a free time."""
    person = product.people("client")[0]
    html = product.page(person, practice)
    link = next(part for part in html.split('"') if "/book/?" in part)
    return link.replace("&amp;", "&")


@pytest.mark.requirement("RT-2", "SES-5", "DEP-1")
def test_pages_are_light_fit_a_phone_and_axe_finds_nothing(product: Stack, practice: str, signed_in: SignedIn) -> None:
    found: list[Fault] = []
    for who, paths in _pages(product, practice).items():
        _, page = signed_in(who, bypass_csp=True)
        found += [fault for path in paths for fault in faults(page, product.site + path)]
    assert found == []
