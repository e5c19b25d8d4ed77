"""A start with wrong variables stops with the variable's name (OPS-5)."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
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


Start = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def start() -> Iterator[Start]:
    """Load the settings with these variables in a process of its own; its exit status, and its last line."""
    # a variable that is set, if to nothing, is not taken from a developer's .env
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-m", "monitoring.tests.starts"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=CHECKOUT, env=kept, text=True, **pipes) as process:

        def started(variables: dict[str, str], *say: str) -> tuple[int, str]:
            env = {**kept, "DJANGO_SETTINGS_MODULE": "config.settings", **variables}
            process.stdin.write(f"{json.dumps([env, say])}\n")
            process.stdin.flush()
            status, line = json.loads(process.stdout.readline())
            return status, line

        yield started


def test_a_complete_production_start(start: Start) -> None:
    assert start(PRODUCTION, "MPESA.shortcode", "DEBUG") == (0, "600100 False")


@pytest.mark.parametrize("name", ["CONSUMER_KEY", "CONSUMER_SECRET", "SHORTCODE", "PASSKEY"])
def test_a_missing_mpesa_variable_is_named(start: Start, name: str) -> None:
    status, line = start({**PRODUCTION, f"MPESA_{name}": ""})
    assert status != 0
    assert line.endswith(f"Missing required M-Pesa configuration: MPESA_{name}")


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "PUBLIC_URL", "DATA_KEYS", "HASH_KEY", "HOOK_KEYS", "SEAL_KEY", "DATABASE_URL", "REDIS_URL"]
)
def test_any_other_missing_variable_is_named(start: Start, name: str) -> None:
    status, line = start({**PRODUCTION, name: ""})
    assert status != 0
    assert name in line


@pytest.mark.parametrize("value", [" passkey", "passkey ", "\tpasskey"])
def test_stray_spaces_are_refused(start: Start, value: str) -> None:
    status, line = start({**PRODUCTION, "MPESA_PASSKEY": value})
    assert status != 0
    assert line.endswith("MPESA_PASSKEY has stray spaces at its beginning or end")


@pytest.mark.parametrize("name", ["MPESA_BUSINESS_SHORTCODE", "MPESA_BUSINESS_SHORT_CODE"])
def test_the_shortcode_s_other_names(start: Start, name: str) -> None:
    variables = {**PRODUCTION, "MPESA_SHORTCODE": "", name: "600200"}
    assert start(variables, "MPESA.shortcode") == (0, "600200")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"DEBUG": "true"}, "DEBUG must be off"),
        ({"MPESA_BASE_URL": "http://127.0.0.1:8100"}, "MPESA_BASE_URL points at a simulator"),
        ({"MPESA_ENVIRONMENT": "live"}, "MPESA_ENVIRONMENT must be sandbox or production"),
        ({"DATA_KEYS": "c2hvcnQ="}, "DATA_KEYS must hold keys of 32 bytes"),
    ],
)
def test_dangerous_values_stop_a_production_start(start: Start, changed: dict[str, str], words: str) -> None:
    status, line = start({**PRODUCTION, **changed})
    assert status != 0
    assert words in line


def test_the_public_sandbox_needs_no_variables_in_development(start: Start) -> None:
    servers = {name: PRODUCTION[name] for name in ("DATABASE_URL", "REDIS_URL")}
    assert start(servers, "MPESA.shortcode", "MPESA.base_url") == (0, "174379 http://127.0.0.1:8100")
