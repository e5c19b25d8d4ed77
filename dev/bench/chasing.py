"""The sweeps of beat while a hundred thousand payments are silent."""

from dev.bench import stage
from dev.bench.figures import Figure, shown

PENDING = 100_000


def measure() -> list[Figure]:
    stage.product("chasing.prepare", PENDING)
    found = stage.product("chasing.sweep")
    return [
        Figure("chase", f"timed out a second, {PENDING:,} overdue, one worker", shown(found["rows_per_s"]), "/s"),
        Figure("chase", "queries for each row, batches of 100", shown(found["queries_per_row"])),
        Figure("chase", "questions to M-Pesa leased (20 of those due)", shown(found["claim_ms"]), "ms"),
        Figure("chase", "a sweep that finds nothing due", shown(found["idle_ms"]), "ms"),
    ]
