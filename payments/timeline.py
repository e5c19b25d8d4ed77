"""Everything that happened to one payment in one list: calls, callbacks, facts, money, journals, the trail.

For staff: who told what, in words, with M-Pesa's own codes, texts and request ids beside them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from audit.models import Entry
from ledger.models import Transfer
from lib import money
from payments.facts import Kind, Source, Why
from payments.models import Callback, Exchange, LotRow, Payment, PaymentFact
from payments.why import REVIEWS

_MOST = 200  # of each kind: a forger may send many callbacks about one payment
_FIRST = "Initiated"  # in the trail, at the instant at which its push is said to go


@dataclass(frozen=True, slots=True)
class Event:
    """`kind` groups, `icon` and `tone` are of templates/_icon.html; `link` is (the admin's name of the model, id)."""

    at: datetime
    kind: str
    icon: str
    tone: str
    who: str
    text: str
    detail: str = ""
    link: tuple[str, int] | None = None


def timeline(row: Payment) -> list[Event]:
    """Oldest first; six queries. What happened at one instant: its beginning, then what was said, then what followed from it."""
    found = [*_calls(row), *_callbacks(row), *_facts(row), *_lots(row), *_journals(row), *_trail(row)]
    return sorted(found, key=lambda event: (event.at, event.text != _FIRST))


# --- What was said ---------------------------------------------------------------------------------------------------


def _calls(row: Payment) -> Iterable[Event]:
    made = Exchange.objects.filter(payment_id=row.pk).exclude(type=Exchange.Type.CALLBACK)
    for call in made.defer("request_sealed", "response_sealed").order_by("id")[:_MOST]:
        good = call.http_status is not None and call.http_status < 400 and not call.error
        answer = f"HTTP {call.http_status}" if call.http_status else "no answer"
        words = f"{call.type.replace('_', ' ')}: {answer} after {call.duration_ms:,} ms"
        link, began = ("payments_exchange", call.pk), call.created_at - timedelta(milliseconds=call.duration_ms)
        yield Event(began, "call", "send", "blue" if good else "amber", "Malipo", words, call.error, link)


_VERDICTS = {
    Callback.Verdict.TRUSTED: ("A callback came", "blue"),
    Callback.Verdict.DOUBTFUL: ("A callback came that nothing proves", "amber"),
    Callback.Verdict.FORGED: ("A forged callback came", "red"),
}


def _callbacks(row: Payment) -> Iterable[Event]:
    for came in Callback.objects.filter(payment_id=row.pk).defer("body_sealed").order_by("id")[:_MOST]:
        words, tone = _VERDICTS[Callback.Verdict(came.verdict)]
        outcome = came.error or came.outcome or came.get_state_display()
        detail = " · ".join(part for part in (outcome, came.verdict_reason) if part)
        link = ("payments_callback", came.pk)
        yield Event(came.received_at, "callback", "mail", tone, came.address or "M-Pesa", words, detail, link)


# --- What was learnt from it -----------------------------------------------------------------------------------------

_WHO = {
    Source.PUSH: "M-Pesa, to the push",
    Source.CALLBACK: "M-Pesa, by callback",
    Source.QUERY: "M-Pesa, asked",
    Source.STATEMENT: "M-Pesa, by statement",
    Source.C2B: "M-Pesa, by confirmation",
    Source.CLOCK: "The clock",
    Source.PAYER: "The payer",
    Source.PERSON: "A person",
}
_LOOKS = {
    Kind.SENT: ("send", "blue"),
    Kind.REFUSED: ("alert", "amber"),
    Kind.LOST: ("alert", "amber"),
    Kind.ACCEPTED: ("phone", "amber"),
    Kind.SUCCEEDED: ("check", "green"),
    Kind.FAILED: ("alert", "red"),
    Kind.CANCELLED: ("cross", "grey"),
    Kind.UNRESOLVED: ("alert", "amber"),
    Kind.REVERSED: ("back", "amber"),
    Kind.RETURNED: ("back", "amber"),
    Kind.CLOSED: ("minus", "grey"),
    Kind.DOUBTED: ("alert", "amber"),
    Kind.ANSWERED: ("person", "blue"),
}
_SAYS: dict[Kind, Callable[[PaymentFact], str]] = {
    Kind.SENT: lambda fact: f"Push {fact.submission} goes to M-Pesa",
    Kind.REFUSED: lambda fact: f"Push {fact.submission} was refused: certainly not on a phone",
    Kind.LOST: lambda fact: f"The answer to push {fact.submission} was lost: perhaps on a phone",
    Kind.ACCEPTED: lambda fact: f"Push {fact.submission} was accepted",
    Kind.SUCCEEDED: lambda fact: "It was paid; no receipt was told",
    Kind.FAILED: lambda fact: "It was not paid",
    Kind.CANCELLED: lambda fact: "It was cancelled",
    Kind.UNRESOLVED: lambda fact: "A code came that nobody knows",
    Kind.REVERSED: lambda fact: f"M-Pesa took {money.words(fact.amount_cents)} of receipt {fact.receipt} back",
    Kind.RETURNED: lambda fact: "What was given for it was given back: its worth is owed to the payer",
    Kind.CLOSED: lambda fact: "Waited for no longer",
    Kind.DOUBTED: lambda fact: f"{REVIEWS[Why(fact.code)][0]} {fact.receipt}".strip(),
    Kind.ANSWERED: lambda fact: _answered(fact.code),
}


def _facts(row: Payment) -> Iterable[Event]:
    for fact in PaymentFact.objects.filter(payment=row).order_by("id"):
        kind, source = Kind(fact.kind), Source(fact.source)
        who = _WHO[source] if fact.actor in ("", "system") else fact.actor
        if kind is Kind.SENT:
            who = "Malipo"
        yield Event(fact.at, "fact", *_LOOKS[kind], who, _SAYS[kind](fact), _own_words(fact))


def _answered(key: str) -> str:
    name, _, evidence = key.partition(":")
    if name == "PAID":
        return f"Found paid under receipt {evidence}"
    return f"Looked at: {REVIEWS[Why(name)][0].lower()}" if name in set(Why) else f"Looked at: {key}"


def _own_words(fact: PaymentFact) -> str:
    """M-Pesa's code, description and request id, or what a person wrote."""
    code = "" if fact.kind in (Kind.DOUBTED, Kind.ANSWERED) else fact.code
    request = f"request {fact.merchant_request_id}" if fact.merchant_request_id else ""
    provisional = "may still change" if fact.provisional else ""
    return " · ".join(part for part in (code, fact.text, request, provisional) if part)


# --- What followed ---------------------------------------------------------------------------------------------------


def _lots(row: Payment) -> Iterable[Event]:
    for lot in LotRow.objects.filter(payment=row).order_by("id"):
        words = f"{money.words(lot.amount_cents)} arrived under receipt {lot.receipt}"
        who, link = _WHO[Source(lot.source)], ("payments_lotrow", lot.pk)
        yield Event(lot.recorded_at, "money", "check", "green", who, words, "", link)


def _journals(row: Payment) -> Iterable[Event]:
    moved = Transfer.objects.filter(journal__kind="PAYMENT", journal__subject=row.transaction_id)
    for transfer in moved.select_related("journal", "debit", "credit").order_by("id"):
        journal = transfer.journal
        words = f"Booked {money.words(transfer.amount_cents)}"
        sides = f"debit {transfer.debit.code} · credit {transfer.credit.code} · journal {journal.n}"
        link = ("ledger_journal", journal.pk)
        yield Event(journal.created_at, "books", "wallet", "green", "Malipo", words, sides, link)


def _trail(row: Payment) -> Iterable[Event]:
    """Without the looks of staff, which stand in the trail only."""
    entries = Entry.objects.filter(subject=f"payment:{row.transaction_id}").exclude(action="admin.viewed")
    for entry in entries.order_by("id")[:_MOST]:
        words, said = _in_words(entry)
        yield Event(entry.at, "trail", "list", "grey", entry.actor, words, said)


def _in_words(entry: Entry) -> tuple[str, str]:
    """What was done, and the rest of what the trail keeps of it."""
    rest = {name: value for name, value in entry.data.items() if value not in ("", None)}
    words = entry.action.removeprefix("payment.").replace("_", " ").replace(".", ", ").capitalize()
    if entry.action == "payment.status":
        words = f"Status {rest.pop('from', '')} → {rest.pop('to', '')}"
    return words, " · ".join(f"{name.replace('_', ' ')}: {value}" for name, value in rest.items())
