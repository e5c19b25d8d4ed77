"""The M-Pesa variables of the environment (OPS-5), read and checked once."""

import re
from dataclasses import dataclass

from config.variables import Variables

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


def read(env: Variables, *, production_start: bool) -> MpesaVariables:
    """What is wrong is told to `env`; defaults (the public sandbox) only outside production."""
    environment = env.one_of("MPESA_ENVIRONMENT", (SANDBOX, PRODUCTION), SANDBOX)
    in_public = environment == SANDBOX and not production_start

    def needed(*names: str, default: str) -> str:
        values = [value for name in names if (value := env.trimmed(name))]
        env.must(bool(values) or in_public, f"Missing required M-Pesa configuration: {names[0]}")
        return values[0] if values else default if in_public else ""

    read = MpesaVariables(
        environment=environment,
        consumer_key=needed("MPESA_CONSUMER_KEY", default="simulator-key"),
        consumer_secret=needed("MPESA_CONSUMER_SECRET", default="simulator-secret"),
        shortcode=needed(
            "MPESA_SHORTCODE", "MPESA_BUSINESS_SHORTCODE", "MPESA_BUSINESS_SHORT_CODE", default=SANDBOX_SHORTCODE
        ),
        passkey=needed("MPESA_PASSKEY", default=SANDBOX_PASSKEY),
        callback_secret=env.trimmed("MPESA_CALLBACK_SECRET"),
        initiator_name=env.trimmed("MPESA_INITIATOR_NAME"),
        security_credential=env.trimmed("MPESA_SECURITY_CREDENTIAL"),
        base_url=env.trimmed("MPESA_BASE_URL", "http://127.0.0.1:8100" if in_public else ""),
    )
    _check(env, read)
    return read


def _check(env: Variables, read: MpesaVariables) -> None:
    digits = re.fullmatch(r"[0-9]{5,7}", read.shortcode)
    env.must(bool(digits) or not read.shortcode, "MPESA_SHORTCODE must be 5 to 7 digits")
    if read.environment == PRODUCTION:
        env.must(
            read.shortcode != SANDBOX_SHORTCODE,
            f"MPESA_SHORTCODE {SANDBOX_SHORTCODE} is Safaricom's public test number: with MPESA_ENVIRONMENT=production "
            "it must be your own",
        )
        env.must(
            read.passkey != SANDBOX_PASSKEY,
            "MPESA_PASSKEY is Safaricom's public one: with MPESA_ENVIRONMENT=production it must be your own",
        )
