"""Being told, in a real browser: the bell counts live, a reminder's SMS is on the simulated phone, mails are read in the product."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.looks import faults
from tests.stack import Person, Stack, until

pytestmark = pytest.mark.browser
SignedIn = Callable[..., tuple[Person, Page]]
PHONE = "254712345678"  # the demo client's


def due_now(product: Stack, client: Person) -> str:
    """The next reminder of the demo client's approved or confirmed sessions falls due; the session's code."""
    found = product.sql(
        "UPDATE sessions_booking_reminder SET due_at = now() WHERE id = (SELECT r.id FROM sessions_booking_reminder r"
        " JOIN sessions_booking_booking b ON b.id = r.booking_id WHERE b.client_id = %s AND r.kind = '24h'"
        " AND r.state = 'WAITING' AND b.starts_at > now() + interval '1 day' ORDER BY r.id LIMIT 1)"
        " RETURNING (SELECT code FROM sessions_booking_booking b WHERE b.id = booking_id)",
        client.id,
    )
    assert found, "the demo client has no session ahead"
    return str(found[0][0])


def told_all(product: Stack, client: Person) -> int:
    """What the demo has to say was said; how much of it is unread."""
    until(
        lambda: product.sql("SELECT count(*) FROM outbox_delivery WHERE state IN ('WAITING', 'SENDING')") == [(0,)],
        what="everything to be said",
    )
    sql = "SELECT count(*) FROM notifications_notification WHERE recipient_id = %s AND channel = 'IN_APP' AND seen_at IS NULL"
    return int(product.sql(sql, client.id)[0][0])


@pytest.mark.usefixtures("demo_sessions")
@pytest.mark.requirement("SES-6", "NOT-1", "RT-1", "P64")
def test_a_reminder_is_on_the_phone_and_the_bell_counts_it_live(
    product: Stack, phones: str, signed_in: SignedIn, open_page: Callable[..., Page]
) -> None:
    client, page = signed_in("client")
    before = told_all(product, client)
    page.goto(f"{product.site}/profile/")
    count = page.locator(".bell__count")
    expect(count).to_have_text(str(before)) if before else expect(count).to_have_count(0)
    code = due_now(product, client)
    expect(count).to_have_text(str(before + 1))
    handset = open_page()
    handset.goto(f"{phones}/phone/{PHONE}")
    sms = handset.locator(".inbox li", has_text=f"/sessions/{code}/").first
    expect(sms).to_contain_text("Smiling Steps: your appointment is tomorrow")
    page.locator(".bell__link").click()
    page.wait_for_url("**/notifications/")
    page.locator(".told__title").first.click()
    page.wait_for_url(f"**/sessions/{code}/")
    page.goto(f"{product.site}/notifications/")
    page.get_by_role("button", name="Mark all as read").click()
    page.wait_for_url("**/notifications/")
    expect(page.locator(".bell__count")).to_have_count(0)


@pytest.mark.requirement("NOT-1", "DEP-1")
def test_a_paid_deposit_is_told_with_its_receipt(product: Stack, signed_in: SignedIn) -> None:
    person, page = signed_in("told")
    page.goto(f"{product.site}/notifications/")
    expect(page.get_by_text("Nothing yet")).to_be_visible()
    transaction_id = product.deposit(person, "254708374149", 700).json()["transactionId"]
    expect(page.locator(".told__title").first).to_contain_text("Paid: KES 700")
    receipt = until(lambda: product.status(person, transaction_id)["mpesaReceiptNumber"], what="the receipt")
    page.goto(f"{product.site}/dev/mail/")
    mail = page.locator(".mail", has_text="told@malipo.test").first
    until(lambda: page.reload() and mail.count(), what="the mail")
    expect(mail).to_contain_text(f"M-Pesa receipt: {receipt}")
    mail.get_by_role("link", name="See it as HTML").click()
    expect(page.get_by_role("heading", name=f"Paid: KES 700, receipt {receipt}")).to_be_visible()
    page.get_by_role("link", name="See the payment").click()
    page.wait_for_url(f"**/payments/{transaction_id}/")


@pytest.mark.requirement("NOT-1")
def test_without_javascript_everything_works(product: Stack, signed_in: SignedIn) -> None:
    person, page = signed_in("scriptless-told", java_script_enabled=False)
    transaction_id = product.deposit(person, "254708374149", 20).json()["transactionId"]
    until(lambda: product.status(person, transaction_id)["status"] == "COMPLETED", what="the deposit")
    until(lambda: told_all(product, person) == 1, what="the news")
    page.goto(f"{product.site}/")
    expect(page.locator(".bell__count")).to_have_text("1")
    page.locator(".bell__link").click()
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.locator(".bell__count")).to_have_count(0)
    page.get_by_role("link", name="Choose which e-mails and SMS you get").click()
    page.get_by_label("SMS").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your choice was saved.")).to_be_visible()
    expect(page.get_by_label("SMS")).not_to_be_checked()


PAGES = ["/notifications/", "/notifications/settings/", "/dev/mail/"]


@pytest.mark.usefixtures("demo_sessions")
def test_pages_are_light_fit_and_axe_finds_nothing(product: Stack, signed_in: SignedIn) -> None:
    person, page = signed_in("client", bypass_csp=True)
    told_all(product, person)
    product.sql(
        "UPDATE notifications_notification SET seen_at = NULL WHERE recipient_id = %s AND channel = 'IN_APP' RETURNING id",
        person.id,
    )
    found = [fault for path in PAGES for fault in faults(page, product.site + path, widths=(360, 1280))]
    assert found == []
