"""Writing what was added to payments, for a whole batch at once: facts, lots, the thing's answer, the books.

It is one transaction with the thing bought and everything that is said about it (`telling`). The number of queries
does not depend on the size of the batch.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import connection

from ledger import books
from lib.db import in_transaction
from lib.money import words as money_words
from lib.rows import insert_rows, read_rows, update_rows
from payments import facts, sealing, suspense, telling
from payments.facts import Fact, Given, Kind, Why
from payments.holding import Held, read_lot
from payments.models import LotRow, PaymentFact
from payments.payable import payable
from payments.project import CHECKOUT_CONTEXT, project


@in_transaction
def write(held: Mapping[int, Held], *, now: datetime) -> list[Held]:
    """Write what was added to payments under lock (`holding.hold`). Returns those that changed."""
    _wake_unmatched(held, now)
    _find_money_of_new_requests(held)
    adopted = _meet_known_lots(held)
    changed = [item for item in held.values() if item.new_facts or item.new_lots]
    if not changed:
        return []
    places = _accounts_of(changed)
    locked = books.lock_accounts(places) if places else None
    store_facts([(item.row.pk, fact) for item in changed for fact in item.new_facts], now=now)
    _store_lots(changed, adopted, now)
    _ask_things(changed, now)
    for item in changed:
        project(item.row, item.after, item.given, now=now)
    postings = [*suspense.releases(adopted, now=now), *(_posting(item, now) for item in changed)]
    books.post([posting for posting in postings if posting.change], locked=locked)
    update_rows([item.row for item in changed], _DERIVED)
    telling.tell(changed, now=now)
    return changed


@in_transaction
def rewrite(items: Sequence[Held], *, action: str, now: datetime) -> None:
    """Save the work columns of payments about which nothing new is known, and say so."""
    for item in items:
        project(item.row, item.known, item.given, now=now)
    update_rows([item.row for item in items], _DERIVED)
    telling.note(items, action=action, now=now)


def doubt(why: Why, receipt: str = "") -> Fact:
    """Something about the news is odd: a person should look."""
    return Fact(Kind.DOUBTED, facts.Source.CALLBACK, code=str(why), receipt=receipt)


_DERIVED = [
    "status", "reasons", "answer", "answer_reason", "received_cents", "receipt", "result_code", "result_description",
    "result_source", "callback_received", "checkout_sealed", "checkout_hash", "merchant_request_id", "completed_at",
    "failed_at", "mpesa_transaction_at", "journals", "deadline_at", "next_query_at", "next_attempt_at", "timed_out_at",
    "attempts", "last_submitted_at", "updated_at",
]  # fmt: skip


_WAKE = """
    UPDATE payments_callback SET state = 'WAITING', next_attempt_at = %s, attempts = 0
    WHERE state = 'UNMATCHED' AND checkout_hash = ANY(%s)"""


def _wake_unmatched(held: Mapping[int, Held], now: datetime) -> None:
    """A callback that named an unknown request is read again when the request turns up."""
    hashes = [fact.checkout_hash for item in held.values() for fact in item.new_requests]
    if hashes:
        with connection.cursor() as cursor:
            cursor.execute(_WAKE, [now, hashes])


def _find_money_of_new_requests(held: Mapping[int, Held]) -> None:
    """Its callback may have put money into suspense. Asked after `_wake_unmatched`, which waits for who does so now."""
    items = {fact.checkout_hash: item for item in held.values() for fact in item.new_requests}
    if items:
        tail = "WHERE payment_id IS NULL AND checkout_hash = ANY(%s) ORDER BY id"
        for row in read_rows(LotRow, tail, [list(items)]):
            item = items[row.checkout_hash]
            if row.environment == item.row.environment:
                item.add(lots=[read_lot(row)])


def _meet_known_lots(held: Mapping[int, Held]) -> list[LotRow]:
    """A receipt seen before is no new money: in suspense it is adopted, elsewhere the news is odd (once per receipt).

    What two payments of one batch claim goes to the one with the lower id.
    """
    receipts = {lot.receipt for item in held.values() for lot in item.new_lots}
    if not receipts:
        return []
    environments = {item.row.environment for item in held.values()}
    tail = "WHERE receipt = ANY(%s) AND environment = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
    known = read_rows(LotRow, tail, [sorted(receipts), sorted(environments)])
    rows = {(row.environment, row.receipt): row for row in known}
    owners = {place: row.payment_id for place, row in rows.items() if row.payment_id}
    adopted = []
    for payment_id in sorted(held):
        item = held[payment_id]
        told, item.new_lots = item.new_lots, []
        for lot in told:
            place = (item.row.environment, lot.receipt)
            if owners.setdefault(place, payment_id) != payment_id:
                item.add(facts=[doubt(Why.RECEIPT_CLASH, lot.receipt)])
            elif row := rows.get(place):
                row.payment_id = payment_id
                item.new_lots.append(read_lot(row))
                adopted.append(row)
            else:
                item.new_lots.append(lot)
    return adopted


def _accounts_of(changed: Sequence[Held]) -> list[tuple[str, str]]:
    """Where money of these payments stands, and where it may come to stand, whatever their things will answer."""
    codes: set[tuple[str, str]] = set()
    for item in changed:
        asked = Given(item.row.amount_cents) if facts.to_be_given(item.after) else item.given
        accounts, after = item.accounts, item.after
        positions = [facts.position(after, given, accounts) for given in (item.given, asked, None)]
        for position in (facts.position(item.known, item.old_given, accounts), *positions):
            codes |= {(item.row.environment, code) for code in position}
    return sorted(codes)


@in_transaction
def store_facts(told: Sequence[tuple[int, Fact]], *, now: datetime) -> None:
    """Facts by payment id. Without `write`, only for a payment that nobody else can know yet."""
    insert_rows([_fact_row(payment_id, fact, now) for payment_id, fact in told])


def _fact_row(payment_id: int, fact: Fact, now: datetime) -> PaymentFact:
    return PaymentFact(
        payment_id=payment_id,
        kind=fact.kind,
        source=fact.source,
        submission=fact.submission,
        code=fact.code,
        provisional=fact.provisional,
        receipt=fact.receipt,
        amount_cents=fact.amount_cents,
        checkout_hash=fact.checkout_hash,
        text=fact.text,
        at=fact.at or now,
        checkout_sealed=sealing.seal(fact.checkout_id, context=CHECKOUT_CONTEXT),
        merchant_request_id=fact.merchant_request_id,
        actor=fact.actor,
    )


def _store_lots(changed: Sequence[Held], adopted: Sequence[LotRow], now: datetime) -> None:
    mine = {(row.environment, row.receipt) for row in adopted}
    rows = [
        LotRow(
            environment=item.row.environment,
            receipt=lot.receipt,
            amount_cents=lot.amount_cents,
            source=lot.source,
            shortcode=item.row.merchant.shortcode if item.row.merchant else "",
            checkout_hash=lot.checkout_hash,
            phone_hash=lot.phone_hash,
            occurred_at=lot.occurred_at,
            recorded_at=now,
            payment=item.row,
        )
        for item in changed
        for lot in item.new_lots
        if (item.row.environment, lot.receipt) not in mine
    ]
    insert_rows(rows)


def _ask_things(changed: Sequence[Held], now: datetime) -> None:
    """Each thing is asked once; its answer is recorded with the payment for ever."""
    asking: dict[str, list[Held]] = defaultdict(list)
    for item in changed:
        if item.given is None and facts.to_be_given(item.after):
            asking[item.row.purpose].append(item)
    for purpose in sorted(asking):
        items = asking[purpose]
        answers = payable(purpose).settle([item.paid for item in items], now=now)
        for item in items:
            item.given = answers[item.row.pk]


def _posting(item: Held, now: datetime) -> books.Posting:
    """What leads the books from the old position to the new one; an empty change is not posted."""
    row, accounts = item.row, item.accounts
    change = facts.difference(
        facts.position(item.after, item.given, accounts), facts.position(item.known, item.old_given, accounts)
    )
    if change:
        row.journals += 1
    return books.Posting(
        environment=row.environment,
        kind="PAYMENT",
        subject=row.transaction_id,
        n=row.journals,
        change=change,
        description=f"{row.purpose} of {money_words(row.amount_cents)}",
        occurred_at=now,
        type=payable(row.purpose).transfer_type,
    )
