"""Reads the environment for the settings, and finds what cannot work: before the first callback does.

What is wrong is remembered, not raised, so that one start says all of it (`stop_if_wrong`); until then something harmless
stands in its place. A value is taken as it stands: environ's own readers would look for another variable where one
begins with `$`, as passwords may, and would read a slip of the pen as "off".
"""

import math
import os
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any
from urllib.parse import SplitResult, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from django.http.request import validate_host

_ON, _OFF = ("true", "on", "yes", "y", "ok", "1"), ("false", "off", "no", "n", "0", "")
_POSTGRES = ("postgres", "postgresql", "pgsql", "psql")
_POSTGRES_NEEDED = (
    "must be postgres://user:password@host:5432/name, with %3F for ? and so on in the password (in development manage.py "
    "and make lend a server)"
)
_REDIS_NEEDED = "must be redis://:password@host:6379/0 (in development manage.py and make lend a server)"
_EMAIL_NEEDED = "must be smtp+tls://user:password@host:587, or consolemail:// for the log"


class Variables:
    def __init__(self) -> None:
        self._wrong: list[str] = []

    def must(self, right: bool, otherwise: str) -> None:
        """`otherwise` begins with the variable's name, says what to write, and shows no secret."""
        if not right:
            self._wrong.append(otherwise)

    def stop_if_wrong(self) -> None:
        """Raises ImproperlyConfigured with a line for each."""
        if len(self._wrong) == 1:
            raise ImproperlyConfigured(self._wrong[0])
        if self._wrong:
            lines = [f"{len(self._wrong)} variables are missing or wrong:", *self._wrong]
            raise ImproperlyConfigured("\n- ".join(lines))

    def text(self, name: str, default: str = "") -> str:
        return os.environ.get(name, default)

    def trimmed(self, name: str, default: str = "") -> str:
        value = self.text(name, default)
        self.must(value == value.strip(), f"{name} has stray spaces at its beginning or end")
        return value

    def listed(self, name: str, default: Sequence[str] = ()) -> list[str]:
        """Comma-separated."""
        parts = [part.strip() for part in self.text(name).split(",")]
        return [part for part in parts if part] or list(default)

    def one_of(self, name: str, choices: Sequence[str], default: str) -> str:
        value = self.text(name) or default
        self.must(value in choices, f"{name} must be {', '.join(choices[:-1])} or {choices[-1]}")
        return value if value in choices else default

    def flag(self, name: str) -> bool:
        """Off where it is not set."""
        value = self.text(name).strip().lower()
        self.must(value in (*_ON, *_OFF), f"{name} must be true or false, not {value!r}")
        return value in _ON

    def whole(self, name: str, default: int, *, least: int = 1) -> int:
        text = self.text(name).strip() or str(default)
        right = text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= least
        self.must(right, f"{name} must be a whole number, {least} or more")
        return int(text) if right else default

    def number(self, name: str, default: float) -> float:
        try:
            value = float(self.text(name) or default)
        except ValueError:
            value = math.nan
        right = 0 < value < math.inf
        self.must(right, f"{name} must be a number above 0")
        return value if right else default

    def networks(self, name: str, default: Sequence[str] = ()) -> list[str]:
        """As `lib.addresses` reads them."""
        texts = self.listed(name, default)
        for text in texts:
            self.must(
                _is_network(text),
                f"{name}: {text!r} is no address or network; write them as 196.201.214.200 or 10.0.0.0/8, commas between",
            )
        return texts

    def database(self, name: str) -> dict[str, Any]:
        """What Django calls it."""
        url = self.text(name)
        try:
            parts: dict[str, Any] = environ.Env.db_url_config(url) if url.partition("://")[0] in _POSTGRES else {}
        except ValueError:
            parts = {}
        self.must(bool(parts.get("NAME")), f"{name} {_POSTGRES_NEEDED}")
        return parts

    def redis(self, name: str) -> str:
        url = self.text(name)
        parts = _split(url)
        self.must(parts is not None and parts.scheme in ("redis", "rediss"), f"{name} {_REDIS_NEEDED}")
        return url

    def email(self, name: str, default: str) -> dict[str, Any]:
        """Django's settings for it."""
        url = self.text(name) or default
        try:
            parts: dict[str, Any] = environ.Env.email_url_config(url)
        except (ValueError, ImproperlyConfigured):
            parts = {}
        right = bool(parts) and bool(parts["EMAIL_HOST"] or not url.startswith("smtp"))
        self.must(right, f"{name} {_EMAIL_NEEDED}")
        return parts


def is_site(url: str, *, https: bool) -> bool:
    """Scheme and host, perhaps a port, and nothing else."""
    parts = _split(url)
    return (
        parts is not None
        and parts.scheme in (("https",) if https else ("http", "https"))
        and url == f"{parts.scheme}://{parts.netloc}"
    )


def are_hosts_of(hosts: list[str], url: str) -> bool:
    """Whether a request to this URL has a host that Django takes."""
    parts = _split(url)
    return bool(hosts) and (parts is None or validate_host(parts.hostname or "", hosts))


def _split(url: str) -> SplitResult | None:
    """None where it names no host, or cannot be read."""
    try:
        parts = urlsplit(url)
        return parts if parts.hostname and parts.port != 0 else None
    except ValueError:
        return None


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True
