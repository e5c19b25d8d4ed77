"""`{% wallet_home_card %}`: the balance, for the home page."""

from typing import Any

from django import template

from payments import merchants
from wallet import deposits

register = template.Library()


@register.inclusion_tag("wallet/_home_card.html", takes_context=True)
def wallet_home_card(context: dict[str, Any]) -> dict[str, Any]:
    return {"balance": deposits.balance(context["user"].pk, merchants.current_environment())}
