"""Production's processes, as `Procfile` says it: what the bench measures and the tests kill is started by its very lines."""

import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dev.places import CHECKOUT

FILE = CHECKOUT / "Procfile"
_BIN = Path(sys.executable).parent
_LINE = re.compile(r"([a-z]+): (.+)")
_GIVEN = re.compile(r"([A-Z_]+)=(.*)")


@dataclass(frozen=True, slots=True)
class Process:
    """A command, and the variables that its line sets."""

    command: list[str]
    env: Mapping[str, str]


def process(name: str, *more: object, port: int = 0) -> Process:
    """With further options, which win over those of the line. Raises KeyError where there is no such line."""
    words = shlex.split(lines()[name])
    env: dict[str, str] = {}
    while given := _GIVEN.fullmatch(words[0]):
        env[given[1]] = given[2]
        words.pop(0)
    options = [str(port) if word == "$PORT" else word for word in words[1:]]
    return Process([str(_BIN / words[0]), *options, *map(str, more)], env)


def lines() -> dict[str, str]:
    """The commands by name, as a shell is given them."""
    found = [_LINE.fullmatch(line) for line in FILE.read_text().splitlines()]
    return {line[1]: line[2] for line in found if line}
