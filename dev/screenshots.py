"""Pictures of every page, at the widths of a phone and a desktop, light and dark: `make screenshots`.

They are taken of the product that runs at BASE_URL (default http://127.0.0.1:8000, where `make run` serves it) into
docs/screens/<name>-<width>-<scheme>.png. A page is reported, and the command fails, where it logs an error in the browser's
console (a broken script, something the CSP refuses), is wider than its window, or is answered with another status than it
should be. `ARGS="deposit home"` takes only these.

A new page is one line of PAGES. `who` is a demo person's name before the @, "" for a visitor; `prepare` does what must be done on
the page before the picture (type, click, wait), with Playwright's Page.
"""

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from dev import browser as browsers
from dev import pay_first, sessions_first

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:8000").rstrip("/")
FOLDER = Path(__file__).resolve().parent.parent / "docs" / "screens"
PASSWORD = "malipo-demo"  # noqa: S105  (published with the demo people)
SIZES = [(360, 740), (1280, 800)]
SCHEMES = ["light", "dark"]


@dataclass(frozen=True)
class Shot:
    name: str
    url: str
    who: str = ""
    prepare: Callable[[Page], None] | None = None
    status: int = 200  # of the page in the picture


def _send(page: Page) -> None:
    """Press the form's own button as it stands, past the browser's own checks: the server's words are wanted."""
    page.locator("main form").first.evaluate("form => { form.noValidate = true; }")
    with page.expect_navigation():
        page.locator("main form button").first.click()


def _wrong_sign_up(page: Page) -> None:
    page.get_by_label("Your name").fill("Amina")
    page.get_by_label("M-Pesa number").fill("0812 345 678")
    page.get_by_label("Password").fill("12345")
    _send(page)


def _wrong_log_in(page: Page) -> None:
    page.get_by_label("E-mail address").fill(
        f"{secrets.token_hex(4)}@malipo.test"
    )  # another one each time: failures add up to a lock
    page.get_by_label("Password").fill("not this one")
    _send(page)


def _too_many_log_ins(page: Page) -> None:
    while page.get_by_label("Password").count():
        page.get_by_label("E-mail address").fill("nobody@malipo.test")
        page.get_by_label("Password").fill("not this one")
        _send(page)


def _saved(page: Page) -> None:
    _send(page)


def _first_row(page: Page) -> None:
    with page.expect_navigation():
        page.locator("#result_list tbody a").first.click()


PAGES = [
    Shot("welcome", "/"),
    Shot("sign-up", "/sign-up/"),
    Shot("sign-up-wrong", "/sign-up/", prepare=_wrong_sign_up),
    Shot("consent", "/consent/"),
    Shot("log-in", "/log-in/"),
    Shot("log-in-wrong", "/log-in/", prepare=_wrong_log_in),
    Shot("log-in-too-often", "/log-in/", prepare=_too_many_log_ins, status=429),
    Shot("password-reset", "/password/reset/"),
    Shot("password-reset-sent", "/password/reset/sent/"),
    Shot("password-reset-ended", "/password/reset/MQ/ended-link/"),
    Shot("home", "/", "client"),
    Shot("deposit", "/deposit/", "client"),
    Shot("deposit-wrong", "/deposit/", "client", pay_first.wrong, status=400),
    Shot("payment-paid", "/", "client", pay_first.reaching("0708 374 149", "Paid", status="COMPLETED")),
    Shot(
        "payment-cancelled", "/", "client", pay_first.reaching("0700 000 000", "Payment Cancelled", status="CANCELLED")
    ),
    Shot("payment-failed", "/", "client", pay_first.reaching("0711 111 111", "Not paid", status="FAILED")),
    Shot("payment-odd", "/", "client", pay_first.reaching("254190500001", "Paid, another amount", status="COMPLETED")),
    Shot("payment-queued", "/", "finance", pay_first.reaching("2541908#####", "Not sent yet")),
    Shot(
        "payment-perhaps-sent", "/", "admin", pay_first.reaching("2541906#####", "Check your phone", status="PENDING")
    ),
    Shot("payment-timed-out", "/", "therapist", pay_first.reaching("254191500001", "Timed out", status="PENDING")),
    Shot("payment-expired", "/", "therapist", pay_first.reaching("254191500001", "Timed out", status="EXPIRED")),
    Shot("payment-prompted", "/", "other", pay_first.reaching("0722 000 111", "Check your phone")),
    Shot("deposit-in-progress", "/deposit/", "other"),
    Shot("wallet", "/wallet/", "client"),
    Shot("history", "/history/", "client"),
    Shot("history-details", "/history/", "client", pay_first.details),
    Shot("therapists", "/therapists/", "client"),
    Shot("therapist", "/therapists/", "client", sessions_first.therapist),
    Shot("session-book", "/therapists/", "client", sessions_first.confirming),
    Shot("sessions", "/sessions/", "client"),
    Shot("session-requested", "/sessions/", "client", sessions_first.session("Pending Approval")),
    Shot("session-approved", "/sessions/", "client", sessions_first.session("Approved")),
    Shot("session-pay", "/sessions/", "client", sessions_first.session("Approved", "pay/")),
    Shot("session-confirmed", "/sessions/", "client", sessions_first.session("Confirmed")),
    Shot("session-expired", "/sessions/", "client", sessions_first.session("Expired")),
    Shot("session-cancel", "/sessions/", "client", sessions_first.session("Confirmed", "cancel/")),
    Shot("session-move", "/sessions/", "client", sessions_first.session("Confirmed", "move/")),
    Shot("session-move-confirm", "/sessions/", "client", sessions_first.moved),
    Shot("session-failed", "/sessions/", "client", sessions_first.failed),
    Shot("practice", "/practice/", "therapist"),
    Shot("practice-session", "/practice/", "therapist", sessions_first.session("Pending Approval")),
    Shot("practice-decline", "/practice/", "therapist", sessions_first.session("Pending Approval", "decline/")),
    Shot("hours", "/practice/hours/", "therapist"),
    Shot("hours-wrong", "/practice/hours/", "therapist", sessions_first.wrong_hours, status=400),
    Shot("profile", "/profile/", "client"),
    Shot("notifications", "/notifications/", "client"),
    Shot("notifications-choice", "/notifications/settings/", "client"),
    Shot("mailbox", "/dev/mail/", "client"),
    Shot("profile-saved", "/profile/", "client", _saved),
    Shot("password-change", "/password/", "client"),
    Shot("not-found", "/no/such/page/", status=404),
    Shot("admin", "/admin/", "admin"),
    Shot("admin-people", "/admin/accounts/user/", "admin"),
    Shot("admin-payments", "/admin/payments/payment/", "admin"),
    Shot("admin-review", "/admin/payments/payment/?review=open", "admin"),
    Shot("admin-payment", "/admin/payments/payment/?review=open", "admin", _first_row),
    Shot("admin-owed", "/admin/payments/owed/", "admin"),
    Shot("admin-owed-payer", "/admin/payments/owed/", "admin", _first_row),
    Shot("admin-inbox", "/admin/payments/callback/", "admin"),
    Shot("admin-sessions", "/admin/sessions_booking/booking/", "admin"),
    Shot("admin-session", "/admin/sessions_booking/booking/?state=CONFIRMED", "admin", _first_row),
    Shot("admin-therapist", "/admin/sessions_booking/therapist/", "admin", _first_row),
]
# What a browser says of an answer that is not 2xx: here it is meant.
_MEANT = "Failed to load resource: the server responded with a status of 4"


def main(wanted: list[str]) -> int:
    """The number of pages with a fault."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    browsers.ensure()
    faults: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browsers.executable(), args=browsers.ARGUMENTS)
        sessions = {who: _log_in(browser, who) for who in {shot.who for shot in _chosen(wanted)}}
        for shot in _chosen(wanted):
            for width, height in SIZES:
                for scheme in SCHEMES:
                    context = _context(browser, sessions[shot.who], width, height, scheme)
                    faults += _take(context, shot, f"{shot.name}-{width}-{scheme}")
                    context.close()
        browser.close()
    print(*faults, f"{len(faults)} faults; pictures in {FOLDER}", sep="\n")
    return min(len(faults), 1)


def _chosen(wanted: list[str]) -> Iterator[Shot]:
    return (shot for shot in PAGES if not wanted or shot.name in wanted)


def _log_in(browser: Browser, who: str) -> dict[str, object]:
    """The cookies of somebody who is logged in; none for a visitor."""
    context = browser.new_context(base_url=BASE_URL)
    if who:
        page = context.new_page()
        page.goto("/log-in/")
        page.get_by_label("E-mail address").fill(f"{who}@malipo.test")
        page.get_by_label("Password").fill(PASSWORD)
        _send(page)
    state = context.storage_state()
    context.close()
    return dict(state)


def _context(browser: Browser, session: dict[str, object], width: int, height: int, scheme: str) -> BrowserContext:
    return browser.new_context(
        base_url=BASE_URL,
        storage_state=session,  # type: ignore[arg-type]
        viewport={"width": width, "height": height},
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="Africa/Nairobi",
    )


def _take(context: BrowserContext, shot: Shot, name: str) -> list[str]:
    """The faults that were seen while the picture was taken."""
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda said: faults.append(f"{name}: {said.text}") if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(f"{name}: {error}"))
    statuses = [0]
    page.on("response", lambda got: statuses.append(got.status) if got.request.is_navigation_request() else None)
    page.goto(shot.url)
    if shot.prepare:
        shot.prepare(page)
    page.screenshot(path=FOLDER / f"{name}.png", animations="disabled", caret="hide")
    if statuses[-1] != shot.status:
        faults.append(f"{name}: answered {statuses[-1]}, not {shot.status}")
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        faults.append(f"{name}: the page is wider than its window")
    return [fault for fault in faults if _MEANT not in fault]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
