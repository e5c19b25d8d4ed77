"""What a variable may be, and what is said where it is something else. A whole start: monitoring/tests/test_settings.py."""

from collections.abc import Callable

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import variables
from config.variables import Variables

pytestmark = pytest.mark.requirement("OPS-5")
Read = Callable[[Variables], object]
X = "MALIPO_X"


def flag(env: Variables) -> object:
    return env.flag(X)


def whole(env: Variables) -> object:
    return env.whole(X, 7)


def number(env: Variables) -> object:
    return env.number(X, 7.0)


def networks(env: Variables) -> object:
    return env.networks(X, ["196.201.214.200"])


def database(env: Variables) -> object:
    parts = env.database(X)
    return tuple(parts.get(name) for name in ("HOST", "PORT", "NAME", "PASSWORD"))


def redis(env: Variables) -> object:
    return env.redis(X)


def email(env: Variables) -> object:
    return env.email(X, "consolemail://").get("EMAIL_HOST")


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (flag, "", False),
        (flag, " On ", True),
        (flag, "1", True),
        (flag, "FALSE", False),
        (flag, "0", False),
        (whole, "", 7),
        (whole, "12", 12),
        (number, "", 7.0),
        (number, "0.05", 0.05),
        (networks, "", ["196.201.214.200"]),
        (networks, "10.0.0.0/8, ::1,", ["10.0.0.0/8", "::1"]),
        (database, "postgres://u:p#p@h/d", ("h", "", "d", "p#p")),
        (database, "postgres://u:p[p@h:5433/d?sslmode=require", ("h", 5433, "d", "p[p")),
        (database, "postgresql:////run/postgresql/d", ("/run/postgresql", "", "d", "")),
        (database, "postgres://u:p@a:1,b:2/d", ("a,b", "1,2", "d", "p")),
        (redis, "redis://127.0.0.1", "redis://127.0.0.1"),
        (redis, "rediss://:p%23p@[::1]:6380/0", "rediss://:p%23p@[::1]:6380/0"),
        (email, "", None),
        (email, "smtp+tls://u:p@h:587", "h"),
    ],
)
def test_right(monkeypatch: pytest.MonkeyPatch, read: Read, text: str, value: object) -> None:
    monkeypatch.setenv(X, text)
    env = Variables()
    assert read(env) == value
    env.stop_if_wrong()


@pytest.mark.parametrize(
    ("read", "text", "words"),
    [
        (flag, "maybe", "must be true or false, not 'maybe'"),
        (flag, "2", "must be true or false, not '2'"),
        (whole, "many", "must be a whole number, 1 or more"),
        (whole, "0", "must be a whole number, 1 or more"),
        (whole, "-1", "must be a whole number, 1 or more"),
        (whole, "\u00b2", "must be a whole number, 1 or more"),
        (whole, "9" * 10, "must be a whole number, 1 or more"),
        (number, "fast", "must be a number above 0"),
        (number, "0", "must be a number above 0"),
        (number, "nan", "must be a number above 0"),
        (number, "inf", "must be a number above 0"),
        (networks, "999", "'999' is no address or network"),
        (networks, "10.0.0.0/8,10.0.0.1/8", "'10.0.0.1/8' is no address or network"),
        (networks, "196.201.214.200;196.201.214.206", "is no address or network"),
        (networks, "proxy.example.co.ke", "is no address or network"),
        (database, "", "must be postgres://"),
        (database, "foo", "must be postgres://"),
        (database, "mysql://u:p@h/d", "must be postgres://"),
        (database, "postgres://u:p@h", "must be postgres://"),
        (database, "postgres://u:p?p@h:5432/d", "must be postgres://"),
        (redis, "", "must be redis://"),
        (redis, "foo", "must be redis://"),
        (redis, "redis://", "must be redis://"),
        (redis, "http://h", "must be redis://"),
        (redis, "redis://:p#p@h:6379/0", "must be redis://"),
        (redis, "redis://[h", "must be redis://"),
        (email, "smtp.example.co.ke", "must be smtp+tls://"),
        (email, "smtp+tls://", "must be smtp+tls://"),
        (email, "smtp+tls://u:p?p@h:587", "must be smtp+tls://"),
    ],
)
def test_wrong(monkeypatch: pytest.MonkeyPatch, read: Read, text: str, words: str) -> None:
    monkeypatch.setenv(X, text)
    env = Variables()
    read(env)
    with pytest.raises(ImproperlyConfigured, match=X) as refused:
        env.stop_if_wrong()
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for read in (database, redis, email):
        monkeypatch.setenv(X, "foo://user:hush@h/d")
        env = Variables()
        read(env)
        with pytest.raises(ImproperlyConfigured) as refused:
            env.stop_if_wrong()
        assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "https", "right"),
    [
        ("https://pay.example.co.ke", True, True),
        ("https://pay.example.co.ke:8443", True, True),
        ("http://pay.example.co.ke", True, False),
        ("http://127.0.0.1:8000", False, True),
        ("https://pay.example.co.ke/pay", True, False),
        ("https://pay.example.co.ke?", True, False),
        ("https://pay.example.co.ke#x", True, False),
        ("https://pay.example.co.ke:x", True, False),
        ("https://", True, False),
        ("https://[", True, False),
        ("pay.example.co.ke", True, False),
        ("", False, False),
    ],
)
def test_a_site_is_scheme_and_host(url: str, https: bool, right: bool) -> None:
    assert variables.is_site(url, https=https) is right


@pytest.mark.parametrize(
    ("hosts", "right"),
    [
        ([], False),
        (["www.example.co.ke"], False),
        (["https://pay.example.co.ke"], False),
        (["pay.example.co.ke"], True),
        (["Pay.Example.co.ke"], True),
        ([".example.co.ke"], True),
        (["*"], True),
    ],
)
def test_the_site_s_host_must_be_among_the_hosts(hosts: list[str], right: bool) -> None:
    assert variables.are_hosts_of(hosts, "https://Pay.example.co.ke:8443") is right
