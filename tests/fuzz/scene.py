"""A payment, a bystander, and what is known about both: what a fuzzed callback may and may not change."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Sum
from django.test import override_settings

from audit.models import Entry
from ledger import books, chart, checks
from ledger.models import Transfer
from lib import clock
from payments import calls, hooks, inbox, phones, sealing, timing, unmatched
from payments.models import Callback, LotRow, Payment, PaymentFact
from payments.tests import factories
from tests.fuzz import wire
from tests.fuzz.callback_bodies import Whose

SHORTCODE = "174379"
SUCCESS = {"ResultCode": 0, "ResultDesc": "Success"}
REJECTED = {"ResultCode": 1, "ResultDesc": "Rejected"}
TOO_LARGE = {"ResultCode": 1, "ResultDesc": "Body too large"}
Snapshot = dict[str, Any]


@contextmanager
def as_configured(origin: wire.Origin | None = None) -> Iterator[None]:
    """Callbacks have a secret, and the proxies are the origin's."""
    m_pesa = replace(settings.MPESA, callback_secret=wire.SECRET)
    with override_settings(MPESA=m_pesa, TRUSTED_PROXIES=origin.proxies if origin else []):
        yield


def whose(payment: Payment) -> Whose:
    return Whose(factories.checkout_of(payment.pk), phones.phone_of(payment))


def token_of(payment: Payment, submission: int = 1) -> str:
    return hooks.token(hooks.Hook("STK", payment.environment, payment.pk, submission))


def said(answer: Any) -> tuple[int, Any]:
    return answer.status_code, json.loads(answer.content)


def drain() -> None:
    """Until nothing is due, now or at any later time that a row waits for. Nothing may break, get stuck or go round."""
    now = clock.now()
    for pause in (0, 1, 10, 100):
        inbox.drain(now=now + timedelta(seconds=pause))
    left = Callback.objects.exclude(state__in=["DONE", "UNMATCHED"])
    broken = Callback.objects.exclude(error="", attempts=0)
    assert ([*left.values("state", "error")], [*broken.values("error")]) == ([], [])


@contextmanager
def m_pesa_is_away() -> Iterator[None]:
    with override_settings(MPESA=replace(settings.MPESA, base_url="http://127.0.0.1:9")):
        yield


def ask_until_quiet() -> int:
    """How often M-Pesa is asked about callbacks that name no request of ours, in the two days after them."""
    now, asked = clock.now(), 0
    for pause in [*timing.QUERIES, 2 * 24 * 3600]:
        asked += unmatched.ask_due(now=now + timing.seconds(pause + 1))
    return asked


def snapshot(payment: Payment) -> Snapshot:
    """All that money or its owner could notice. (When M-Pesa is asked next is no secret: doubt may hurry it.)"""
    row = Payment.objects.filter(pk=payment.pk).values().get()
    del row["next_query_at"]
    facts = PaymentFact.objects.filter(payment=payment).order_by("pk").values_list("kind", "source", "code")
    return {**row, "facts": list(facts), "wallet": wallet(payment), "lots": list(payment.lots.values_list("receipt"))}


def books_hold() -> None:
    """Two folds that know nothing of payments: the ledger's own proofs, and money at M-Pesa = receipts kept."""
    assert checks.prove() == []
    lots = LotRow.objects.aggregate(sum=Sum("amount_cents"))["sum"] or 0
    assert books.balance(environment="sandbox", code=chart.utility(SHORTCODE)) == lots


def wallet(payment: Payment) -> int:
    return books.balance(environment="sandbox", code=chart.wallet(payment.payer_id))


def moved() -> tuple[int, int]:
    return LotRow.objects.count(), Transfer.objects.count()


def stored() -> list[tuple[str, str, bytes]]:
    """Verdict, address and body of every callback, in order."""
    rows = Callback.objects.order_by("pk")
    bodies = [sealing.unseal(bytes(row.body_sealed), context=calls.CONTEXT) for row in rows]
    assert [row.size for row in rows] == [len(body) for body in bodies]
    return [(row.verdict, row.address or "", body) for row, body in zip(rows, bodies, strict=True)]


def security_events() -> list[str]:
    return list(Entry.objects.filter(action__startswith="security.").order_by("pk").values_list("action", flat=True))


# --- The most that a body could be read to say -----------------------------------------------------------------------


def money_told(raw: bytes) -> set[tuple[str, int]]:
    """Every receipt with every amount (cents) that the most generous reader could find anywhere in a body."""
    scalars = list(_scalars(raw))
    receipts = {text.strip().upper() for text in scalars if re.fullmatch(r"\W*[A-Za-z][A-Za-z0-9]{7,15}\W*", text)}
    amounts = {int(Decimal(text) * 100) for text in scalars if re.fullmatch(r"\s*[0-9]{1,15}(\.[0-9]{1,12})?\s*", text)}
    return {(receipt, amount) for receipt in receipts for amount in amounts}


def says_success(raw: bytes) -> bool:
    """Whether a 0, which is M-Pesa's word for success, stands anywhere in a body."""
    return any(re.fullmatch(r"\s*-?0(\.0+)?\s*", text) for text in _scalars(raw))


def _scalars(raw: bytes) -> Iterator[str]:
    try:
        waiting = [json.loads(raw.decode("utf-8-sig"), parse_int=str, parse_float=_plain)]
    except (ValueError, RecursionError):
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value
        elif isinstance(value, str):
            yield "".join(letter for letter in value if letter.isprintable())


def _plain(text: str) -> str:
    value = Decimal(text)
    return format(value, "f") if abs(value.adjusted()) < 50 else ""
