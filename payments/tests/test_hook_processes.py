"""Callbacks when the database was restarted, and in processes that take nothing else (settings.HOOKS_ONLY)."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from payments import hooks
from payments.models import Callback
from payments.tests import doors
from payments.urls import DOCUMENTED_CALLBACKS

CHECKOUT = Path(__file__).resolve().parent.parent.parent
ADDRESS = f"/hooks/{hooks.token(hooks.Hook('STK', 'sandbox', 1, 1))}"


@pytest.mark.requirement("CB-1")
@pytest.mark.requirement("OPS-1")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", doors.DOORS)
def test_the_first_callback_after_a_restart_of_the_database_is_stored(door: str) -> None:
    """Its connection is dead, and M-Pesa may not call again."""
    _restart()
    answer = doors.client(door).post(ADDRESS, b"{}", content_type="application/json")
    assert (answer.status_code, Callback.objects.count()) == (200, 1)


@pytest.mark.requirement("OPS-1")
@pytest.mark.django_db(transaction=True)
def test_what_is_written_beside_a_callback_survives_a_restart_of_the_database_too(settings: Any) -> None:
    """A thread whose callbacks others store, and whose dead connection is for security events alone."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    large = b"x" * (settings.CALLBACK_MAX_BYTES + 1)
    client = doors.client("short")
    client.post(ADDRESS, b"{}", content_type="application/json")
    _restart()
    answers = [client.post(ADDRESS, large, content_type="application/json").status_code for _ in range(2)]
    assert answers == [413, 413]


def _restart() -> None:
    """What it is for our connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        ours = cursor.fetchone()[0]
    with psycopg.connect(**_address(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [ours])


def _address() -> dict[str, object]:
    names = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password", "NAME": "dbname"}
    return {ours: connection.settings_dict[theirs] for theirs, ours in names.items()}


ASKING = """
import sys
from config import wsgi
from payments.tests import doors
assert wsgi.application is not wsgi.pages
client = doors.client("short")
for path in sys.argv[1:]:
    answer = client.post(path, "{}", content_type="application/json", HTTP_HOST="127.0.0.1")
    print(answer.status_code)
print(client.get("/health/live", HTTP_HOST="127.0.0.1").status_code)
print(client.post(sys.argv[1], "{}", content_type="application/json", HTTP_HOST="evil.example").status_code)
"""


@pytest.mark.requirement("CB-1")
@pytest.mark.requirement("CB-2")
@pytest.mark.django_db(transaction=True)
def test_a_process_for_callbacks_serves_them_and_nothing_else() -> None:
    callbacks = [ADDRESS, *(f"/{route}" for route in DOCUMENTED_CALLBACKS)]
    others = ["/", "/admin/", "/api/deposits/initiate", "/payments/TXN_A/status"]
    assert _statuses([*callbacks, "/hooks/forged", *others]) == [200] * len(callbacks) + [403] + [404] * 4 + [200, 400]
    assert Callback.objects.count() == len(callbacks) + 1


def _statuses(paths: list[str]) -> list[int]:
    at = _address()
    url = f"postgres://{at['user']}:{at['password']}@{at['host']}:{at['port']}/{at['dbname']}"
    env = {**os.environ, "DATABASE_URL": url, "HOOKS_ONLY": "on", "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-c", ASKING, *paths]
    done = subprocess.run(command, cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return [int(line) for line in done.stdout.splitlines() if line.isdigit()]
