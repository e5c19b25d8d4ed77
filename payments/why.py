"""One sentence that says why a payment stands as it does: for staff, with codes and times."""

from datetime import datetime

from lib import money
from lib.clock import EAT
from payments.facts import Kind, Known, Source
from payments.models import Payment
from payments.project import deciding_fact
from payments.providers import provider
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
REVIEW = {
    "ODD_AMOUNT": "Other money came than was asked for. It is owed to the payer: refund it, or talk to them.",
    "SEVERAL_LOTS": "More than one receipt came for one prompt. The surplus is owed to the payer: refund it.",
    "CONTRADICTION": "M-Pesa told both that it failed and that it was paid. Compare with the organisation's statement.",
    "UNKNOWN_RESULT": "M-Pesa told a code that nobody knows. Look it up in the portal, then say how it ended.",
    "NOT_GIVEN": "The money came, the thing could not be given. It is owed to the payer: refund it, or talk to them.",
    "REVERSED": "M-Pesa took money of this payment back, outside of our refunds. Find out why in the portal.",
    "FOREIGN_CHECKOUT": "The money names another request than ours was given. Compare with the statement.",
    "ODD_DATE": "M-Pesa's own time lies before the push or in the future. Compare with the statement.",
    "RECEIPT_CLASH": "A callback carries a receipt that belongs to another payment. Compare with the statement.",
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
            return _prompted(row)
        case Status.SENDING:
            return _sending(row, known)


def review_words(key: str) -> str:
    """What a reason means and what to do about it."""
    name, _, evidence = key.partition(":")
    return f"{REVIEW.get(name, name)}{f' ({evidence})' if evidence else ''}"


def _paid(row: Payment, known: Known) -> str:
    lots = sorted(known.lots, key=lambda lot: lot.receipt)
    if not lots:
        told = known.of(Kind.SUCCEEDED)
        by = f"{_TOLD_BY[told[0].source]}{_at(told[0].at)}" if told else "we were told"
        return f"Paid, because {by} says so. The receipt has not been seen yet."
    words = " and ".join(f"receipt {lot.receipt} of {money.words(lot.amount_cents)}" for lot in lots)
    given = "" if row.answer == Payment.Answer.GIVEN else " Nothing was given for it: the money is owed to the payer."
    return f"Paid, because {_TOLD_BY[lots[0].source]}{_at(row.completed_at)} carries {words}.{given}"


def _ended(row: Payment, known: Known) -> str:
    fact = deciding_fact(known)
    if fact is None:
        return f"{Status(row.status).label}."
    if fact.source is Source.PERSON:
        return f"{Status(row.status).label}, because {fact.actor} found so{_at(fact.at)}: {fact.text}"
    meaning = "" if fact.source is Source.PUSH else f": {provider(row.provider).meaning(fact.code)}"
    final = " It may still change: M-Pesa is asked again." if row.next_query_at else ""
    return (
        f"{Status(row.status).label}, because {_TOLD_BY[fact.source]}{_at(fact.at)} says {fact.code}{meaning}.{final}"
    )


def _expired(row: Payment, known: Known) -> str:
    closed = known.of(Kind.CLOSED)
    code = closed[0].code if closed else ""
    reasons = {
        "SILENT": "M-Pesa has not told how it ended",
        "LOST": "the push's answer was lost, so M-Pesa cannot be asked",
        "UNSENT": "M-Pesa could not be reached in time; nothing was sent",
        "REPLACED": "the payer started a new one instead",
    }
    asked = " M-Pesa is asked again." if row.next_query_at else ""
    by = f" {closed[0].actor}: {closed[0].text}." if closed and closed[0].source is Source.PERSON else ""
    return f"Timed out{_at(row.failed_at)}, because {reasons.get(code, 'it was closed by a person')}.{by}{asked}"


def _prompted(row: Payment) -> str:
    busy = " M-Pesa says that it is still being processed." if row.still_processing_at else ""
    silent = f" No answer came in two minutes{_at(row.timed_out_at)}." if row.timed_out_at else ""
    return f"Waiting, because M-Pesa accepted the push{_at(row.last_submitted_at)} and nothing was told since.{silent}{busy}"


def _sending(row: Payment, known: Known) -> str:
    refused = known.of(Kind.REFUSED)
    if known.of(Kind.LOST):
        return "Perhaps sent: M-Pesa's answer was lost. It is never sent again; its callback would still find it."
    if refused:
        return f"Not sent yet: M-Pesa refused it {len(refused)} times, last with {refused[-1].code}: {refused[-1].text}"
    return "On its way to M-Pesa."


def _at(moment: datetime | None) -> str:
    return f" of {moment.astimezone(EAT):%d %b %H:%M:%S}" if moment else ""
