"""The very SQL of one payment that is started and accepted, for pgbench."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from dev.bench.inside import crowd
from lib import clock
from payments import calls, lifecycle, phones, sealing, starting
from payments.facts import Fact, Kind, Source
from payments.models import Payment
from payments.providers import Pushed

_SAMPLE = crowd.FIRST + 3_000_000
_PAYMENT = 778_000_000  # an id of nothing else


def script() -> str:
    """What a start says to PostgreSQL, both transactions, with `:n` for the payer's number and the wallet's."""
    crowd.people(_SAMPLE, 2)
    _start(_SAMPLE)  # what is looked up once in a process is known after it
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('payments_payment_id_seq', %s)", [_PAYMENT])
    with CaptureQueriesContext(connection) as asked:
        row = _start(_SAMPLE + 1)
    return "\n".join(_for_any(query["sql"], row) for query in asked.captured_queries)


def _start(n: int) -> Payment:
    """All of it but the call itself: M-Pesa takes it."""
    order = starting.Start(purpose="deposit", payer_id=n, phone=f"254{n}", amount=100, description="Bench")
    begun = starting.start(order=order, now=clock.now(), at_once=True)
    if begun.push is None:
        raise ValueError("nothing is to be sent")
    checkout = f"ws_CO_21112026{n}"
    hashed = sealing.checkout_hash(checkout)
    accepted = Fact(Kind.ACCEPTED, Source.PUSH, 1, checkout_hash=hashed, checkout_id=checkout, at=clock.now())
    made = [calls.Call("STK_PUSH", "{}" * 200, "{}" * 100, 200, 5, "")]
    return lifecycle.finish(
        order=begun.push, pushed=Pushed((accepted,)), made=made, caller=calls.NOBODY, now=clock.now()
    )


def _for_any(sql: str, row: Payment) -> str:
    """What is unique carries the number; the payment's id is what the INSERT returns."""
    n = str(row.payer_id)
    places = {row.phone_hash: ":n".rjust(66 - len(n), "0"), row.transaction_id: "TXN_B:n", row.account_reference: "B:n"}
    for value, place in {phones.phone_hash(f"254{n}"): places[row.phone_hash], **places, n: ":n"}.items():
        sql = sql.replace(f":{value}", f":colon{place}").replace(value, place)
    sql = sql.replace(str(row.pk), ":payment_id")
    return f"{sql} \\gset payment_" if 'INSERT INTO "payments_payment"' in sql else f"{sql};"


def accepted(first: int, number: int) -> int:
    """How many of these payers have a prompt on the phone."""
    ids = range(first, first + number)
    return Payment.objects.filter(payer_id__in=ids, status="PROMPTED", attempts=1).count()


def newcomers(first: int, number: int) -> None:
    crowd.people(first, number)
