"""`{% desk as desk %}`: what the admin's first page says about payments that need somebody."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import template
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from lib import money
from payments import merchants, owed, phones, review
from payments.admin.search import HELP
from payments.models import Callback, LotRow, Payment
from payments.states import LIVE

register = template.Library()
_CHOICE = re.compile(r"\{(.*?)\|(.*?)\}")
_MOST = 100  # more are not counted: "99+"


@dataclass(frozen=True, slots=True)
class Tile:
    """`number` is already words; `quiet`: nothing to do."""

    number: str
    words: str
    url: str
    quiet: bool


@dataclass(frozen=True, slots=True)
class Desk:
    search_help: str
    tiles: list[Tile]
    test_numbers: Sequence[tuple[str, object]]


@register.simple_tag(takes_context=True)
def desk(context: template.Context) -> Desk | None:
    """None for who may not see payments."""
    request: HttpRequest = context["request"]
    if not request.user.has_perm("payments.view_payment"):
        return None
    stuck = Callback.objects.filter(state=Callback.State.STUCK)
    to_be_looked_at, no_payment = review.waiting().order_by(), LotRow.objects.filter(payment=None)
    live = Payment.objects.filter(status__in=sorted(LIVE))
    tiles = [
        _tile(to_be_looked_at, "{payment|payments} to be looked at", "payment", "?review=open"),
        _tile(stuck.order_by(), "{callback|callbacks} that could not be processed", "callback", "?state__exact=STUCK"),
        _tile(no_payment, "{receipt that belongs|receipts that belong} to no payment", "lotrow", "?suspense=yes"),
        _owed_tile(),
        _tile(live, "{payment on its|payments on their} way", "payment", "?live=yes", work=False),
    ]
    return Desk(HELP, tiles, phones.TEST_NUMBERS if context.get("TEST_MODE") else [])


def _owed_tile() -> Tile:
    """All of them are counted: the index holds nobody else."""
    environment = merchants.current_environment()
    found = owed.total(environment=environment)
    sum_of_all = money.words(found.cents) if found.payers else "money"
    words = f"{'payer' if found.payers == 1 else 'payers'} to whom {sum_of_all} is owed"
    url = f"{reverse('admin:payments_owed_changelist')}?mode={environment}"
    return Tile(f"{found.payers:,}", words, url, quiet=not found.payers)


def _tile(rows: "QuerySet[Any]", words: str, model: str, query: str, *, work: bool = True) -> Tile:
    """`words` has what is said of one and of more as "{one|more}"."""
    found = rows[:_MOST].count()
    number = "99+" if found == _MOST else str(found)
    said = _CHOICE.sub(lambda choice: choice[1 if found == 1 else 2], words)
    return Tile(number, said, reverse(f"admin:payments_{model}_changelist") + query, quiet=not (found and work))
