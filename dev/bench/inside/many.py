"""A hundred thousand payments, or a million, in seconds: by COPY, with the indexes made after it.

Twenty payments a payer, over a year, nine of ten paid. What is about one payment (facts, books, trail) is left out:
lists and searches read the payment's own row.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import connection, transaction
from django.utils import timezone

from accounts.keys import new_data_key, phone_hash
from accounts.models import User
from lib import clock
from payments import merchants
from payments.models import Payment
from payments.states import Status
from wallet.models import Wallet

FIRST = 200_000_001  # ids of payments
PAYER = 300_000_001
_EACH = 20  # payments of one payer
_YEAR_S = 365 * 24 * 3600
_ENDS = (Status.FAILED, Status.CANCELLED, *[Status.COMPLETED] * 18)


def grow(there: int, total: int) -> dict[str, float]:
    """Payments from number `there` up to `total`."""
    began = timezone.now()
    merchant = merchants.merchant_for(environment="sandbox", purpose="deposit")
    payers = range(PAYER + there // _EACH, PAYER + total // _EACH)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # each foreign key is known to be right
        rebuilt = _drop_indexes(cursor)
        copy(cursor, User, _people(payers))
        copy(cursor, Wallet, ({"id": n, "user_id": n, "environment": "sandbox", "created_at": began} for n in payers))
        copy(cursor, Payment, _payments(there, total, merchant.pk, clock.now()))
        for definition in rebuilt:
            cursor.execute(definition)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE payments_payment")
        cursor.execute("VACUUM ANALYZE accounts_user")
    return {"seconds": (timezone.now() - began).total_seconds()}


def _drop_indexes(cursor: Any) -> list[str]:
    """Those that are no constraint; what makes them again."""
    cursor.execute(
        """SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
           WHERE indrelid = 'payments_payment'::regclass
           AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)"""
    )
    found = cursor.fetchall()
    for name, _ in found:
        cursor.execute(f"DROP INDEX {name}")
    return [definition for _, definition in found]


def _people(ids: Iterable[int]) -> Iterator[dict[str, object]]:
    fixed = {"password": make_password(None), "date_joined": clock.now(), "data_key": new_data_key()}
    for n in ids:
        yield {**fixed, "id": n, "email": f"{name(n).lower()}.{n}@many.test", "name": f"{name(n)} Otieno {n}"}


def name(n: int) -> str:
    """Six letters that differ from payer to payer."""
    return "".join(chr(ord("A") + (n * 7919 // 26**place) % 26) for place in range(6))


def _payments(there: int, total: int, merchant_id: int, now: datetime) -> Iterator[dict[str, object]]:
    hashes: dict[int, str] = {}
    for n in range(there, total):
        payer = PAYER + n // _EACH
        if payer not in hashes:
            hashes = {payer: phone_hash(f"2547{payer % 10**8:08d}")}
        at = now - timedelta(seconds=(n * 7919) % _YEAR_S, microseconds=n)
        status = _ENDS[n % len(_ENDS)]
        paid = status == Status.COMPLETED
        yield {
            "id": FIRST + n, "transaction_id": f"TXN_M{n:09d}", "environment": "sandbox", "purpose": "deposit",
            "target_id": payer, "payer_id": payer, "merchant_id": merchant_id, "amount_cents": 100_00,
            "phone_hash": hashes[payer], "phone_tail": "678", "account_reference": f"M{n:09d}", "initiated_at": at,
            "status": status.value, "answer": "GIVEN" if paid else "", "received_cents": 100_00 if paid else 0,
            "receipt": f"M{n:09d}" if paid else "", "completed_at": at if paid else None, "updated_at": at,
            "failed_at": None if paid else at, "result_code": "0" if paid else "1032", "attempts": 1,
        }  # fmt: skip


def copy(cursor: Any, model: Any, rows: Iterable[dict[str, object]]) -> None:
    """Columns that a row does not name have the model's own default."""
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return
    others = {f.column: f.get_default() for f in model._meta.concrete_fields if f.column not in first and not f.null}
    others = {column: value for column, value in others.items() if value is not None}
    columns = ", ".join(f'"{column}"' for column in [*first, *others])
    tail = "".join(f"\t{_text(value)}" for value in others.values())
    with cursor.copy(f"COPY {model._meta.db_table} ({columns}) FROM STDIN") as lines:
        lines.write("\t".join(map(_text, first.values())) + tail + "\n")
        for row in rows:
            lines.write("\t".join(map(_text, row.values())) + tail + "\n")


def _text(value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bytes):
        return f"\\\\x{value.hex()}"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, list | dict):
        return "{}"
    return value.isoformat() if isinstance(value, datetime) else str(value)
