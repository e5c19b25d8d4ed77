"""Everything that happened to one payment in one list: facts, money, callbacks, calls, journals, the trail."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from audit.models import Entry
from ledger.models import Transfer
from lib import money
from payments.models import Callback, Exchange, LotRow, Payment, PaymentFact


@dataclass(frozen=True, slots=True)
class Event:
    """`kind` groups and colours; `link` is (admin's url name, id)."""

    at: datetime
    kind: str
    text: str
    detail: str = ""
    link: tuple[str, int] | None = None


def timeline(row: Payment) -> list[Event]:
    """Oldest first; six queries."""
    found = [*_facts(row), *_lots(row), *_callbacks(row), *_calls(row), *_journals(row), *_trail(row)]
    return sorted(found, key=lambda event: event.at)


def _facts(row: Payment) -> Iterable[Event]:
    for fact in PaymentFact.objects.filter(payment=row).order_by("id"):
        number = f" #{fact.submission}" if fact.submission else ""
        provisional = ", provisional" if fact.provisional else ""
        request = f" · request {fact.merchant_request_id}" if fact.merchant_request_id else ""
        text = f"{fact.kind}{number} {fact.code}".strip()
        yield Event(fact.at, "fact", text, f"told by {fact.source.lower()}{provisional}. {fact.text}{request}".strip())


def _lots(row: Payment) -> Iterable[Event]:
    for lot in LotRow.objects.filter(payment=row).order_by("id"):
        words = f"Receipt {lot.receipt}, {money.words(lot.amount_cents)}"
        yield Event(lot.recorded_at, "money", words, f"told by {lot.source.lower()}", ("payments_lotrow", lot.pk))


def _callbacks(row: Payment) -> Iterable[Event]:
    for callback in Callback.objects.filter(payment_id=row.pk).order_by("id"):
        yield Event(
            callback.received_at,
            "callback",
            f"Callback: {callback.verdict.lower()} ({callback.verdict_reason})",
            f"{callback.state.lower()}: {callback.outcome or callback.error}",
            ("payments_callback", callback.pk),
        )


def _calls(row: Payment) -> Iterable[Event]:
    for call in Exchange.objects.filter(payment_id=row.pk).exclude(type="CALLBACK").order_by("id"):
        answer = call.http_status or call.error
        words = f"{call.type}: {answer} in {call.duration_ms} ms"
        yield Event(call.created_at, "call", words, "", ("payments_exchange", call.pk))


def _journals(row: Payment) -> Iterable[Event]:
    transfers = Transfer.objects.filter(journal__kind="PAYMENT", journal__subject=row.transaction_id)
    for transfer in transfers.select_related("journal", "debit", "credit").order_by("id"):
        words = f"{money.words(transfer.amount_cents)}: {transfer.debit.code} → {transfer.credit.code}"
        journal = transfer.journal
        yield Event(journal.created_at, "journal", words, f"journal {journal.n}", ("ledger_journal", journal.pk))


def _trail(row: Payment) -> Iterable[Event]:
    entries = (
        Entry.objects.filter(subject=f"payment:{row.transaction_id}").exclude(action="admin.viewed").order_by("id")
    )
    for entry in entries[:200]:
        said = ", ".join(f"{name} {value}" for name, value in entry.data.items() if value not in ("", None))
        yield Event(entry.at, "trail", f"{entry.action} by {entry.actor}", said)
