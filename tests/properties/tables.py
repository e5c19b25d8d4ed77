"""What stands in the tables, as an accountant with psql would read it: it asks none of the models.

The machines look after every step. All of it is one statement, said as it is, and it is said again only when something
was written since: that is what makes a hundred lives affordable.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, NamedTuple, Self

from django.db import connection

_QUESTIONS = {
    "payments": """
        SELECT id, status, reasons, answer, received_cents, purpose, target_id FROM payments_payment ORDER BY id""",
    "booked": """
        SELECT j.subject, d.code AS debit, c.code AS credit, sum(t.amount_cents)::bigint AS cents
        FROM ledger_transfer t JOIN ledger_journal j ON j.id = t.journal_id
        JOIN ledger_account d ON d.id = t.debit_id JOIN ledger_account c ON c.id = t.credit_id
        WHERE j.kind = 'PAYMENT' GROUP BY 1, 2, 3""",
    "accounts": """
        SELECT a.code, coalesce(a.balance_cents, 0) AS stored,
          coalesce((SELECT sum(amount_cents) FROM ledger_transfer WHERE credit_id = a.id), 0)::bigint
          - coalesce((SELECT sum(amount_cents) FROM ledger_transfer WHERE debit_id = a.id), 0)::bigint AS moved
        FROM ledger_account a WHERE a.environment = 'sandbox'""",
    "lots": "SELECT receipt, amount_cents, payment_id FROM payments_lot",
    "submissions": """
        SELECT payment_id, kind, submission FROM payments_paymentfact WHERE kind IN ('SENT', 'REFUSED') ORDER BY kind""",
    "live": """
        SELECT purpose, target_id::text FROM payments_payment WHERE status IN ('SENDING', 'PROMPTED')
        GROUP BY 1, 2 HAVING count(*) > 1
        UNION ALL
        SELECT 'phone', phone_hash FROM payments_payment WHERE status IN ('SENDING', 'PROMPTED')
        GROUP BY 2 HAVING count(*) > 1""",
    "published": """
        SELECT (payload->>'booking_id')::bigint AS booking, topic, count(*) AS times FROM outbox_delivery GROUP BY 1, 2""",
    "bookings": "SELECT id, state, starts_at, ends_at, answer_by, pay_by, payment_id FROM sessions_booking_booking",
}
_EACH = [f"(SELECT coalesce(json_agg(asked), '[]') FROM ({question}) asked)" for question in _QUESTIONS.values()]  # noqa: S608
_ALL = f"SELECT {', '.join(_EACH)}"
_CHANGES_NOTHING = ("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK")  # what is undone was not looked at
Row = tuple[Any, ...]


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


@dataclass(frozen=True)
class Found:
    """What stood in the tables at one moment.

    booked: by payment (its transaction id), what its journals hold in each account, debit positive.
    accounts: by code, of the sandbox: the balance that is stored (0 where none is), and credits less debits of all transfers.
    lots: receipt, cents, payment. submissions: payment, REFUSED or SENT, number; refusals first.
    live_twice: things and phones with more than one live payment.
    published: how often each news of each session was given to the outbox.
    bookings: id, state, start, end, answer by, pay by, paying payment.
    """

    payments: list[PaymentRow]
    booked: defaultdict[str, dict[str, int]]
    accounts: dict[str, tuple[int, int]]
    lots: Counter[Row]
    submissions: list[Row]
    live_twice: list[Row]
    published: Counter[tuple[int | None, str]]
    bookings: list[Row]


class Tables:
    """A context: who looks within it reads anew whenever a statement may have changed something since the last look.

    Looks stand between steps, never inside of a savepoint that is undone later.
    """

    def __init__(self) -> None:
        self._found: Found | None = None
        self._watching = connection.execute_wrapper(self._watch)

    def __enter__(self) -> Self:
        self._watching.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._watching.__exit__(kind, error, at)

    def look(self) -> Found:
        found = self._found = self._found or _read()
        return found

    def _watch(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.lstrip().startswith(_CHANGES_NOTHING):
            self._found = None
        return execute(sql, params, many, context)


def rows(sql: str, *values: object) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def _read() -> Found:
    said = dict(zip(_QUESTIONS, rows(_ALL)[0], strict=True))
    told = {name: [tuple(row.values()) for row in answers] for name, answers in said.items()}
    return Found(
        payments=[PaymentRow(*row) for row in told["payments"]],
        booked=_booked(told["booked"]),
        accounts={code: (stored, moved) for code, stored, moved in told["accounts"]},
        lots=Counter(told["lots"]),
        submissions=told["submissions"],
        live_twice=told["live"],
        published=Counter({(booking, topic): times for booking, topic, times in told["published"]}),
        bookings=[(pk, state, *map(_moment, moments), payment) for pk, state, *moments, payment in told["bookings"]],
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _booked(moved: list[Row]) -> defaultdict[str, dict[str, int]]:
    held: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for subject, debit, credit, cents in moved:
        held[subject][debit] += cents
        held[subject][credit] -= cents
    found = {subject: {code: cents for code, cents in codes.items() if cents} for subject, codes in held.items()}
    return defaultdict(dict, found)
