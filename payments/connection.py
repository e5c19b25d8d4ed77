"""Do the stored credentials work? A person may ask; who did and how it went stands in the trail (ADM-3, P41)."""

from audit import trail
from lib.errors import Refusal
from payments import merchants
from payments.models import Merchant
from payments.providers import provider


def current() -> Merchant:
    """The default merchant of the current environment, or the one there is. Raises Refusal `mpesa_not_configured`."""
    environment = merchants.current_environment()
    rows = Merchant.objects.filter(environment=environment).order_by("-is_default", "id")
    return rows.first() or merchants.merchant_for(environment=environment, purpose="")


def verify(merchant: Merchant, *, actor: str) -> None:
    """Log in to M-Pesa, outside of every transaction. Raises Refusal `mpesa_connection_failed` with the reason."""
    try:
        provider("mpesa").check(merchant)
    except Refusal as refusal:
        _keep(merchant, actor, refusal.message)
        raise
    _keep(merchant, actor, "connected")


def _keep(merchant: Merchant, actor: str, outcome: str) -> None:
    trail.record(
        action="merchant.checked",
        actor=actor,
        subject=f"merchant:{merchant.pk}",
        environment=merchant.environment,
        data={"outcome": outcome},
    )
