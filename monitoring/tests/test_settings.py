"""A start with wrong variables stops with the variable's name (OPS-5)."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.mpesa_variables import SANDBOX_PASSKEY

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
    """Load the settings with these variables in a process of its own; its exit status, and what it said."""
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
    "name",
    [
        "SECRET_KEY", "PUBLIC_URL", "ALLOWED_HOSTS", "DATA_KEYS", "HASH_KEY", "HOOK_KEYS", "SEAL_KEY", "DATABASE_URL",
        "REDIS_URL",
    ],
)  # fmt: skip
def test_any_other_missing_variable_is_named(start: Start, name: str) -> None:
    status, said = start({**PRODUCTION, name: ""})
    assert status != 0
    assert said.startswith(f"django.core.exceptions.ImproperlyConfigured: {name} ")
    assert len(said.splitlines()) == 1


def test_all_that_is_wrong_is_said_at_once(start: Start) -> None:
    status, said = start({"PRODUCTION": "on", "HOOKS_ONLY": "maybe", "TRUSTED_PROXIES": "999", "DATABASE_URL": "foo"})
    assert status != 0
    first, *lines = said.splitlines()
    assert first.endswith("15 variables are missing or wrong:")
    for name in {*PRODUCTION, "HOOKS_ONLY", "TRUSTED_PROXIES"} - {"PRODUCTION", "MPESA_ENVIRONMENT"}:
        assert len([line for line in lines if re.search(rf"(- |: ){name}\b", line)]) == 1, name


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
        ({"SECRET_KEY": "short"}, "SECRET_KEY must be 50 random characters or more"),
        ({"PUBLIC_URL": "http://pay.example.co.ke"}, "PUBLIC_URL must be https:// and a host"),
        ({"PUBLIC_URL": "https://"}, "PUBLIC_URL must be https:// and a host"),
        ({"PUBLIC_URL": "https://pay.example.co.ke/pay"}, "PUBLIC_URL must be https:// and a host"),
        ({"PUBLIC_URL": "https://pay.example.co.ke:x"}, "PUBLIC_URL must be https:// and a host"),
        ({"ALLOWED_HOSTS": "www.example.co.ke"}, "ALLOWED_HOSTS must name the host of PUBLIC_URL"),
        ({"ALLOWED_HOSTS": "https://pay.example.co.ke"}, "ALLOWED_HOSTS must name the host of PUBLIC_URL"),
        ({"MPESA_BASE_URL": "http://127.0.0.1:8100"}, "MPESA_BASE_URL points at a simulator"),
        ({"MPESA_SHORTCODE": "174379"}, "MPESA_SHORTCODE 174379 is Safaricom's public test number"),
        ({"MPESA_PASSKEY": SANDBOX_PASSKEY}, "MPESA_PASSKEY is Safaricom's public one"),
        ({"DATA_KEYS": "c2hvcnQ="}, "DATA_KEYS must hold keys of 32 bytes"),
        ({"DATA_KEYS": "%"}, "DATA_KEYS must be base64"),
        ({"TIME_SCALE": "0.05"}, "TIME_SCALE must be 1"),
    ],
)
def test_dangerous_values_stop_a_production_start(start: Start, changed: dict[str, str], words: str) -> None:
    refused(start({**PRODUCTION, **changed}), words)


@pytest.mark.parametrize("kind", [PRODUCTION, {}], ids=["production", "development"])
def test_what_cannot_work_stops_any_start(start: Start, kind: dict[str, str]) -> None:
    """config/tests/test_variables.py has more of what is wrong."""
    wrong = {
        "MPESA_ENVIRONMENT": "live",
        "MPESA_SHORTCODE": "abc",
        "MPESA_CALLBACK_ALLOWLIST": "foo",
        "TRUSTED_PROXIES": "999",
        "HOOKS_ONLY": "maybe",
        "DEBUG": "of",
        "DEBUG_BODIES": "2",
        "DATABASE_URL": "foo",
        "REDIS_URL": "foo",
        "EMAIL_URL": "smtp.example.co.ke",
        "TIME_SCALE": "nan",
        "OUTBOUND_CALLS": "0",
        "LOG_LEVEL": "loud",
        "SMS_BACKEND": "pigeons",
    }
    status, said = start({**kind, **wrong})
    assert status != 0
    assert sorted(re.findall(r"^- ([A-Z_]+)\b", said, re.MULTILINE)) == sorted(wrong)


def refused(end: tuple[int, str], words: str) -> None:
    """For this one reason."""
    status, said = end
    assert status != 0
    assert words in said
    assert len(said.splitlines()) == 1


def test_production_is_on_or_off(start: Start) -> None:
    """Half on would be development, with its open doors."""
    refused(start({**PRODUCTION, "PRODUCTION": "maybe", "MPESA_ENVIRONMENT": ""}), "PRODUCTION must be true or false")


def test_what_is_right_is_taken_as_it_stands(start: Start) -> None:
    changed = {
        "TRUSTED_PROXIES": "10.0.0.0/8,fd00::/8",
        "ALLOWED_HOSTS": "127.0.0.1, .example.co.ke",
        "MPESA_CALLBACK_ALLOWLIST": "196.201.214.200",
        "EMAIL_URL": "smtp+tls://u:p@smtp.example.co.ke:587",
        "SECRET_KEY": "$" + "x" * 60,
        "HOOKS_ONLY": "On",
        "MPESA_ENVIRONMENT": "sandbox",
        "MPESA_SHORTCODE": "174379",
    }
    names = ("TRUSTED_PROXIES", "ALLOWED_HOSTS", "CALLBACK_ALLOWLIST", "EMAIL_HOST", "SECRET_KEY", "HOOKS_ONLY")
    values = (
        ["10.0.0.0/8", "fd00::/8"], ["127.0.0.1", ".example.co.ke"], ["196.201.214.200"], "smtp.example.co.ke",
        "$" + "x" * 60, True,
    )  # fmt: skip
    assert start({**PRODUCTION, **changed}, *names) == (0, " ".join(map(str, values)))


def test_the_public_sandbox_needs_no_variables_in_development(start: Start) -> None:
    servers = {name: PRODUCTION[name] for name in ("DATABASE_URL", "REDIS_URL")}
    assert start(servers, "MPESA.shortcode", "MPESA.base_url") == (0, "174379 http://127.0.0.1:8100")
