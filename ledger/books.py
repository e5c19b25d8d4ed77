"""The books: post, balance, history.

A *posting* says how much each account changes: signed cents by account code, debit positive, summing to zero. `post`
turns each into one journal and as few transfers as balance it, many postings with one fixed number of queries.

Guarded accounts (wallets, money in flight, money owed) must not go below zero. `lock_accounts` locks them in the
order of their ids, so two postings never wait for each other in a ring; call it once per transaction, before the
first write, with every account that the transaction may touch. Their balances are then changed together with the
transfers that explain them, each of which keeps the balance after it, so ids order the history. Busy accounts are
not locked and store nothing: their balance is the sum of their transfers.

What can go wrong and what holds it: posting the same journal twice (`journal_once`), going below zero (Refusal
`insufficient_balance` first, `ledger_balance_never_negative` last), mixing environments (composite foreign keys),
changing the past (triggers).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Case, F, Max, Q, QuerySet, Sum, When

from ledger import rows
from ledger.chart import GROWS_BY_DEBIT, line_of
from ledger.models import LedgerAccount, Transfer
from ledger.pairing import pair
from ledger.posting import Place, Posting
from lib import money
from lib.db import in_transaction
from lib.errors import Refusal

Rows = QuerySet[Transfer, Any]  # of dicts

__all__ = ["Locked", "Posting", "balance", "history", "lock_accounts", "made_of", "post", "sums"]


class Locked:
    """Accounts found and, where guarded, locked until the transaction ends. Of no use after it, or after a rollback."""

    def __init__(self) -> None:
        self.ids: dict[Place, int] = {}
        self.balances: dict[int, int] = {}  # guarded accounts only: cents, credit-positive

    def balance(self, *, environment: str, code: str) -> int:
        """The stored balance of a locked guarded account, in cents."""
        return self.balances[self.ids[environment, code]]


@in_transaction
def lock_accounts(places: Iterable[Place]) -> Locked:
    """Find or make these accounts (environment, code) and lock the guarded ones, in the order of their ids."""
    locked = Locked()
    _find(locked, set(places))
    guarded = [id for (_, code), id in locked.ids.items() if line_of(code).guarded]
    locked.balances = rows.lock(guarded)
    return locked


@in_transaction
def post(postings: Sequence[Posting], *, locked: Locked | None = None) -> list[int]:
    """Write each posting as a journal; ids of the journals in order, none for postings that move nothing.

    The number of queries does not depend on the number of postings. `locked` is what `lock_accounts` returned in
    this transaction; its balances follow. Raises Refusal `insufficient_balance`, and IntegrityError `journal_once`.
    """
    postings = [posting for posting in postings if posting.moves]
    if not postings:
        return []
    locked = _complete(locked, postings)
    after = dict(locked.balances)
    transfers = [transfer for posting in postings for transfer in _transfers(posting, locked.ids, after)]
    journals = rows.insert_journals(postings)
    rows.insert_transfers([(journals[posting.name], *transfer) for posting, transfer in transfers])
    rows.move_balances({id: (was, after[id]) for id, was in locked.balances.items() if after[id] != was})
    locked.balances = after
    return [journals[posting.name] for posting in postings]


def balance(*, environment: str, code: str) -> int:
    """What an account holds, in cents: debit-positive for assets and expenses, credit-positive for the others."""
    line = line_of(code)
    account = rows.find(environment, code)
    if account is None:
        return 0
    id, stored = account
    if stored is not None:
        return stored
    return rows.debits_less_credits(id) * (1 if line.kind in GROWS_BY_DEBIT else -1)


def history(*, environment: str, code: str) -> Rows:
    """What happened to one account, newest first (LED-2): id, type, amount, before, after (cents), at, and of what.

    `amount` is signed so that before + amount = after, as `balance` counts. Busy accounts have no before and after.
    """
    line = line_of(code)
    account = LedgerAccount.objects.filter(environment=environment, code=code).first()
    if account is None:
        return Transfer.objects.none().values()
    grows, shrinks = ("debit", "credit") if line.kind in GROWS_BY_DEBIT else ("credit", "debit")
    grew = When(**{f"{grows}_id": account.pk}, then=F("amount_cents"))
    amount = Case(grew, default=-F("amount_cents"))
    then_held = When(**{f"{grows}_id": account.pk}, then=F(f"{grows}_balance_after"))
    after = Case(then_held, default=F(f"{shrinks}_balance_after"))
    return (
        Transfer.objects.filter(Q(debit_id=account.pk) | Q(credit_id=account.pk))
        .order_by("-id")
        .annotate(amount=amount, before=after - amount, after=after, at=F("journal__occurred_at"))
        .annotate(kind=F("journal__kind"), subject=F("journal__subject"), description=F("journal__description"))
        .values("id", "type", "amount", "before", "after", "at", "kind", "subject", "description")
    )


def made_of(*, environment: str, code: str) -> Rows:
    """What an account's balance is made of: kind, subject, `cents` (as `balance` counts), `at` (of the last change) and
    `last`, newest first; subjects that came to nothing are left out. Their cents sum to the balance.
    """
    grows = "debit_id" if line_of(code).kind in GROWS_BY_DEBIT else "credit_id"
    account = LedgerAccount.objects.filter(environment=environment, code=code).first()
    of = account.pk if account else None  # found first: the transfers of one account have their indexes
    cents = Sum(Case(When(**{grows: of}, then=F("amount_cents")), default=-F("amount_cents")))
    moved = Transfer.objects.filter(Q(debit_id=of) | Q(credit_id=of))
    of_each = moved.values(kind=F("journal__kind"), subject=F("journal__subject"))
    changed = of_each.annotate(cents=cents, at=Max("journal__occurred_at"), last=Max("id"))
    return changed.exclude(cents=0).order_by("-last")


def sums(*, kind: str, subject: str) -> dict[str, int]:
    """What all journals of one subject did to each account together: signed cents, debit positive, without zeros."""
    moved = Transfer.objects.filter(journal__kind=kind, journal__subject=subject)
    total: defaultdict[str, int] = defaultdict(int)
    for debit, credit, cents in moved.values_list("debit__code", "credit__code").annotate(cents=Sum("amount_cents")):
        total[debit] += cents
        total[credit] -= cents
    return {code: cents for code, cents in total.items() if cents}


def _find(locked: Locked, places: set[Place]) -> None:
    for _, code in places:
        line_of(code)
    locked.ids.update(rows.find_accounts(places))
    if missing := places - locked.ids.keys():
        rows.open_accounts(sorted(missing))
        locked.ids.update(rows.find_accounts(missing))


def _complete(locked: Locked | None, postings: Sequence[Posting]) -> Locked:
    """All accounts of these postings. A busy account may be found late; a guarded one must have been locked."""
    places = {place for posting in postings for place in posting.places()}
    if locked is None:
        return lock_accounts(places)
    missing = places - locked.ids.keys()
    if unlocked := sorted(code for _, code in missing if line_of(code).guarded):
        raise RuntimeError(f"{', '.join(unlocked)} must be locked before the first write")
    if missing:
        _find(locked, missing)
    return locked


def _transfers(posting: Posting, ids: Mapping[Place, int], after: dict[int, int]) -> list[tuple[Posting, rows.Side]]:
    """The transfers of one posting, with the balance after each for guarded sides; `after` follows."""
    found = []
    for debit, credit, cents in pair(posting.change):
        debit_id, credit_id = ids[posting.environment, debit], ids[posting.environment, credit]
        _move(after, debit_id, -cents)
        _move(after, credit_id, cents)
        side = (
            posting.environment,
            debit_id,
            credit_id,
            cents,
            posting.type,
            after.get(debit_id),
            after.get(credit_id),
        )
        found.append((posting, side))
    return found


def _move(after: dict[int, int], id: int, cents: int) -> None:
    if id not in after:
        return
    if after[id] + cents < 0:
        there, needed = money.words(after[id]), money.words(-cents)
        sentence = f"The balance is too low for this: {there} is there, {needed} is needed."
        raise Refusal("insufficient_balance", sentence, status=409)
    after[id] += cents
