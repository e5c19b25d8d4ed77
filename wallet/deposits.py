"""Deposits (seed 000): money into the payer's own wallet, through the protocol of `payments.payable`.

A deposit's thing is the wallet, so there is one live deposit per wallet at a time. A wallet always takes exact money;
an odd amount never gets here: it is owed to the payer and a person looks.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from django.conf import settings
from django.db import connection
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from ledger import books, chart
from ledger.models import LedgerAccount
from lib.money import cents, words
from lib.rows import read_rows
from payments import merchants
from payments.facts import Given
from payments.models import Payment
from payments.payable import Description, Paid, Quote
from payments.starting import Start
from payments.states import LIVE, Status
from wallet.models import Wallet

MINIMUM, MAXIMUM = 10, 150_000  # shillings (STK-2)
JUST_NOW = timedelta(minutes=5)  # the same amount once more within it is asked about (ours)
_OPEN = "SELECT id FROM wallet_wallet WHERE user_id = %s AND environment = %s FOR NO KEY UPDATE"
_LOCK = "SELECT id FROM wallet_wallet WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"


class Deposits:
    """payments.payable.Payable."""

    purpose = "deposit"
    request_field = ""
    transfer_type = "DEPOSIT"

    def open(self, *, request: Mapping[str, Any], payer_id: int, environment: str) -> int:
        with connection.cursor() as cursor:
            cursor.execute(_OPEN, [payer_id, environment])
            found = cursor.fetchone()
        if found:
            return int(found[0])
        wallet, _created = Wallet.objects.get_or_create(user_id=payer_id, environment=environment)
        self.lock([wallet.pk])
        return wallet.pk

    def lock(self, target_ids: Sequence[int]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_LOCK, [list(target_ids)])

    def quote(self, target_ids: Sequence[int], *, now: datetime) -> dict[int, Quote]:
        return {
            wallet.pk: Quote(
                target_id=wallet.pk,
                payer_id=wallet.user_id,
                environment=wallet.environment,
                description=settings.BUSINESS_NAME,
                amount_cents=None,
                minimum=MINIMUM,
                maximum=MAXIMUM,
            )
            for wallet in read_rows(Wallet, "WHERE id = ANY(%s)", [list(target_ids)])
        }

    def account(self, payment: Paid) -> str:
        return chart.wallet(payment.payer_id)

    def settle(self, payments: Sequence[Paid], *, now: datetime) -> dict[int, Given]:
        return {payment.payment_id: Given(payment.amount_cents) for payment in payments}

    def ended(self, payments: Sequence[Paid], *, now: datetime) -> None:
        """A wallet holds nothing for a deposit that did not come."""

    def refunded(self, payments: Sequence[Paid], *, now: datetime) -> None:
        """The ledger takes a refund out of the wallet; nothing else was given."""

    def describe(self, target_ids: Sequence[int]) -> dict[int, Description]:
        wallets = read_rows(Wallet, "WHERE id = ANY(%s)", [list(target_ids)])
        balances = functools.cache(lambda: _balances(wallets))
        return {
            wallet.pk: Description(
                title=_("Deposit to your wallet"),
                given_words=_("is in your wallet."),
                url=reverse("wallet:wallet"),
                pay_url=reverse("wallet:deposit"),
                facts=_balance_of(wallet, balances),
            )
            for wallet in wallets
        }

    def titles(self, target_ids: Sequence[int]) -> dict[int, str]:
        return dict.fromkeys(target_ids, _("Deposit to your wallet"))


def balance(user_id: int, environment: str) -> int:
    """What is in a user's wallet, in cents."""
    return books.balance(environment=environment, code=chart.wallet(user_id))


def living(user_id: int, environment: str) -> Payment | None:
    """The deposit that is on its way; there is one at most."""
    return Payment.objects.filter(
        payer_id=user_id, environment=environment, purpose=Deposits.purpose, status__in=LIVE
    ).first()


def just_paid(*, user_id: int, now: datetime, amount_cents: int | None = None) -> Payment | None:
    """The newest deposit (of this amount) that was paid a moment ago. Who comes back to the form may not know of it."""
    rows = Payment.objects.filter(
        payer_id=user_id, environment=merchants.current_environment(), purpose=Deposits.purpose, status=Status.COMPLETED
    ).filter(initiated_at__gte=now - 2 * JUST_NOW, completed_at__gte=now - JUST_NOW)
    if amount_cents is not None:
        rows = rows.filter(amount_cents=amount_cents)
    return rows.order_by("-initiated_at").first()


def paid_before(*, order: Start, told_of: str, now: datetime) -> Payment | None:
    """What was just paid and is about to be paid once more, unless it is the same request or they were told of it.

    A courtesy to who pressed twice, not a rule: to pay twice is allowed. `told_of`: the transaction id on their form.
    """
    amount_cents = cents(order.amount) if isinstance(order.amount, int) else None
    paid = just_paid(user_id=order.payer_id, now=now, amount_cents=amount_cents)
    known = paid is None or paid.transaction_id == told_of or paid.idempotency_key == order.idempotency_key
    return None if known else paid


def purse(user_id: int, environment: str) -> dict[str, object]:
    """For pages: what is in the wallet, what else is kept for them, and the deposit that is on its way."""
    mine, kept = chart.wallet(user_id), chart.owed(user_id)
    rows = LedgerAccount.objects.filter(environment=environment, code__in=[mine, kept])
    held = dict(rows.values_list("code", "balance_cents"))
    return {"balance": held.get(mine) or 0, "owed": held.get(kept) or 0, "living": living(user_id, environment)}


def _balance_of(wallet: Wallet, balances: Callable[[], Mapping[tuple[str, str], int | None]]) -> Mapping[str, str]:
    """Read where it is shown, and then for all at once: a payment that waits for its PIN does not show it."""
    code = (wallet.environment, chart.wallet(wallet.user_id))
    return cast(Mapping[str, str], SimpleLazyObject(lambda: {_("Balance"): words(balances().get(code) or 0)}))


def _balances(wallets: Sequence[Wallet]) -> dict[tuple[str, str], int | None]:
    """By environment and account code, in one query."""
    codes = {chart.wallet(wallet.user_id) for wallet in wallets}
    rows = LedgerAccount.objects.filter(code__in=codes).values_list("environment", "code", "balance_cents")
    return {(environment, code): cents for environment, code, cents in rows}
