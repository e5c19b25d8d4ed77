"""The servers of a test run, started before the settings load, and what every test can count on.

pytest-django would read DJANGO_SETTINGS_MODULE from pytest.ini before this file is seen, when DATABASE_URL is not yet
set; so it is named here instead. Each run has a PostgreSQL of its own and each xdist worker a Redis of its own
(publish/subscribe knows no database numbers). DATABASE_URL and REDIS_URL are honoured: of that PostgreSQL nothing is
touched but what bears the run's name (dev/template.py), but that Redis is emptied.
"""

import gc
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import django
import pytest
import redis
import time_machine
from django.conf import settings
from django.db import connections
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from xdist.scheduler.loadscope import LoadScopeScheduling

from dev import emptying, processes, servers, template
from dev.places import Unusable

_EMBEDDED = "MALIPO_TESTS_EMBEDDED_REDIS"
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
_ALONE = not _WORKER


def _lend_servers() -> None:
    if _ALONE:
        servers.sweep("test-")
        os.environ[_EMBEDDED] = "" if os.environ.get("REDIS_URL") else "yes"
    elif os.environ[_EMBEDDED]:
        del os.environ["REDIS_URL"]  # the controller's
    try:
        servers.lend(f"test-{os.getpid()}", throwaway=True)
        if _ALONE and (server := os.environ.get("DATABASE_URL")):
            template.begin(server)
    except Unusable as refusal:
        pytest.exit(str(refusal), returncode=4)


def _load_settings() -> None:
    if "pytest_django" not in sys.modules or settings.configured:
        return  # pytest -p no:django, pytest --ds=…
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    del os.environ["DJANGO_SETTINGS_MODULE"]  # else a worker would load the settings before this file gave it its Redis
    emptying.install()
    # the slow hashers are for real passwords
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


# Workers share the processors with each other and with servers: how long an example takes says nothing about the code.
# Examples are the same in every run, so that none fails by chance; others are looked for with
# `pytest --hypothesis-profile=random --hypothesis-seed=7 -m hypothesis`.
_OF_ALL = hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.register_profile("malipo", _OF_ALL, derandomize=True)
hypothesis_settings.register_profile("random", _OF_ALL, derandomize=False)
hypothesis_settings.load_profile("malipo")
_lend_servers()
# The tables that refuse TRUNCATE (lib.db.frozen) let the test suite empty its own database.
# And a test's own transaction may stand still while a busy machine, or somebody with a debugger, takes its time.
os.environ["PGOPTIONS"] = " ".join(
    [os.environ.get("PGOPTIONS", ""), "-c malipo.allow_truncate=on", "-c idle_in_transaction_session_timeout=0"]
).strip()
_load_settings()
_making: list[subprocess.Popen[bytes]] = []


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """While the workers start and look for their tests, what all of their databases are copies of is made."""
    maker = template.maker(os.environ["DATABASE_URL"])
    _making.append(processes.spawn(maker.pop("args"), **maker))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Of the run's own name. Alone, a process makes its database itself, and needs no other for it."""
    made = connections["default"].settings_dict["TEST"]
    made["NAME"] = template.name(_WORKER or "alone")
    if _WORKER:
        made["TEMPLATE"] = template.ready(os.environ["DATABASE_URL"])


@pytest.fixture(scope="session")
def _redis() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        yield client


@pytest.fixture(autouse=True)
def _empty_redis(_redis: redis.Redis) -> None:
    """No counter, token or message of another test. A server that workers share cannot be emptied under them."""
    if _ALONE or os.environ[_EMBEDDED]:
        _redis.flushdb()


@pytest.fixture
def clock_stands() -> Iterator[None]:
    """What is counted by quarters of an hour, or named by its day, does not begin anew in the middle of a test."""
    with time_machine.travel(time.time(), tick=False):
        yield


# What shares a running product (tests/stack.py) stays with one worker; no more than two products run at a time.
_CHAINS = {
    "tests/journeys/": "journeys",
    "tests/matrix/": "product",
    "tests/kills/": "product",
    "tests/chaos/": "product",
    "payments/tests/test_hook_processes.py": "hooks",
}
# The longest first, so that no worker is left alone with one of them at the end; the many short ones fill what is left.
_LONG = (
    "tests/properties/",
    "tests/crashes/",
    "tests/access/",
    "tests/fuzz/",
    "tests/",
    "/test_chase.py",
    "properties.py",
)


def _chain(nodeid: str) -> str:
    return next((chain for folder, chain in _CHAINS.items() if nodeid.startswith(folder)), "")


def _turn(item: pytest.Item) -> int:
    if _chain(item.nodeid):
        return 0
    file = item.nodeid.partition("::")[0]
    return next((turn for turn, part in enumerate(_LONG, 1) if part in file), len(_LONG) + 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)


def pytest_collection_finish() -> None:
    """What is loaded by now stays for the whole run: to look through it again and again was a twelfth of the work."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


class _Chains(LoadScopeScheduling):
    """xdist's own groups rewrite the ids of tests, which this pytest does not allow."""

    def _split_scope(self, nodeid: str) -> str:
        return _chain(nodeid) or nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    return _Chains(config, log)


def pytest_unconfigure() -> None:
    """When the prompt is back, nothing is left running."""
    processes.stop(_making, patience_s=60)
    if _ALONE and (server := os.environ.get("DATABASE_URL")):
        template.end(server)
    servers.give_back()
