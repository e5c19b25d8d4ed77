"""Who pays what with which luck, and which misfortunes come when: all of it from one seed."""

import random
from collections import Counter
from dataclasses import dataclass, field

# Weighted by how often they happen; families end by themselves (simulator/README.md).
_NUMBERS = (
    [("25418", "0000")] * 40
    + [("25418", code) for code in ("0001", "1032", "1037", "2001", "1019", "1031", "1025", "7777")]
    + [("25419", f"{fault:02d}") for fault in range(1, 16)]
)
_GOOD = ("25419", "02")  # paid, and told three times: a family of a hundred thousand
TROUBLES = (
    "web is killed", "worker for money is killed", "worker for news is killed", "beat is killed",
    "Redis is killed and empty", "PostgreSQL is killed", "web is frozen", "worker for money is frozen",
    "worker for news is frozen", "M-Pesa is busy", "M-Pesa breaks connections",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Task:
    """One person pays one thing: a deposit, or the session `session` (an index); `phones` one try after the other."""

    person: int
    phones: tuple[str, ...]
    amount: int
    session: int | None = None


@dataclass(frozen=True, slots=True)
class Misfortune:
    """`after_s` after the one before it has begun; it lasts `lasts_s`."""

    what: str
    after_s: float
    lasts_s: float


@dataclass(slots=True)
class Plan:
    seed: int
    tasks: list[Task] = field(default_factory=list)
    misfortunes: list[Misfortune] = field(default_factory=list)

    @property
    def sessions(self) -> int:
        return sum(task.session is not None for task in self.tasks)


def make(*, seed: int, deposits: int, sessions: int, misfortunes: int) -> Plan:
    """Every trouble comes at least once where there are as many."""
    dice = random.Random(seed)
    plan, used = Plan(seed), Counter[tuple[str, str]]()
    for person in range(deposits + sessions):
        if person < deposits:
            task = Task(person, (_phone(dice, used),), dice.choice([10, 100, 1000, 2500]))
        else:  # whoever fails, tries again with a number that pays
            task = Task(person, (_phone(dice, used), _number(_GOOD, used)), 1000, person - deposits)
        plan.tasks.append(task)
    dice.shuffle(plan.tasks)
    kinds = list(TROUBLES)
    dice.shuffle(kinds)
    kinds = (kinds * (misfortunes // len(kinds) + 1))[:misfortunes]
    plan.misfortunes = [Misfortune(kind, dice.uniform(0.3, 2.0), dice.uniform(0.5, 2.5)) for kind in kinds]
    return plan


def _phone(dice: random.Random, used: Counter[tuple[str, str]]) -> str:
    return _number(dice.choice(_NUMBERS), used)


def _number(family: tuple[str, str], used: Counter[tuple[str, str]]) -> str:
    """A number that nobody else has: families have a thousand, or a hundred thousand."""
    used[family] += 1
    start, middle = family
    digits = 12 - len(start) - len(middle)
    if used[family] >= 10**digits:
        raise ValueError(f"family {start}{middle} has no more numbers")
    return f"{start}{middle}{used[family]:0{digits}d}"
