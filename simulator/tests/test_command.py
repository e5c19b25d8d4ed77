"""`manage.py simulator` and how a simulator is set up."""

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from simulator.settings import Settings, is_loopback
from simulator.switches import WrongSwitch


def test_it_does_not_start_with_production_settings() -> None:
    with (
        override_settings(PRODUCTION=True),
        pytest.raises(CommandError, match="does not start with production settings"),
    ):
        call_command("simulator", port=1)


@pytest.mark.parametrize(
    ("options", "said"), [({"phone": ["12"]}, "valid Kenyan phone"), ({"time_scale": 0.0}, "must be more than 0")]
)
def test_wrong_options_are_said(options: dict[str, object], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("simulator", port=1, **options)


def test_wrong_settings_stop_the_start() -> None:
    with pytest.raises(ValueError, match="time scale"):
        Settings(time_scale=0)
    with pytest.raises(WrongSwitch, match="no switch 'x'"):
        Settings(switches={"x": 1})


@pytest.mark.parametrize(
    ("host", "local"),
    [("localhost", True), ("127.9.0.1", True), ("::1", True), ("10.0.0.1", False), ("localhost.example", False)],
)
def test_what_is_this_machine(host: str, local: bool) -> None:
    assert is_loopback(host) is local
