"""What is to be posted: one journal, as a change of accounts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ledger.chart import line_of

Place = tuple[str, str]  # environment, account code
Name = tuple[str, str, int]  # kind, subject, n


@dataclass(frozen=True)
class Posting:
    """One journal to be written. `n` counts the journals of (kind, subject) from 1; `type` names a wallet movement.

    Raises ValueError where the change does not sum to zero or names an unknown account. An empty change, or one of
    zeros only, posts nothing (and uses up no `n`).
    """

    environment: str
    kind: str
    subject: str
    n: int
    change: Mapping[str, int]
    description: str
    occurred_at: datetime
    type: str = ""

    def __post_init__(self) -> None:
        if sum(self.change.values()):
            raise ValueError(f"{self.kind} {self.subject} #{self.n} does not sum to zero: {dict(self.change)}")
        for code in self.change:
            line_of(code)

    @property
    def moves(self) -> bool:
        """Whether there is anything to post."""
        return any(self.change.values())

    @property
    def name(self) -> Name:
        """What makes the journal unique (`journal_once`)."""
        return self.kind, self.subject, self.n

    def places(self) -> list[Place]:
        """The accounts that change."""
        return [(self.environment, code) for code, amount in self.change.items() if amount]
