"""Who is paid, with which credentials: always the payment's own merchant, never whatever is current today.

The variables fill the sealed row of their environment while there is none; after that the row counts (ruling 6).
"""

import json
from dataclasses import asdict, dataclass

from django.conf import settings
from django.db import IntegrityError, transaction

from lib.errors import Refusal
from lib.rows import read_rows
from payments import sealing
from payments.models import Merchant

CONTEXT = "merchant.credentials"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Never logged: its repr says nothing."""

    consumer_key: str
    consumer_secret: str
    passkey: str
    initiator_name: str = ""
    security_credential: str = ""

    def __repr__(self) -> str:
        return "Credentials(…)"


def current_environment() -> str:
    """The environment in which new payments are made."""
    return str(settings.MPESA.environment)


def merchant_for(*, environment: str, purpose: str) -> Merchant:
    """The merchant that takes money for a purpose. Raises Refusal `mpesa_not_configured`."""
    merchants = read_rows(Merchant, "WHERE environment = %s ORDER BY id", [environment])
    if not merchants and environment == settings.MPESA.environment:
        merchants = [_from_variables()]
    named = [merchant for merchant in merchants if purpose in merchant.purposes]
    default = [merchant for merchant in merchants if merchant.is_default]
    if not named and not default:
        raise Refusal("mpesa_not_configured", "M-Pesa payments are not set up yet. Please contact support.", status=503)
    return (named or default)[0]


def credentials(merchant: Merchant) -> Credentials:
    """Raises lib.crypto.Unreadable where the key is gone."""
    return Credentials(**json.loads(sealing.unseal(bytes(merchant.credentials_sealed), context=CONTEXT)))


def sealed(values: Credentials) -> bytes:
    return sealing.seal(json.dumps(asdict(values)), context=CONTEXT)


def _from_variables() -> Merchant:
    variables = settings.MPESA
    values = Credentials(
        consumer_key=variables.consumer_key,
        consumer_secret=variables.consumer_secret,
        passkey=variables.passkey,
        initiator_name=variables.initiator_name,
        security_credential=variables.security_credential,
    )
    try:
        with transaction.atomic():
            return Merchant.objects.create(
                environment=variables.environment,
                shortcode=variables.shortcode,
                name=settings.BUSINESS_NAME,
                is_default=True,
                credentials_sealed=sealed(values),
            )
    except IntegrityError:  # another process was first
        return Merchant.objects.get(environment=variables.environment, is_default=True)
