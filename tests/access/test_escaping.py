"""No text that a person, M-Pesa or a stranger controls becomes part of a page, and no page shows what is secret.

Every address, every page of the admin, every mail: in a world where all such texts are hostile.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.http import HttpResponse
from django.test import Client

from notifications import mails
from notifications.models import Notification
from tests.access import reading
from tests.access.addresses import filled_in
from tests.access.marked import ESCAPED, MARK, RAW, mark
from tests.access.requests import ASKED, SENT
from tests.access.test_admin import PAGES
from tests.access.test_reading import lists, secrets
from tests.access.world import World, undone

pytestmark = [pytest.mark.requirement("SEC-3"), pytest.mark.requirement("SEC-4"), pytest.mark.requirement("TST-3")]
ROLES = ("nobody", "client", "therapist", "support")  # the others read the same pages about others' things
WITH_TEXTS = (
    "accounts/user", "audit/entry", "axes/accessattempt", "axes/accessfailurelog", "notifications/notification",
    "outbox/delivery", "payments/callback", "payments/exchange", "payments/lotrow", "payments/merchant", "payments/owed",
    "payments/payment", "sessions_booking/booking", "sessions_booking/therapist", "wallet/wallet",
)  # fmt: skip
MARKED = {"marked payment", "session to decline", "session to cancel"}


@dataclass(frozen=True)
class Shown:
    """What somebody was answered."""

    address: str
    role: str
    status: int
    kind: str
    text: str
    sniffed: bool

    @property
    def says_it(self) -> bool:
        """Besides the head, which names who is signed in."""
        return ESCAPED in (self.text.partition("<main")[2] or self.text)


def shown(address: str, role: str, answer: HttpResponse) -> Shown:
    text = answer.getvalue().decode()
    sniffed = answer.headers.get("X-Content-Type-Options") != "nosniff"
    return Shown(address, role, answer.status_code, answer.headers.get("Content-Type", ""), text, sniffed)


def pages(world: World) -> Iterator[Shown]:
    """Of all addresses, whole and in parts, for whoever is answered there."""
    for line in reading.addresses():
        if "GET" not in line.methods or line.address.startswith("admin/<"):
            continue
        roles = [role for role in ROLES if line.cells[role] == "200"]
        for role, part in [*((role, {}) for role in roles), *((role, {"part": "card"}) for role in roles[:1])]:
            yield from _asked(world, role, line, part)


def _asked(world: World, role: str, line: reading.Address, part: dict[str, str]) -> Iterator[Shown]:
    alike = [name for name in MARKED if world.things[line.about].keys() <= world.things[name].keys() and line.about]
    for about in (line.about, *alike):
        thing = world.things[about]
        asked = ASKED[line.address](thing) if line.address in ASKED else {}
        client = world.program(role) if line.address.startswith("api/") else world.browser(role)
        with undone():
            yield shown(line.address, role, client.get(filled_in(line.address, thing), {**asked, **part}))


def refusals(world: World) -> Iterator[Shown]:
    """Forms that come back with what was written into them."""
    for line in reading.addresses():
        told = SENT.get(line.address)
        if "POST" not in line.methods or told is None or line.address.startswith(("api/", "hooks/")):
            continue
        role = next((role for role in (*ROLES[1:], "admin") if line.cells[role][:1] in "23"), "nobody")
        role = "nobody" if line.cells[role].endswith("–") else role
        given = told(world.things[line.about])
        for sent in [dict.fromkeys(given, MARK), *({**given, name: MARK} for name in given)]:
            with undone():
                answer = world.browser(role).post(filled_in(line.address, world.things[line.about]), sent)
                yield shown(line.address, role, answer)


def of_the_admin(browser: Client, role: str, words: set[str]) -> Iterator[Shown]:
    """Pages of every model: its list, whole and searched, and its two newest rows."""
    for model, _desk, at in lists():
        newest = [row.pk for row in model._default_manager.order_by("-pk")[:2]]
        for word, page in PAGES.items():
            if word not in words:
                continue
            for pk in newest if "{pk}" in page else newest[:1]:
                with undone():
                    answer = browser.get(at + page.format(pk=pk), {"name": MARK} if word == "add" else {})
                    yield shown(at + page, role, answer)
        with undone():
            yield shown(f"{at}?q=", role, browser.get(at, {"q": MARK}))


def raw(found: list[Shown]) -> list[str]:
    """Where it stands as it was written, in what a browser takes for a page or may take for one."""
    pages = [one for one in found if one.kind.startswith("text/html") or one.sniffed or not one.kind]
    return [f"{one.role} at {one.address} ({one.status})" for one in pages if any(text in one.text for text in RAW)]


def test_no_page_takes_a_text_for_its_own(world: World) -> None:
    mark(world)
    found = [*pages(world), *refusals(world)]
    assert raw(found) == []
    assert [one.address for one in found if one.status >= 500] == []
    with_it = {one.address for one in found if one.says_it}
    assert with_it >= {
        "", "history/", "payments/<str:transaction_id>/", "payments/<str:transaction_id>/details", "sessions/",
        "sessions/<str:code>/", "practice/", "practice/hours/", "therapists/", "therapists/<int:therapist_id>/",
        "therapists/<int:therapist_id>/book/", "notifications/", "profile/", "dev/mail/", "sign-up/",
    }  # fmt: skip


def test_no_page_of_the_admin_takes_a_text_for_its_own_or_shows_a_secret(world: World) -> None:
    mark(world)
    found = list(of_the_admin(world.browser("admin"), "admin", {*PAGES}))
    found += of_the_admin(world.browser("support"), "support", {"list", "see"})
    assert raw(found) == []
    assert [one.address for one in found if one.status >= 500] == []
    shows = {f"/admin/{room}/{page}" for room in WITH_TEXTS for page in ("", "?q=", PAGES["see"])}
    assert shows - {one.address for one in found if one.says_it} == set()
    hidden = secrets()
    assert {name.split(" ")[0] for name in hidden} >= {"password", "phone", "session", "User", "Payment", "Merchant"}
    assert [(one.address, one.role, name) for one in found for name, text in hidden.items() if text in one.text] == []


def test_no_mail_takes_a_text_for_its_own(world: World) -> None:
    mark(world)
    written = 0
    for row in Notification.objects.select_related("recipient", "payment", "booking"):
        mail = mails.compose(row)
        ((html, _kind),) = mail.alternatives
        assert not any(text in str(html) for text in RAW), row.event
        assert "\n" not in mail.subject
        written += ESCAPED in str(html)
    assert written
