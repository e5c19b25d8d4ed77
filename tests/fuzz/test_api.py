"""The whole API as its own description says it is: every operation of `/api/schema/`, tried by each role with inputs
that fit the description and inputs that do not, through the real WSGI application, log-in and a simulated M-Pesa.

All checks of schemathesis are on: no fault of ours, only described statuses, types, headers and bodies, what does not
fit is refused, what fits is taken, and nobody gets in without a token. A route is covered as soon as it is described.
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import schemathesis
from django.db import connection
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance

from accounts.roles import Role
from config.wsgi import application
from ledger import checks
from sessions_booking.api_seen import PATTERN
from simulator.testing import Sim, running_simulator
from tests.fuzz import effort
from tests.fuzz.api_world import ROLES, World, end_what_is_open, make_real


@functools.cache
def described() -> dict[str, Any]:
    """What `/api/schema/` says."""
    return SchemaGenerator().get_schema(request=None, public=True)


def loaded(*phases: str) -> Any:
    """The description with some of schemathesis' phases: examples, coverage (of every rule in it), fuzzing."""
    off = {phase: {"enabled": phase in phases} for phase in ("examples", "coverage", "fuzzing")}
    schema = schemathesis.openapi.from_dict(
        described(), config=SchemathesisConfig.from_dict({"phases": off, "generation": {"allow-x00": False}})
    )
    schema.app = application
    return schema


rules, fuzzed = loaded("examples", "coverage"), loaded("fuzzing")
OPERATIONS = sum(1 for _ in fuzzed.get_all_operations())
# What JSON schema has no words for: rules by their code, and fields of which less is taken than can be described.
RULES = {
    "amount_differs",
    "own_session",
    "same_time",
    "slot_past",
    "slot_not_offered",
    "reason_needed",
    "invalid_filter",
    "invalid_time",
}
FIELDS = {"email", "from"}  # not every valid address can be written to; days of our own times only
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.requirement("TST-3"),
    pytest.mark.requirement("SEC-1"),
]


def fitting_is_taken(context: Any, response: Any, case: Any) -> bool | None:
    """schemathesis' own check, but for what a schema cannot say; then the answer must say which rule or field it is."""
    if response.status_code == 412:  # any tag fits the description; only the right one is taken
        assert case.headers["If-Match"] != "*"
        return None
    if response.status_code == 400:
        refused = response.json()
        if refused["code"] == "invalid_if_match":  # schemathesis takes some of its wrong headers for right ones
            assert not re.search(PATTERN, case.headers["If-Match"])
            return None
        if refused["code"] in RULES or {*refused.get("errors", {"?": 0})} <= FIELDS:
            return None
    return positive_data_acceptance(context, response, case)


@pytest.fixture
def m_pesa(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sim]:
    """M-Pesa answers, and never calls back; nobody asks too often."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    settings.RATE_LIMITS = {kind: (10**9, window) for kind, (_, window) in settings.RATE_LIMITS.items()}
    with running_simulator() as sim:
        settings.MPESA = replace(settings.MPESA, base_url=sim.url)
        settings.PUBLIC_URL = "http://127.0.0.1:9"
        yield sim


@pytest.fixture
def world(m_pesa: Sim) -> Iterator[World]:
    yield World()
    assert checks.prove() == []  # whatever was asked


def ask(case: Any, token: str) -> None:
    """Every check of schemathesis, which reads no packed answer."""
    case.call_and_validate(
        headers={"Accept-Encoding": "identity", **({"Authorization": token} if token else {})},
        excluded_checks=[positive_data_acceptance],
        additional_checks=[fitting_is_taken],
    )


@effort.share(1)
@rules.parametrize()
def test_every_rule_of_the_description(case: Any, world: World) -> None:
    effort.tried[f"API, rules of {case.operation.label}"] += 1
    end_what_is_open()
    make_real(case, world.names(0))
    ask(case, world.tokens[Role.CLIENT])


@effort.share(32 / OPERATIONS)
@fuzzed.given(role=st.sampled_from(ROLES), free=st.booleans(), real=st.none() | st.integers(0, 11))
@fuzzed.parametrize()
def test_operation(case: Any, world: World, role: str | None, free: bool, real: int | None) -> None:
    effort.tried[f"API {case.operation.label}"] += 1
    if free:
        end_what_is_open()
    if real is not None:
        make_real(case, world.names(real))
    ask(case, world.tokens[role])


def test_the_description_is_the_one_that_is_served() -> None:
    assert Client().get("/api/schema/?format=json").json()["paths"].keys() == described()["paths"].keys()
