"""Reads `table.md`: what each role is answered at each address."""

import re
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("table.md")
ROLES = ("nobody", "client", "other client", "therapist", "other therapist", "support", "finance", "admin")


@dataclass(frozen=True)
class Line:
    """One line of a section: what it is about (its first columns) and one cell for each role."""

    about: tuple[str, ...]
    cells: dict[str, str]

    def __str__(self) -> str:
        return " | ".join((*self.about, *self.cells.values()))


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Address:
    """One address, about one thing, by these methods."""

    address: str
    about: str
    methods: tuple[str, ...]
    cells: dict[str, str]


def addresses() -> list[Address]:
    return [
        Address(address.removeprefix("/"), about, METHODS if methods == "any" else tuple(methods.split()), line.cells)
        for line in section("Addresses")
        for address, about, methods in [line.about]
    ]


def section(title: str) -> list[Line]:
    """The lines of the table below `## title`."""
    _, _, rest = TABLE.read_text().partition(f"\n## {title}\n")
    rows = [_columns(line) for line in rest.partition("\n## ")[0].splitlines() if line.startswith("|")]
    if not rows:
        raise AssertionError(f"{TABLE.name} has no table {title!r}")
    head, _ruler, *lines = rows
    if tuple(head[-len(ROLES) :]) != ROLES:
        raise AssertionError(f"{title}: the last columns must be {ROLES}")
    return [_line(columns) for columns in lines]


def _columns(line: str) -> list[str]:
    return [column.strip().strip("`") for column in re.split(r"(?<!\\)\|", line)[1:-1]]


def _line(columns: list[str]) -> Line:
    about, cells = columns[: -len(ROLES)], columns[-len(ROLES) :]
    return Line(tuple(about), dict(zip(ROLES, cells, strict=True)))
