"""`make requirements`: every requirement with the tests that carry its mark, then the documents' scenarios."""

import contextlib
import io
import sys
from collections import defaultdict

import pytest

from dev.places import CHECKOUT

_LIST = CHECKOUT / "docs" / "requirements-ids.txt"
Proofs = dict[str, list[str]]


class Collector:
    """A pytest plugin that notes which tests carry which marks; parametrised tests count once."""

    def __init__(self) -> None:
        self.requirements: Proofs = defaultdict(list)
        self.scenarios: Proofs = defaultdict(list)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            for mark_name, proofs in (("requirement", self.requirements), ("scenario", self.scenarios)):
                for mark in item.iter_markers(mark_name):
                    _note(proofs, mark.args, item.nodeid.split("[")[0])


def _note(proofs: Proofs, identifiers: tuple[object, ...], test: str) -> None:
    for identifier in map(str, identifiers):
        if test not in proofs[identifier]:
            proofs[identifier].append(test)


def titles() -> dict[str, str]:
    """Id and title, in the order of the list."""
    lines = [line for line in _LIST.read_text().splitlines() if line and not line.startswith("#")]
    return {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}


def report(known: dict[str, str], requirements: Proofs, scenarios: Proofs) -> list[str]:
    lines = []
    for identifier, title in known.items():
        tests = requirements.get(identifier, [])
        lines.append(f"{identifier:7} {title}" + ("" if tests else "  — no test yet"))
        lines += [f"        {test}" for test in tests]
    for scenario, tests in sorted(scenarios.items()):
        lines.append(f"scenario {scenario}")
        lines += [f"        {test}" for test in tests]
    proven = sum(1 for identifier in known if requirements.get(identifier))
    return [*lines, "", f"{proven} of {len(known)} have at least one test; {len(scenarios)} scenarios are named."]


def main() -> None:
    collector = Collector()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        status = pytest.main(["--collect-only", "-q", f"--rootdir={CHECKOUT}", str(CHECKOUT)], plugins=[collector])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        sys.exit(said.getvalue())
    known = titles()
    print("\n".join(report(known, collector.requirements, collector.scenarios)))
    if unknown := sorted(set(collector.requirements) - set(known)):
        sys.exit(f"Marks that name no requirement: {', '.join(unknown)}")


if __name__ == "__main__":
    main()
