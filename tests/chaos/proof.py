"""What must be true when the dust has settled. Each proof gives findings in words; none is good news.

All is read by plain SQL and from the simulator's own books, payment by payment; no code of the product is asked, but
for its two commands that verify the ledger and the audit trail.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.stack import Stack

Findings = list[str]
_PAYMENTS = """
    SELECT p.transaction_id, p.account_reference, p.status, p.received_cents, p.reasons, p.answer, p.amount_cents,
        p.purpose, p.target_id, p.answer_reason
    FROM payments_payment p JOIN accounts_user u ON u.id = p.payer_id WHERE u.email LIKE 'chaos%%'
"""


@dataclass(slots=True)
class Settled:
    """Everything, read once."""

    product: Stack
    payments: list[tuple[str, str, str, int, list[str], str, int, str, int, str]] = field(default_factory=list)
    moved: Counter[str] = field(default_factory=Counter)  # cents by account reference, by M-Pesa's books
    receipts: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    known: set[str] = field(default_factory=set)  # receipts in our books
    heard: set[str] = field(default_factory=set)  # receipts that a callback told us, and we said 200

    def __post_init__(self) -> None:
        self.payments = self.product.sql(_PAYMENTS)  # type: ignore[assignment]
        for row in self.product.sim.books():
            self.moved[row["account_reference"]] += round(float(row["amount"]) * 100)
            self.receipts[row["account_reference"]].add(row["receipt"])
        self.known = {receipt for (receipt,) in self.product.sql("SELECT receipt FROM payments_lot")}
        told = " ".join(sent["body"] for sent in self.product.sim.callbacks() if sent["status"] == 200)
        self.heard = {receipt for receipts in self.receipts.values() for receipt in receipts if receipt in told}

    def is_for_the_statement(self, reference: str, reasons: list[str], status: str) -> bool:
        """No callback told us of what we do not know, and a question could not: we have no id to ask by, or know how
        it ended already (M-Pesa told us so first-hand, or a query said "paid", which tells no receipt and no amount).
        """
        unknown = self.receipts[reference] - self.known
        return not unknown & self.heard and ("UNHEARD_OF" in reasons or status in ("COMPLETED", "FAILED", "CANCELLED"))


# --- When the dust has settled ---------------------------------------------------------------------------------------


def unsettled(product: Stack) -> dict[str, int]:
    """What is still on its way, by name."""
    ((live, inbox, outbox, seal),) = product.sql(
        """
        SELECT (SELECT count(*) FROM payments_payment WHERE status IN ('SENDING', 'PROMPTED')),
            (SELECT count(*) FROM payments_callback WHERE state = 'WAITING'),
            (SELECT count(*) FROM outbox_delivery WHERE state IN ('WAITING', 'SENDING')),
            (SELECT count(*) FROM payments_payment WHERE status <> 'COMPLETED' AND next_query_at < now() + '60 s')
        """
    )
    counts = {"on the way": live, "callbacks": inbox, "messages": outbox, "questions": seal}
    return {name: count for name, count in counts.items() if count}


# --- Proofs ----------------------------------------------------------------------------------------------------------


def all_are_final_or_with_a_person(settled: Settled) -> Findings:
    return [f"{row[0]} is {row[2]}" for row in settled.payments if row[2] in ("SENDING", "PROMPTED") and not row[4]]


def our_books_are_m_pesas(settled: Settled) -> Findings:
    """But for what only the statement can tell."""
    return [
        f"{transaction} ({status} {reasons}): M-Pesa moved {settled.moved[reference]}, we know of {received}"
        for transaction, reference, status, received, reasons, *_ in settled.payments
        if received != settled.moved[reference] and not settled.is_for_the_statement(reference, reasons, status)
    ]


def the_ledger_holds_what_came(settled: Settled) -> Findings:
    """Utility and awaited together are what we know to have come, for each payment."""
    held = Counter[str]()
    rows = settled.product.sql(
        """
        SELECT j.subject, sum(CASE WHEN d.code ~ ':utility$|^awaited$' THEN t.amount_cents ELSE 0 END
            - CASE WHEN c.code ~ ':utility$|^awaited$' THEN t.amount_cents ELSE 0 END)
        FROM ledger_transfer t JOIN ledger_journal j ON j.id = t.journal_id
        JOIN ledger_account d ON d.id = t.debit_id JOIN ledger_account c ON c.id = t.credit_id
        WHERE j.kind = 'PAYMENT' GROUP BY j.subject
        """
    )
    for subject, cents in rows:
        held[subject] = int(cents)
    return [
        f"{row[0]}: received {row[3]}, in the ledger {held[row[0]]}"
        for row in settled.payments
        if row[3] != held[row[0]]
    ]


def the_ledger_proves_itself(settled: Settled) -> Findings:
    return _command(settled, "prove_books")


def the_trail_verifies(settled: Settled) -> Findings:
    return _command(settled, "audit_verify")


def no_receipt_counts_twice(settled: Settled) -> Findings:
    rows = settled.product.sql("SELECT receipt, count(*) FROM payments_lot GROUP BY receipt HAVING count(*) > 1")
    return [f"receipt {receipt} is there {times} times" for receipt, times in rows]


def nothing_is_given_twice(settled: Settled) -> Findings:
    """A session has one payment that bought it; what else came for it is owed, to the shilling."""
    given = Counter((row[7], row[8]) for row in settled.payments if row[7] == "session" and row[5] == "GIVEN")
    twice = [f"{purpose} {target} was given {times} times" for (purpose, target), times in given.items() if times > 1]
    confirmed = {
        pk for (pk,) in settled.product.sql("SELECT id FROM sessions_booking_booking WHERE state = 'CONFIRMED'")
    }
    bought = {target for (purpose, target) in given}
    return [*twice, *(f"session {pk} is confirmed, and no payment bought it" for pk in confirmed ^ bought)]


def the_rest_is_owed(settled: Settled) -> Findings:
    expected = sum(row[3] - (row[6] if row[5] == "GIVEN" else 0) for row in settled.payments)
    ((owed,),) = settled.product.sql(
        "SELECT coalesce(sum(balance_cents), 0) FROM ledger_account WHERE code LIKE 'owed:%%'"
    )
    return [] if owed == expected else [f"{expected} cents bought nothing, {owed} are owed"]


def no_prompt_was_doubled(settled: Settled) -> Findings:
    rows = settled.product.sql(
        """
        SELECT f.payment_id, count(*) FROM payments_paymentfact f
        WHERE f.kind = 'SENT' AND NOT EXISTS (SELECT 1 FROM payments_paymentfact r WHERE r.payment_id = f.payment_id
            AND r.kind = 'REFUSED' AND r.submission = f.submission)
        GROUP BY f.payment_id HAVING count(*) > 1
        """
    )
    return [f"payment {pk} was perhaps sent {times} times" for pk, times in rows]


def nobody_is_told_twice(settled: Settled) -> Findings:
    """The mails that are there, by person, subject and what they are about; doubtful ones may be there, once."""
    mails = settled.product.sql('SELECT "to", subject, text FROM notifications_storedmail')
    seen = Counter(mails)
    return [f"a mail was sent {times} times: {mail[1]}" for mail, times in seen.items() if times > 1]


def nothing_is_stuck(settled: Settled) -> Findings:
    ((stuck, failed),) = settled.product.sql(
        "SELECT (SELECT count(*) FROM payments_callback WHERE state = 'STUCK'),"
        " (SELECT count(*) FROM outbox_delivery WHERE state = 'FAILED')"
    )
    return [f"{stuck} callbacks are stuck, {failed} messages failed"] if stuck or failed else []


PROOFS: list[Callable[[Settled], Findings]] = [
    all_are_final_or_with_a_person,
    our_books_are_m_pesas,
    the_ledger_holds_what_came,
    the_ledger_proves_itself,
    the_trail_verifies,
    no_receipt_counts_twice,
    nothing_is_given_twice,
    the_rest_is_owed,
    no_prompt_was_doubled,
    nobody_is_told_twice,
    nothing_is_stuck,
]


def _command(settled: Settled, name: str) -> Findings:
    try:
        settled.product.command(name)
    except AssertionError as error:
        return [str(error)]
    return []
