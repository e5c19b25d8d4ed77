"""A start with wrong variables stops with the variable's name (OPS-5)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.requirement("OPS-5")
CHECKOUT = Path(__file__).resolve().parent.parent.parent
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
PRODUCTION = {
    "PRODUCTION": "true",
    "SECRET_KEY": "x" * 60,
    "PUBLIC_URL": "https://pay.example.co.ke",
    "ALLOWED_HOSTS": "pay.example.co.ke",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "DATA_KEYS": KEY,
    "HASH_KEY": KEY,
    "HOOK_KEYS": KEY,
    "SEAL_KEY": KEY,
    "MPESA_ENVIRONMENT": "production",
    "MPESA_CONSUMER_KEY": "key",
    "MPESA_CONSUMER_SECRET": "secret",
    "MPESA_SHORTCODE": "600100",
    "MPESA_PASSKEY": "passkey",
}


def start(variables: dict[str, str], say: str = "''") -> tuple[int, str]:
    """Load the settings in a process of its own; its exit status, and its last line."""
    code = f"import django; django.setup(); from django.conf import settings; print({say})"
    # a variable that is set, if to nothing, is not taken from a developer's .env
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=CHECKOUT,
        env={**kept, "DJANGO_SETTINGS_MODULE": "config.settings", **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, (done.stdout + done.stderr).strip().splitlines()[-1]


def test_a_complete_production_start() -> None:
    assert start(PRODUCTION, "settings.MPESA.shortcode, settings.DEBUG") == (0, "600100 False")


@pytest.mark.parametrize("name", ["CONSUMER_KEY", "CONSUMER_SECRET", "SHORTCODE", "PASSKEY"])
def test_a_missing_mpesa_variable_is_named(name: str) -> None:
    status, line = start({**PRODUCTION, f"MPESA_{name}": ""})
    assert status != 0
    assert line.endswith(f"Missing required M-Pesa configuration: MPESA_{name}")


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "PUBLIC_URL", "DATA_KEYS", "HASH_KEY", "HOOK_KEYS", "SEAL_KEY", "DATABASE_URL", "REDIS_URL"]
)
def test_any_other_missing_variable_is_named(name: str) -> None:
    status, line = start({**PRODUCTION, name: ""})
    assert status != 0
    assert name in line


@pytest.mark.parametrize("value", [" passkey", "passkey ", "\tpasskey"])
def test_stray_spaces_are_refused(value: str) -> None:
    status, line = start({**PRODUCTION, "MPESA_PASSKEY": value})
    assert status != 0
    assert line.endswith("MPESA_PASSKEY has stray spaces at its beginning or end")


@pytest.mark.parametrize("name", ["MPESA_BUSINESS_SHORTCODE", "MPESA_BUSINESS_SHORT_CODE"])
def test_the_shortcode_s_other_names(name: str) -> None:
    variables = {**PRODUCTION, "MPESA_SHORTCODE": "", name: "600200"}
    assert start(variables, "settings.MPESA.shortcode") == (0, "600200")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"DEBUG": "true"}, "DEBUG must be off"),
        ({"MPESA_BASE_URL": "http://127.0.0.1:8100"}, "MPESA_BASE_URL points at a simulator"),
        ({"MPESA_ENVIRONMENT": "live"}, "MPESA_ENVIRONMENT must be sandbox or production"),
        ({"DATA_KEYS": "c2hvcnQ="}, "DATA_KEYS must hold keys of 32 bytes"),
    ],
)
def test_dangerous_values_stop_a_production_start(changed: dict[str, str], words: str) -> None:
    status, line = start({**PRODUCTION, **changed})
    assert status != 0
    assert words in line


def test_the_public_sandbox_needs_no_variables_in_development() -> None:
    servers = {name: PRODUCTION[name] for name in ("DATABASE_URL", "REDIS_URL")}
    assert start(servers, "settings.MPESA.shortcode, settings.MPESA.base_url") == (0, "174379 http://127.0.0.1:8100")
