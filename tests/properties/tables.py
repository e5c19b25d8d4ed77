"""What stands in the tables, as an accountant with psql would read it: it asks none of the models.

The machines look after every step; one statement for each question, said as it is, is what makes a hundred lives affordable.
"""

from collections import Counter, defaultdict
from typing import Any, NamedTuple

from django.db import connection


class PaymentRow(NamedTuple):
    pk: int
    status: str
    reasons: list[str]
    answer: str
    received_cents: int
    purpose: str
    target_id: int

    @property
    def flags(self) -> set[str]:
        return {key.split(":")[0] for key in self.reasons}


def rows(sql: str, *values: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def payments() -> list[PaymentRow]:
    found = rows(
        "SELECT id, status, reasons, answer, received_cents, purpose, target_id FROM payments_payment ORDER BY id"
    )
    return [PaymentRow(*row) for row in found]


def booked() -> dict[str, dict[str, int]]:
    """By payment (its transaction id): what its journals hold in each account, debit positive."""
    held: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for subject, debit, credit, cents in rows(
        """SELECT j.subject, d.code, c.code, sum(t.amount_cents)::bigint
           FROM ledger_transfer t JOIN ledger_journal j ON j.id = t.journal_id
           JOIN ledger_account d ON d.id = t.debit_id JOIN ledger_account c ON c.id = t.credit_id
           WHERE j.kind = 'PAYMENT' GROUP BY 1, 2, 3"""
    ):
        held[subject][debit] += cents
        held[subject][credit] -= cents
    found = {subject: {code: cents for code, cents in codes.items() if cents} for subject, codes in held.items()}
    return defaultdict(dict, found)


def accounts() -> dict[str, tuple[int, int]]:
    """By code, of the sandbox: the balance that is stored (0 where none is), and credits less debits of all transfers."""
    found = rows(
        """SELECT a.code, coalesce(a.balance_cents, 0),
             coalesce((SELECT sum(amount_cents) FROM ledger_transfer WHERE credit_id = a.id), 0)::bigint
             - coalesce((SELECT sum(amount_cents) FROM ledger_transfer WHERE debit_id = a.id), 0)::bigint
           FROM ledger_account a WHERE a.environment = 'sandbox'"""
    )
    return {code: (stored, moved) for code, stored, moved in found}


def lots() -> Counter[tuple[str, int, int | None]]:
    """Receipt, cents, payment."""
    return Counter(rows("SELECT receipt, amount_cents, payment_id FROM payments_lot"))


def submissions() -> list[tuple[int, str, int]]:
    """Payment, REFUSED or SENT, number; refusals first."""
    return rows(
        "SELECT payment_id, kind, submission FROM payments_paymentfact WHERE kind IN ('SENT', 'REFUSED') ORDER BY kind"
    )


def live_twice() -> list[tuple[Any, ...]]:
    """Things and phones with more than one live payment."""
    return rows(
        """SELECT purpose, target_id::text FROM payments_payment WHERE status IN ('SENDING', 'PROMPTED')
           GROUP BY 1, 2 HAVING count(*) > 1
           UNION ALL
           SELECT 'phone', phone_hash FROM payments_payment WHERE status IN ('SENDING', 'PROMPTED')
           GROUP BY 2 HAVING count(*) > 1"""
    )


def published() -> Counter[tuple[int | None, str]]:
    """How often each news of each session was given to the outbox."""
    found = rows("SELECT (payload->>'booking_id')::bigint, topic, count(*) FROM outbox_delivery GROUP BY 1, 2")
    return Counter({(booking, topic): times for booking, topic, times in found})


def bookings() -> list[tuple[Any, ...]]:
    """Id, state, start, end, answer by, pay by, paying payment."""
    return rows("SELECT id, state, starts_at, ends_at, answer_by, pay_by, payment_id FROM sessions_booking_booking")
