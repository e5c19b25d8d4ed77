"""Payments whose phones stay silent, very many, and the sweeps over them."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from dev.bench.inside import many
from lib import clock
from payments import chase, merchants, sealing
from payments.models import Payment, PaymentFact
from payments.project import CHECKOUT_CONTEXT
from wallet.models import Wallet

FIRST = 400_000_001
_SECONDS = 8.0


def prepare(number: int) -> None:
    """Prompted, silent for 125 s: due to be timed out and to be asked about."""
    merchant = merchants.merchant_for(environment="sandbox", purpose="deposit")
    now, ids = clock.now(), range(FIRST, FIRST + number)
    fixed = {"password": make_password(None), "date_joined": now}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        many.copy(cursor, User, ({**fixed, "id": n, "email": f"{n}@silent.test"} for n in ids))
        wallets = ({"id": n, "user_id": n, "environment": "sandbox", "created_at": now} for n in ids)
        many.copy(cursor, Wallet, wallets)
        many.copy(cursor, Payment, _payments(ids, merchant.pk, now))
        many.copy(cursor, PaymentFact, _facts(ids, now))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _payments(ids: range, merchant_id: int, now: datetime) -> Iterator[dict[str, object]]:
    at, sealed = now - timedelta(seconds=125), sealing.seal("ws_CO_1", context=CHECKOUT_CONTEXT)
    for n in ids:
        yield {
            "id": n, "transaction_id": f"TXN_S{n}", "environment": "sandbox", "purpose": "deposit", "target_id": n,
            "payer_id": n, "merchant_id": merchant_id, "amount_cents": 100_00, "phone_hash": f"{n:064x}",
            "phone_tail": "678", "account_reference": f"S{n}", "initiated_at": at, "status": "PROMPTED",
            "attempts": 1, "last_submitted_at": at, "checkout_hash": f"{n:064x}", "checkout_sealed": sealed,
            "updated_at": at, "deadline_at": now - timedelta(seconds=5), "next_query_at": now - timedelta(seconds=5),
        }  # fmt: skip


def _facts(ids: range, now: datetime) -> Iterator[dict[str, object]]:
    at = now - timedelta(seconds=125)
    for n in ids:
        yield {"payment_id": n, "kind": "SENT", "source": "PUSH", "submission": 1, "checkout_hash": "", "at": at}
        hashed = f"{n:064x}"
        yield {
            "payment_id": n,
            "kind": "ACCEPTED",
            "source": "PUSH",
            "submission": 1,
            "checkout_hash": hashed,
            "at": at,
        }


def sweep() -> dict[str, float]:
    chase.close_overdue(now=clock.now())
    with CaptureQueriesContext(connection) as asked:
        chase.close_overdue(now=clock.now())
    began, rows = time.perf_counter(), 0
    while time.perf_counter() - began < _SECONDS:
        rows += chase.close_overdue(now=clock.now())
    per_s = rows / (time.perf_counter() - began)
    return {
        "rows_per_s": per_s,
        "queries_per_row": len(asked) / chase.BATCH,
        "claim_ms": _ms(lambda: chase.claim(now=clock.now())),
        "idle_ms": _ms(lambda: chase.close_overdue(now=clock.now() - timedelta(days=1))),
    }


def _ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000
