"""The phone that pays: sealed with its payer's own data key, found again by its keyed hash."""

from django.utils.translation import gettext_lazy as _

from accounts.keys import Owner, open_for, phone_hash, seal_for
from payments.models import Payment

CONTEXT = "payment.phone"
TEST_NUMBERS = [  # Safaricom's, told apart by seed 000 (ruling 11); each ends by itself, in the sandbox only
    ("0708 374 149", _("pays")),
    ("0700 000 000", _("cancels")),
    ("0711 111 111", _("has too little money")),
]


def columns(payer: Owner, phone: str) -> dict[str, bytes | str]:
    """The columns of a payment that hold a phone (2547XXXXXXXX)."""
    return {
        "phone_sealed": seal_for(payer, phone, CONTEXT),
        "phone_hash": phone_hash(phone),
        "phone_tail": phone[-3:],
    }


def phone_of(payment: Payment) -> str:
    """2547XXXXXXXX. Raises lib.crypto.Unreadable where the payer was erased."""
    return open_for(payment.payer, bytes(payment.phone_sealed), CONTEXT)
