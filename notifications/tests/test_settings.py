"""A start with SMS that cannot work says which variable is wrong."""

import os
import subprocess
import sys

import pytest

START = [sys.executable, "-c", "import django; from django.conf import settings; print(settings.SMS_BACKEND)"]


def start(**variables: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **variables}
    return subprocess.run(START, env=env, capture_output=True, text=True, check=False)


@pytest.mark.requirement("OPS-5")
@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"SMS_BACKEND": "pigeons"}, "SMS_BACKEND must be africas_talking"),
        ({"SMS_BACKEND": "africas_talking"}, "AFRICASTALKING_USERNAME and AFRICASTALKING_API_KEY are required"),
        ({"SMS_BACKEND": "africas_talking", "AFRICASTALKING_USERNAME": "x"}, "AFRICASTALKING_API_KEY are required"),
    ],
)
def test_a_wrong_start_is_stopped(variables: dict[str, str], words: str) -> None:
    done = start(**variables)
    assert done.returncode == 1
    assert words in done.stderr.splitlines()[-1]


@pytest.mark.requirement("OPS-5")
@pytest.mark.parametrize(
    "variables",
    [
        {"SMS_BACKEND": ""},
        {"SMS_BACKEND": "phones"},
        {"SMS_BACKEND": "africas_talking", "AFRICASTALKING_USERNAME": "x", "AFRICASTALKING_API_KEY": "y"},
    ],
)
def test_a_right_start_starts(variables: dict[str, str]) -> None:
    assert start(**variables).stdout.strip() == variables["SMS_BACKEND"]
