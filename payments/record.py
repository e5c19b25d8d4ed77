"""Reading what is known about payments under lock, and writing what changed, for a whole batch at once.

The order of locks is the same everywhere: things by (purpose, id), payments by id, ledger accounts by id; all of them
before the first write. The number of queries does not depend on the size of the batch.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from audit import trail
from ledger import books, chart
from lib.db import in_transaction
from lib.money import words as money_words
from outbox import box
from payments import facts, live, sealing, suspense
from payments.facts import Accounts, Fact, Given, Kind, Known, Lot
from payments.models import Callback, LotRow, Payment, PaymentFact
from payments.payable import Paid, payable
from payments.project import CHECKOUT_CONTEXT, project
from payments.states import LIVE, Status


@dataclass(slots=True)
class Held:
    """One payment under lock: its row, what is known, and what is added."""

    row: Payment
    known: Known
    given: Given | None
    new_facts: list[Fact]
    new_lots: list[Lot]

    @property
    def after(self) -> Known:
        return self.known.having(facts=self.new_facts, lots=self.new_lots)

    def add(self, *, facts: Iterable[Fact] = (), lots: Iterable[Lot] = ()) -> None:
        """Only what is not known yet is new."""
        for fact in facts:
            if fact not in self.known.facts and fact not in self.new_facts:
                self.new_facts.append(fact)
        for lot in lots:
            if lot not in self.known.lots and lot not in self.new_lots:
                self.new_lots.append(lot)

    @property
    def paid(self) -> Paid:
        row = self.row
        return Paid(
            payment_id=row.pk,
            transaction_id=row.transaction_id,
            target_id=row.target_id,
            payer_id=row.payer_id,
            environment=row.environment,
            amount_cents=row.amount_cents,
            receipt=row.receipt or min((lot.receipt for lot in self.after.lots), default=""),
        )

    @property
    def accounts(self) -> Accounts:
        merchant = self.row.merchant
        collected = chart.utility(merchant.shortcode) if merchant else chart.STRIPE
        return Accounts(
            collected=collected,
            awaited=chart.AWAITED,
            thing=payable(self.row.purpose).account(self.paid),
            owed=chart.owed(self.row.payer_id),
            receivable=chart.RECEIVABLE,
        )


# --- Reading ---------------------------------------------------------------------------------------------------------


@in_transaction
def hold(payment_ids: Iterable[int]) -> dict[int, Held]:
    """Lock the things and then the payments; read what is known. Unknown ids are left out."""
    ids = sorted(set(payment_ids))
    _lock_things(ids)
    rows = Payment.objects.select_for_update(no_key=True, of=("self",)).select_related("merchant")
    held = {row.pk: _held(row) for row in rows.filter(pk__in=ids).order_by("pk")}
    for fact_row in PaymentFact.objects.filter(payment_id__in=held).order_by("id"):
        item = held[fact_row.payment_id]
        item.known = item.known.having(facts=[read_fact(fact_row)])
    for lot_row in LotRow.objects.filter(payment_id__in=held).order_by("id"):
        item = held[lot_row.payment_id or 0]
        item.known = item.known.having(lots=[_read_lot(lot_row)])
    return held


def _lock_things(payment_ids: Sequence[int]) -> None:
    targets: dict[str, set[int]] = defaultdict(set)
    for purpose, target in Payment.objects.filter(pk__in=payment_ids).values_list("purpose", "target_id"):
        targets[purpose].add(target)
    for purpose in sorted(targets):
        payable(purpose).lock(sorted(targets[purpose]))


def _held(row: Payment) -> Held:
    answered = {
        Payment.Answer.GIVEN: Given(row.amount_cents),
        Payment.Answer.REFUSED: Given(0, row.answer_reason),
    }
    return Held(row, Known(row.amount_cents), answered.get(Payment.Answer(row.answer)), [], [])


def read_fact(row: PaymentFact) -> Fact:
    return Fact(
        kind=Kind(row.kind),
        source=facts.Source(row.source),
        submission=row.submission,
        code=row.code,
        provisional=row.provisional,
        receipt=row.receipt,
        amount_cents=row.amount_cents,
        checkout_hash=row.checkout_hash,
        text=row.text,
        at=row.at,
        merchant_request_id=row.merchant_request_id,
        actor=row.actor,
    )


def _read_lot(row: LotRow) -> Lot:
    return Lot(
        receipt=row.receipt,
        amount_cents=row.amount_cents,
        source=facts.Source(row.source),
        checkout_hash=row.checkout_hash,
        phone_hash=row.phone_hash,
        occurred_at=row.occurred_at,
    )


# --- Writing ---------------------------------------------------------------------------------------------------------


@in_transaction
def write(held: Mapping[int, Held], *, now: datetime) -> list[Held]:
    """Write what was added: facts, lots, the thing's answer, the books, the trail. Returns the changed payments."""
    adopted = _meet_known_lots(held)
    changed = [item for item in held.values() if item.new_facts or item.new_lots]
    if not changed:
        return []
    locked = books.lock_accounts(_accounts_of(changed))
    before = {item.row.pk: (Status(item.row.status), item.given) for item in changed}
    _store_facts(changed, now)
    _store_lots(changed, adopted, now)
    _ask_things(changed)
    for item in changed:
        project(item.row, item.after, item.given, now=now)
    postings = [*suspense.releases(adopted, now=now), *(_posting(item, before, now) for item in changed)]
    books.post([posting for posting in postings if posting.change], locked=locked)
    Payment.objects.bulk_update([item.row for item in changed], _DERIVED)
    _tell(changed, before, now)
    _wake_unmatched(changed, now)
    return changed


_DERIVED = [
    "status", "reasons", "answer", "answer_reason", "received_cents", "receipt", "result_code", "result_description",
    "result_source", "callback_received", "checkout_sealed", "checkout_hash", "merchant_request_id", "completed_at",
    "failed_at", "mpesa_transaction_at", "journals", "deadline_at", "next_query_at", "next_attempt_at", "timed_out_at",
    "attempts", "last_submitted_at", "updated_at",
]  # fmt: skip


def _meet_known_lots(held: Mapping[int, Held]) -> list[LotRow]:
    """A receipt seen before is no new money: in suspense it is adopted, elsewhere the news is odd (once per receipt)."""
    receipts = {lot.receipt: item for item in held.values() for lot in item.new_lots}
    if not receipts:
        return []
    environments = {item.row.environment for item in held.values()}
    adopted = []
    known = LotRow.objects.select_for_update(no_key=True).filter(receipt__in=receipts, environment__in=environments)
    for row in known.order_by("id"):
        item = receipts[row.receipt]
        if row.environment != item.row.environment:
            continue
        if row.payment_id is None:
            row.payment_id = item.row.pk
            item.new_lots = [lot for lot in item.new_lots if lot.receipt != row.receipt] + [_read_lot(row)]
            adopted.append(row)
        elif row.payment_id != item.row.pk:
            item.new_lots = [lot for lot in item.new_lots if lot.receipt != row.receipt]
            item.add(facts=[doubt(facts.Why.RECEIPT_CLASH, row.receipt)])
    return adopted


def doubt(why: facts.Why, receipt: str = "") -> Fact:
    return Fact(Kind.DOUBTED, facts.Source.CALLBACK, code=str(why), receipt=receipt)


def _accounts_of(changed: Sequence[Held]) -> list[tuple[str, str]]:
    codes: set[tuple[str, str]] = set()
    for item in changed:
        asked = Given(item.row.amount_cents) if facts.to_be_given(item.after) else item.given
        for given in (item.given, asked, None):
            codes |= {(item.row.environment, code) for code in facts.position(item.after, given, item.accounts)}
    return sorted(codes)


def _store_facts(changed: Sequence[Held], now: datetime) -> None:
    PaymentFact.objects.bulk_create(_fact_row(item.row.pk, fact, now) for item in changed for fact in item.new_facts)


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
    mine = {row.receipt for row in adopted}
    LotRow.objects.bulk_create(
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
        if lot.receipt not in mine
    )


def _ask_things(changed: Sequence[Held]) -> None:
    """Each thing is asked once; its answer is recorded with the payment for ever."""
    asking: dict[str, list[Held]] = defaultdict(list)
    for item in changed:
        if item.given is None and facts.to_be_given(item.after):
            asking[item.row.purpose].append(item)
    for purpose in sorted(asking):
        items = asking[purpose]
        answers = payable(purpose).settle([item.paid for item in items])
        for item in items:
            item.given = answers[item.row.pk]


def _posting(item: Held, before: Mapping[int, tuple[Status, Given | None]], now: datetime) -> books.Posting:
    row = item.row
    given_before = before[row.pk][1]
    change = facts.difference(
        facts.position(item.after, item.given, item.accounts),
        facts.position(item.known, given_before, item.accounts),
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


def _tell(changed: Sequence[Held], before: Mapping[int, tuple[Status, Given | None]], now: datetime) -> None:
    trail.record_many([entry for item in changed for entry in _entries(item, before[item.row.pk][0], now)])
    ended: dict[str, list[Paid]] = defaultdict(list)
    for item in changed:
        old, new = before[item.row.pk][0], Status(item.row.status)
        if old in LIVE and new not in LIVE and not item.after.paid:
            ended[item.row.purpose].append(item.paid)
        if old is not new:
            topic = f"payment.{new.lower()}"
            box.publish(topic=topic, key=item.row.transaction_id, payload={"payment_id": item.row.pk})
    for purpose in sorted(ended):
        payable(purpose).ended(ended[purpose])
    live.tell([changed_message(item.row) for item in changed], now=now)


@in_transaction
def rewrite(items: Sequence[Held], *, action: str, now: datetime) -> None:
    """Save the work columns of payments about which nothing new is known, and say so."""
    for item in items:
        project(item.row, item.known, item.given, now=now)
    Payment.objects.bulk_update([item.row for item in items], _DERIVED)
    trail.record_many(
        trail.Row(
            action=action, actor="system", subject=f"payment:{item.row.transaction_id}",
            environment=item.row.environment, data={"status": item.row.status}, at=now,
        )
        for item in items
    )  # fmt: skip
    live.tell([changed_message(item.row) for item in items], now=now)


def changed_message(row: Payment) -> live.Changed:
    return live.Changed(row.transaction_id, row.payer_id, row.counterparty_id, row.status)


def _entries(item: Held, old: Status, now: datetime) -> Iterable[trail.Row]:
    row = item.row
    if old != row.status:
        yield trail.Row(
            action="payment.status",
            actor=_actor(item),
            subject=f"payment:{row.transaction_id}",
            environment=row.environment,
            data={"from": old, "to": row.status, "reason": _reason(item), "receipt": row.receipt},
            at=now,
        )
    for fact in item.new_facts:
        if fact.source is facts.Source.PERSON:
            yield trail.Row(
                action=f"payment.person.{fact.kind.lower()}",
                actor=fact.actor,
                subject=f"payment:{row.transaction_id}",
                environment=row.environment,
                data={"code": fact.code, "reason": fact.text},
                at=now,
            )


def _actor(item: Held) -> str:
    people = [fact.actor for fact in item.new_facts if fact.actor != "system"]
    return people[0] if people else "system"


def _reason(item: Held) -> str:
    told = [*(str(fact.source) for fact in item.new_facts), *(f"receipt {lot.receipt}" for lot in item.new_lots)]
    codes = [fact.code for fact in item.new_facts if fact.code]
    return " ".join([*told, *codes])[:300]


def _wake_unmatched(changed: Sequence[Held], now: datetime) -> None:
    """A callback that named an unknown request is read again when the request turns up."""
    hashes = [fact.checkout_hash for item in changed for fact in item.new_facts if fact.kind is Kind.ACCEPTED]
    if hashes:
        waiting = Callback.objects.filter(state=Callback.State.UNMATCHED, checkout_hash__in=hashes)
        waiting.update(state=Callback.State.WAITING, next_attempt_at=now, attempts=0)
