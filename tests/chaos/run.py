"""One seed, from start to proof."""

import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.chaos import flow, plan, proof, trouble
from tests.chaos.plan import Plan
from tests.stack import Stack, running

SCALE = 0.05  # waiting times at a twentieth
_SETTLE_S = 900.0


@dataclass(slots=True)
class Report:
    """What came of one seed."""

    seed: int
    tasks: int
    seconds: float = 0.0
    misfortunes: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    doubtful: int = 0
    moved_cents: int = 0
    unheard_cents: int = 0
    findings: dict[str, list[str]] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        return not any(self.findings.values())


def chaos(asked: Plan, folder: Path, *, say: bool = True) -> Report:
    """Everything of one plan. Logs stay in `folder`."""
    report, began = Report(asked.seed, len(asked.tasks)), time.monotonic()
    servers = trouble.Servers()
    try:
        with running(folder, database=servers.postgres.url, redis=servers.redis.url, scale=SCALE) as product:
            _flow(asked, product, servers, report, say)
            _settle(product, say)
            _prove(product, report)
    finally:
        servers.stop()
    report.seconds = time.monotonic() - began
    return report


def _flow(asked: Plan, product: Stack, servers: trouble.Servers, report: Report, say: bool) -> None:
    names = [f"chaos{number}" for number in range(len(asked.tasks))]
    people = product.people(*names)
    payers = [task for task in asked.tasks if task.session is not None]
    ordered = sorted(payers, key=lambda task: task.session or 0)
    sessions = product.ask("tests.chaos.booked.approved_sessions", [people[task.person].id for task in ordered])
    flowing = flow.Flow(product, asked, people, sessions)
    for misfortune in asked.misfortunes:
        time.sleep(misfortune.after_s)
        _say(say, f"{flowing.done}/{len(asked.tasks)} asked; {misfortune.what} for {misfortune.lasts_s:.1f} s")
        trouble.bring(misfortune, product, servers)
        report.misfortunes[misfortune.what] += 1
    flowing.finish()


def _settle(product: Stack, say: bool) -> None:
    """Wait until nothing is on its way, or long enough for the proofs to say what is."""
    deadline, said = time.monotonic() + _SETTLE_S, ""
    while time.monotonic() < deadline:
        try:
            left = proof.unsettled(product)
        except psycopg.OperationalError:
            left = {"the database": 1}
        if not left:
            return
        words = ", ".join(f"{count} {name}" for name, count in left.items())
        if words != said:
            _say(say, f"settling: {words}")
        said = words
        time.sleep(1)


def _prove(product: Stack, report: Report) -> None:
    settled = proof.Settled(product)
    report.statuses.update(row[2] for row in settled.payments)
    report.reasons.update(key.split(":")[0] for row in settled.payments for key in row[4])
    report.moved_cents = sum(settled.moved[row[1]] for row in settled.payments)
    report.unheard_cents = sum(settled.moved[row[1]] - row[3] for row in settled.payments)
    ((report.doubtful,),) = product.sql("SELECT count(*) FROM outbox_delivery WHERE state = 'DOUBTFUL'")
    report.findings = {each.__name__.replace("_", " "): each(settled) for each in proof.PROOFS}


def table(report: Report) -> str:
    """For people; the seed first, so that a failing one can be done again."""
    lines = [
        f"seed {report.seed}: {report.tasks} payers, {sum(report.statuses.values())} payments, "
        f"{sum(report.misfortunes.values())} misfortunes, {report.seconds:.0f} s",
        "  " + ", ".join(f"{count} {name}" for name, count in report.statuses.most_common()),
        "  for a person: " + (", ".join(f"{n} {name}" for name, n in report.reasons.most_common()) or "none"),
        f"  M-Pesa moved KES {report.moved_cents / 100:,.0f}, of which only its statement can tell KES "
        f"{report.unheard_cents / 100:,.0f}; doubtful messages: {report.doubtful}",
    ]
    for name, findings in report.findings.items():
        lines.append(f"  {'FAILED' if findings else 'proven'}  {name}")
        lines += [f"            {finding}" for finding in findings[:10]]
    return "\n".join(lines)


def _say(say: bool, words: str) -> None:
    if say:
        print(f"  {words}", file=sys.stderr, flush=True)


__all__ = ["Report", "chaos", "plan", "table"]
