"""A real browser for the journeys, watching for errors on every page."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from dev import browser as browsers
from tests.stack import SCALE, Person, Stack

Opener = Callable[..., Page]
PATIENCE_MS = 120_000  # a busy machine is no fault
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def product(product: Stack) -> Stack:
    """With the demo people in it."""
    product.command("demo")
    return product


@pytest.fixture(scope="session")
def demo_sessions(product: Stack) -> None:
    """Two therapists with free times; client@malipo.test has a session in each state."""
    product.command("demo_sessions_booking")


@pytest.fixture(scope="package")  # not longer: its event loop would stand in the way of the next ones
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=browsers.executable(), args=browsers.ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Opener]:
    """A page in a context of its own (`share` another page's); what its console complains about fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def opened(*, share: Page | None = None, **options: object) -> Page:
        size = {"width": 360, "height": 740}
        context = share.context if share else browser.new_context(**{"viewport": size, **options})  # type: ignore[arg-type]
        if not share:
            context.set_default_timeout(PATIENCE_MS)
            contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def phones(product: Stack) -> Iterator[str]:
    """Where the handsets are. People need more than a tenth of the time: prompts stay open for their whole minute."""
    product.sim.post("clock", time_scale=1.0)
    yield product.ports.phones
    product.sim.post("clock", time_scale=SCALE)


@pytest.fixture
def signed_in(product: Stack, open_page: Opener) -> Callable[..., tuple[Person, Page]]:
    """A person of one's own, and a page in which they are signed in."""

    def make(name: str, **options: object) -> tuple[Person, Page]:
        person = product.people(name)[0]
        page = open_page(**options)
        page.context.add_cookies([{"name": "sessionid", "value": person.session, "url": product.site}])
        return person, page

    return make
