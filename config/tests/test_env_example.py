"""`.env.example` is the one list of variables: it names exactly what the settings read."""

import itertools
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent.parent
READERS = r"(?:env\.\w+|_keys|needed)"
CALL = re.compile(READERS + r"\(\s*((?:\"[A-Z_]+\",?\s*)+)")
LISTED = re.compile(r"^#?([A-Z][A-Z_]+)=", re.MULTILINE)


def read_by_the_settings() -> set[str]:
    sources = [(CHECKOUT / "config" / name).read_text() for name in ("settings.py", "mpesa_variables.py")]
    return {name for source in sources for call in CALL.findall(source) for name in re.findall(r"[A-Z_]+", call)}


@pytest.mark.requirement("OPS-5")
def test_the_example_names_every_variable_and_no_other() -> None:
    listed = LISTED.findall((CHECKOUT / ".env.example").read_text())
    assert sorted(listed) == sorted(read_by_the_settings())


@pytest.mark.requirement("OPS-5")
def test_every_variable_has_a_sentence() -> None:
    lines = (CHECKOUT / ".env.example").read_text().splitlines()
    for above, line in itertools.pairwise(lines):
        if LISTED.match(line):
            assert above.startswith("#"), line  # its own sentence, or a neighbour that shares one
