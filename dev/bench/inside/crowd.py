"""People whose phones show a prompt, many at once, and what M-Pesa will say about each.

Every id of one of them (user, wallet, payment, callback, account of the wallet, and the receipt's digits) is the same
number of nine digits: so the SQL that settles one becomes the SQL that settles any by replacing that number.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.hashers import make_password

from accounts.models import User
from ledger import chart
from ledger.models import LedgerAccount
from lib import clock
from payments import calls, hooks, merchants, sealing
from payments.facts import Fact, Kind, Source
from payments.models import Callback, Merchant, Payment, PaymentFact
from payments.phones import columns
from payments.record import _fact_row
from payments.states import Status
from wallet.models import Wallet

FIRST = 100_000_001
CENTS = 100_00
_LOT = 2000


def make(first: int, number: int) -> None:
    """`number` prompted deposits of KES 100 with the ids from `first` on, of people who paid before: they have accounts."""
    merchant, now = merchants.merchant_for(environment="sandbox", purpose="deposit"), clock.now()
    password = make_password(None)
    for start in range(first, first + number, _LOT):
        _make(range(start, min(start + _LOT, first + number)), merchant, password, now)


def people(first: int, number: int) -> list[User]:
    """Payers who have agreed to what we do with their data, each with a wallet."""
    return _people(range(first, first + number), make_password(None), clock.now())


def _people(ids: Sequence[int], password: str, now: datetime) -> list[User]:
    agreed = {"consent_at": now, "consent_version": settings.CONSENT_VERSION}
    found = [User(pk=n, email=f"{n}@bench.test", password=password, **agreed) for n in ids]
    User.objects.bulk_create(found)
    Wallet.objects.bulk_create(Wallet(pk=n, user_id=n, environment="sandbox") for n in ids)
    return found


def _make(ids: Sequence[int], merchant: Merchant, password: str, now: datetime) -> None:
    payers = _people(ids, password, now)
    LedgerAccount.objects.bulk_create(
        LedgerAccount(pk=n, environment="sandbox", code=chart.wallet(n), kind="LIABILITY", balance_cents=0) for n in ids
    )
    LedgerAccount.objects.bulk_create(
        LedgerAccount(pk=int(f"5{n}"), environment="sandbox", code=chart.owed(n), kind="LIABILITY", balance_cents=0)
        for n in ids
    )
    Payment.objects.bulk_create(_payment(payer, merchant, now) for payer in payers)
    PaymentFact.objects.bulk_create(_fact_row(n, fact, now) for n in ids for fact in _facts(n, now))


def _payment(payer: User, merchant: Merchant, now: datetime) -> Payment:
    n = payer.pk
    return Payment(
        pk=n, transaction_id=f"TXN_B{n}", environment="sandbox", purpose="deposit", target_id=n, payer=payer,
        merchant=merchant, amount_cents=CENTS, account_reference=f"B{n}", description="Deposit", initiated_at=now,
        status=Status.PROMPTED, attempts=1, last_submitted_at=now, checkout_hash=sealing.checkout_hash(_checkout(n)),
        deadline_at=now + timedelta(hours=1), next_query_at=now + timedelta(hours=1), **columns(payer, f"254{n}"),
    )  # fmt: skip


def _facts(n: int, now: datetime) -> Iterator[Fact]:
    yield Fact(Kind.SENT, Source.PUSH, 1, at=now)
    checkout = _checkout(n)
    hashed = sealing.checkout_hash(checkout)
    yield Fact(Kind.ACCEPTED, Source.PUSH, 1, checkout_hash=hashed, checkout_id=checkout, at=now)


def _checkout(n: int) -> str:
    return f"ws_CO_21112026{n}"


def paths_and_bodies(first: int, number: int) -> list[tuple[str, str]]:
    """What M-Pesa posts about each of them: paid."""
    now = clock.now()
    return [
        (f"/hooks/{hooks.token(hooks.Hook('STK', 'sandbox', n, 1))}", json.dumps(_body(n, now)))
        for n in range(first, first + number)
    ]


def put_into_inbox(first: int, number: int) -> None:
    """The same as callbacks that were stored already."""
    now = clock.now()
    for start in range(first, first + number, _LOT):
        ids = range(start, min(start + _LOT, first + number))
        Callback.objects.bulk_create(_callback(n, now) for n in ids)


def _callback(n: int, now: datetime) -> Callback:
    body = json.dumps(_body(n, now)).encode()
    return Callback(
        pk=n, environment="sandbox", payment_id=n, submission=1, verdict="TRUSTED", verdict_reason="token",
        path="/hooks/", address="127.0.0.1", body_sealed=sealing.seal(body, context=calls.CONTEXT), size=len(body),
        received_at=now, next_attempt_at=now,
    )  # fmt: skip


def _body(n: int, now: datetime) -> dict[str, object]:
    items = [
        {"Name": "Amount", "Value": CENTS / 100},
        {"Name": "MpesaReceiptNumber", "Value": f"B{n}"},
        {"Name": "Balance"},
        {"Name": "TransactionDate", "Value": int(clock.mpesa_stamp(now))},
        {"Name": "PhoneNumber", "Value": int(f"254{n}")},
    ]
    told = {
        "MerchantRequestID": f"m-{n}", "CheckoutRequestID": _checkout(n), "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.", "CallbackMetadata": {"Item": items},
    }  # fmt: skip
    return {"Body": {"stkCallback": told}}
