"""`{% wallet_home_card %}`: the balance and a deposit on its way, for the home page; it changes by itself (live.js)."""

from typing import Any

from django import template

from payments import merchants
from wallet import deposits

register = template.Library()


@register.inclusion_tag("wallet/_home_card.html", takes_context=True)
def wallet_home_card(context: dict[str, Any]) -> dict[str, Any]:
    return deposits.purse(context["user"].pk, merchants.current_environment())
