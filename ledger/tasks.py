"""Celery's names for the work of this room."""

import logging

from celery import shared_task

from audit import trail
from ledger import checks

logger = logging.getLogger(__name__)


@shared_task(name="ledger.prove", ignore_result=True, time_limit=3600)
def prove() -> None:
    """Prove the books; findings become errors in the log and entries of the audit trail."""
    findings = checks.prove()
    for finding in findings:
        logger.error("the books are wrong: %s", finding)
    trail.record_many(trail.Row("ledger.finding", trail.SYSTEM, "ledger", {"finding": finding}) for finding in findings)
    trail.record(action="ledger.proved", actor=trail.SYSTEM, subject="ledger", data={"findings": len(findings)})
