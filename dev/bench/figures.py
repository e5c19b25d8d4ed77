"""What was measured, beside what it is measured against."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. A `target` is "≥ 0.35", "≤ 1.3" or "" where there is none."""

    part: str
    name: str
    value: float
    unit: str = ""
    target: str = ""

    @property
    def verdict(self) -> str:
        if not self.target:
            return ""
        sign, _, number = self.target.partition(" ")
        held = self.value >= float(number) if sign == "≥" else self.value <= float(number)
        return "ok" if held else "SHORT"


def quantile(sorted_values: Sequence[float], share: float) -> float:
    """The value that this share lies below; of an ordered list that is not empty."""
    return sorted_values[min(int(len(sorted_values) * share), len(sorted_values) - 1)]


def milliseconds(part: str, name: str, seconds: Sequence[float], *, p99: str = "") -> list[Figure]:
    """Its median and 99th percentile; `p99` is the target of the latter, in ms."""
    ordered = sorted(seconds)
    return [
        Figure(part, f"{name}, p50", shown(quantile(ordered, 0.5) * 1000), "ms"),
        Figure(part, f"{name}, p99", shown(quantile(ordered, 0.99) * 1000), "ms", p99),
    ]


def shown(value: float) -> float:
    """Three digits that mean something."""
    if value >= 100:
        return round(value)
    return round(value, 1 if value >= 10 else 2)


def table(figures: Sequence[Figure]) -> str:
    head = f"{'':9}{'figure':58}{'measured':>10} {'':8}{'target':>9}"
    lines = [
        f"{one.part:9}{one.name:58}{one.value:>10g} {one.unit:8}{one.target:>9} {one.verdict}".rstrip()
        for one in figures
    ]
    return "\n".join([head, *lines])


def write(figures: Sequence[Figure], file: Path) -> None:
    rows = [{**asdict(one), "verdict": one.verdict} for one in figures]
    file.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
