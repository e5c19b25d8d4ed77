"""One sentence that says why a payment stands as it does: for staff, with codes and times."""

from dataclasses import dataclass
from datetime import datetime

from lib import money
from lib.clock import EAT
from payments.facts import Fact, Kind, Known, Source, Why
from payments.models import Payment
from payments.project import deciding_fact
from payments.providers import provider
from payments.situation import owed_cents, taken_back_cents
from payments.states import Status

_TOLD_BY = {
    Source.PUSH: "M-Pesa's answer to the push",
    Source.CALLBACK: "the callback",
    Source.QUERY: "M-Pesa's answer to our query",
    Source.STATEMENT: "M-Pesa's statement",
    Source.C2B: "M-Pesa's confirmation",
    Source.CLOCK: "the clock",
    Source.PAYER: "the payer",
    Source.PERSON: "a person",
}


@dataclass(frozen=True, slots=True)
class Review:
    """A reason for review in words: what is odd, about which receipts, and what a person should do."""

    title: str
    todo: str
    evidence: str = ""


_COMPARE = "Compare with the organisation's statement in the M-Pesa portal."
_REFUND = "It is owed to the payer: refund it, or talk to them."
REVIEWS: dict[Why, tuple[str, str]] = {
    Why.ODD_AMOUNT: ("Another amount than was asked", f"Nothing was bought with it. {_REFUND}"),
    Why.SEVERAL_LOTS: ("More than one receipt", "One prompt was paid more than once. The surplus is owed: refund it."),
    Why.CONTRADICTION: ("Told both: failed and paid", _COMPARE),
    Why.UNKNOWN_RESULT: ("A code that nobody knows", "Look it up in the M-Pesa portal, then say how it ended."),
    Why.UNHEARD_OF: (
        "Perhaps sent, never heard of",
        "M-Pesa's answer was lost, so M-Pesa cannot be asked. Look for it in the organisation's statement, then say how it ended.",
    ),
    Why.NOT_GIVEN: ("Paid, but not given", f"The thing could not be given. {_REFUND}"),
    Why.REVERSED: ("Taken back by M-Pesa", "It was none of our refunds. Find out why in the M-Pesa portal."),
    Why.RETURNED: ("Paid, and given back", f"What was bought was cancelled. {_REFUND}"),
    Why.FOREIGN_CHECKOUT: ("Money of another request", f"It names another request than ours was given. {_COMPARE}"),
    Why.ODD_DATE: ("M-Pesa's own time is odd", f"It lies before the push or in the future. {_COMPARE}"),
    Why.RECEIPT_CLASH: ("A receipt of another payment", f"A callback claims a receipt twice. {_COMPARE}"),
}


def why(row: Payment, known: Known) -> str:
    """ "Paid, because the callback of 14:32:07 carries receipt UKL7RT61SV of KES 1,000." """
    match Status(row.status):
        case Status.COMPLETED:
            return _paid(row, known)
        case Status.FAILED | Status.CANCELLED:
            return _ended(row, known)
        case Status.EXPIRED:
            return _expired(row, known)
        case Status.PROMPTED:
            return _prompted(row, known)
        case Status.SENDING:
            return _sending(row, known)


def review(key: str) -> Review:
    """A reason's key ("ODD_AMOUNT:UKL7RT61SV") in words."""
    name, _, evidence = key.partition(":")
    title, todo = REVIEWS[Why(name)]
    return Review(title, todo, f"{evidence} receipts" if evidence.isdecimal() else evidence)


def _paid(row: Payment, known: Known) -> str:
    after = "".join((_given(row), _surplus(row, known), _taken_back(known)))
    lots = sorted(known.lots, key=lambda lot: lot.receipt)
    if not lots:
        told = known.of(Kind.SUCCEEDED)
        by = f"{_TOLD_BY[told[0].source]}{_at(told[0].at)}" if told else "we were told"
        return f"Paid, because {by} says so. The receipt has not been seen yet.{after}"
    words = " and ".join(f"receipt {lot.receipt} of {money.words(lot.amount_cents)}" for lot in lots)
    by = " and ".join(sorted({_TOLD_BY[lot.source] for lot in lots}))
    return f"Paid, because {by}{_at(row.completed_at)} carries {words}.{after}"


def _given(row: Payment) -> str:
    match Payment.Answer(row.answer):
        case Payment.Answer.GIVEN:
            return ""
        case Payment.Answer.RETURNED:
            return f" What was given for {money.words(row.amount_cents)} was given back: it is owed to the payer."
        case Payment.Answer.REFUSED:
            return f" Nothing was given for it ({row.answer_reason}): the money is owed to the payer."
        case Payment.Answer.NOT_ASKED:
            return f" {money.words(row.amount_cents)} was asked for: nothing was given, the money is owed to the payer."


def _surplus(row: Payment, known: Known) -> str:
    owed = owed_cents(row=row, known=known) if row.answer == Payment.Answer.GIVEN else 0
    return f" {money.words(owed)} more came than was asked for: it is owed to the payer." if owed else ""


def _taken_back(known: Known) -> str:
    cents = taken_back_cents(known)
    return f" M-Pesa took {money.words(cents)} back." if cents else ""


def _ended(row: Payment, known: Known) -> str:
    fact = deciding_fact(known)
    word = Status(row.status).label
    if fact is None:
        return f"{word}."
    if fact.source is Source.PERSON:
        return f"{word}, because {fact.actor} found so{_when(fact.at)}: {fact.text}"
    asked = f" It may still change: M-Pesa is asked again{_when(row.next_query_at)}." if row.next_query_at else ""
    return f"{word}, because {_TOLD_BY[fact.source]}{_at(fact.at)} says {_said(row, fact)}.{asked}"


def _said(row: Payment, fact: Fact) -> str:
    """M-Pesa's own words and, for a result, what they mean where it says something else."""
    own = f"{fact.code}, “{fact.text}”" if fact.text else fact.code
    if fact.source is Source.PUSH:
        return f"{own} (request {fact.merchant_request_id})" if fact.merchant_request_id else own
    meaning = provider(row.provider).meaning(fact.code)
    same = meaning.rstrip(".").casefold() == fact.text.rstrip(".").casefold()
    return own if same else f"{own}: {meaning.rstrip('.')}"


_CLOSED = {
    "SILENT": "M-Pesa has not told how it ended",
    "LOST": "the push's answer was lost, so M-Pesa cannot be asked",
    "UNSENT": "M-Pesa could not be reached in time: nothing was sent",
    "CALLED_OFF": "what it was for could not be paid for any more: nothing was sent",
    "REPLACED": "the payer started a new one instead",
}


def _expired(row: Payment, known: Known) -> str:
    closed = known.of(Kind.CLOSED)[0]
    asked = f" M-Pesa is asked again{_when(row.next_query_at)}." if row.next_query_at else ""
    if closed.source is Source.PERSON:
        return f"Timed out, because {closed.actor} closed it{_when(closed.at)}: {closed.text}.{asked}"
    return f"Timed out{_when(row.failed_at)}, because {_CLOSED.get(closed.code, closed.code)}.{_unknown(row, known)}{asked}"


def _prompted(row: Payment, known: Known) -> str:
    silent = f" No answer had come{_when(row.timed_out_at)}." if row.timed_out_at else ""
    busy = " M-Pesa says that it is still being processed." if row.still_processing_at else ""
    since = _unknown(row, known) or " Nothing was told since."
    return f"Waiting, because M-Pesa accepted the push{_at(row.last_submitted_at)}.{since}{silent}{busy}"


def _unknown(row: Payment, known: Known) -> str:
    told = known.of(Kind.UNRESOLVED)
    if not told:
        return ""
    fact = told[0]
    by = _TOLD_BY[fact.source]
    return f" {by[0].upper()}{by[1:]}{_at(fact.at)} says {_said(row, fact)}, which nobody knows."


def _sending(row: Payment, known: Known) -> str:
    refused = known.of(Kind.REFUSED)
    if known.of(Kind.LOST):
        return "Perhaps sent: M-Pesa's answer was lost. It is never sent again; its callback would still find it."
    if not refused:
        return "On its way to M-Pesa."
    last = refused[-1]
    again = f" It is sent again{_when(row.next_attempt_at)}." if row.next_attempt_at else ""
    return f"Not sent yet: M-Pesa refused it ({len(refused)} of {row.attempts}), last with {_said(row, last)}.{again}"


def _at(moment: datetime | None) -> str:
    return f" of {moment.astimezone(EAT):%d %b %H:%M:%S}" if moment else ""


def _when(moment: datetime | None) -> str:
    return f" at {moment.astimezone(EAT):%d %b %H:%M:%S}" if moment else ""
