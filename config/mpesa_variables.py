"""The M-Pesa variables of the environment (OPS-5), read and checked once."""

from dataclasses import dataclass

import environ
from django.core.exceptions import ImproperlyConfigured

SANDBOX, PRODUCTION = "sandbox", "production"
SANDBOX_SHORTCODE = "174379"
# Safaricom publishes both for everybody's tests (daraja.md 10).
SANDBOX_PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"
SAFARICOM_ADDRESSES = [
    "196.201.214.200", "196.201.214.206", "196.201.213.114", "196.201.214.207", "196.201.214.208", "196.201.213.44",
    "196.201.212.127", "196.201.212.138", "196.201.212.129", "196.201.212.136", "196.201.212.74", "196.201.212.69",
    "196.201.212.128", "196.201.212.132",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class MpesaVariables:
    """`base_url` is scheme and host only, set where M-Pesa is a simulator; empty means Safaricom's own host."""

    environment: str
    consumer_key: str
    consumer_secret: str
    shortcode: str
    passkey: str
    callback_secret: str
    initiator_name: str
    security_credential: str
    base_url: str


def read(env: environ.Env, *, production_start: bool) -> MpesaVariables:
    """Raises ImproperlyConfigured with the variable's name; defaults (the public sandbox) only outside production."""
    environment = _text(env, "MPESA_ENVIRONMENT", default=SANDBOX)
    if environment not in (SANDBOX, PRODUCTION):
        raise ImproperlyConfigured("MPESA_ENVIRONMENT must be sandbox or production")
    development = not production_start

    def needed(*names: str, default: str) -> str:
        for name in names:
            if value := _text(env, name):
                return value
        if development and environment == SANDBOX:
            return default
        raise ImproperlyConfigured(f"Missing required M-Pesa configuration: {names[0]}")

    return MpesaVariables(
        environment=environment,
        consumer_key=needed("MPESA_CONSUMER_KEY", default="simulator-key"),
        consumer_secret=needed("MPESA_CONSUMER_SECRET", default="simulator-secret"),
        shortcode=needed(
            "MPESA_SHORTCODE", "MPESA_BUSINESS_SHORTCODE", "MPESA_BUSINESS_SHORT_CODE", default=SANDBOX_SHORTCODE
        ),
        passkey=needed("MPESA_PASSKEY", default=SANDBOX_PASSKEY),
        callback_secret=_text(env, "MPESA_CALLBACK_SECRET"),
        initiator_name=_text(env, "MPESA_INITIATOR_NAME"),
        security_credential=_text(env, "MPESA_SECURITY_CREDENTIAL"),
        base_url=_text(
            env, "MPESA_BASE_URL", default="http://127.0.0.1:8100" if development and environment == SANDBOX else ""
        ),
    )


def _text(env: environ.Env, name: str, default: str = "") -> str:
    value: str = env.str(name, default=default)
    if value != value.strip():
        raise ImproperlyConfigured(f"{name} has stray spaces at its beginning or end")
    return value
