"""What holds for every page: it weighs little, fits its screen, and axe finds nothing wrong, in light or in dark."""

from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, Request

Fault = tuple[object, ...]  # where, and what is wrong there
LIMIT = 60_000  # bytes, as if nothing had been loaded before
HEIGHT = 740
_SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_AXE = (Path(__file__).parent.parent / "vendor" / "axe.min.js").read_text()
_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
# A colour on its way to another is none of the page's.
_AUDIT = """async (rules) => {
    await Promise.allSettled(document.getAnimations().map((one) => one.finished));
    const { violations } = await axe.run(document, rules);
    return violations.map(({ id, nodes }) => [id, nodes[0].html.slice(0, 160)]);
}"""


def faults(page: Page, address: str, *, widths: tuple[int, ...] = (360,)) -> list[Fault]:
    """Of a page in a context with `bypass_csp`. It is loaded once: what widths and schemes change is styles alone."""
    weight = _weight(page, address)
    found: list[Fault] = [] if 0 < weight < LIMIT else [(address, weight, "bytes")]
    page.evaluate(_AXE)
    for width in widths:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        for scheme in _SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert page.evaluate(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
            found += [(address, width, scheme, *fault) for fault in _seen(page)]
    return found


def _seen(page: Page) -> list[Fault]:
    """What is wrong with the page as it is now."""
    fits = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    wrong: list[Fault] = [tuple(fault) for fault in page.evaluate(_AUDIT, _RULES)]
    return wrong if fits else [("it is wider than the screen",), *wrong]


def _weight(page: Page, address: str) -> int:
    """In bytes, as they are sent."""
    page.goto("about:blank")  # an open page goes on listening and asking
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    loaded: list[int] = []

    def weigh(request: Request) -> None:
        loaded.append(request.sizes()["responseBodySize"])

    page.on("requestfinished", weigh)
    page.goto(address, wait_until="networkidle")
    page.remove_listener("requestfinished", weigh)
    session.detach()
    return sum(loaded)
