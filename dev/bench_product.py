"""The parts of `make bench` that run the product's own code: prompted payments to settle, and settling them."""

import json
import sys
import time
import uuid

import django

django.setup()

from django.db import connection, reset_queries  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from accounts.models import User  # noqa: E402
from lib import clock  # noqa: E402
from payments import calls, hooks, inbox, lifecycle, sealing, starting  # noqa: E402
from payments.facts import Fact, Kind, Source  # noqa: E402
from payments.models import Callback  # noqa: E402
from payments.providers import Pushed  # noqa: E402


def prepare(number: int) -> list[dict[str, str]]:
    """So many prompted deposits of KES 100; the callback of each, and where it goes."""
    Callback.objects.filter(state="WAITING").update(state="DONE")
    return [_prompted(index) for index in range(number)]


def _prompted(index: int) -> dict[str, str]:
    name = uuid.uuid4().hex
    payer = User(email=f"{name}@bench.test")
    payer.set_unusable_password()
    payer.save()
    phone = f"2547{int(name[:12], 16) % 10**8:08d}"
    now = clock.now()
    started = starting.start(order=starting.Start("deposit", payer.pk, phone, 100), now=now)
    order = lifecycle.begin(payment_id=started.payment_id, now=now)
    if order is None:
        raise SystemExit("a new payment could not be sent")
    checkout = f"ws_CO_{name}"
    fact = Fact(
        Kind.ACCEPTED, Source.PUSH, 1, checkout_hash=sealing.checkout_hash(checkout), checkout_id=checkout, at=now
    )
    lifecycle.finish(order=order, pushed=Pushed((fact,)), made=[], caller=calls.NOBODY, now=now)
    token = hooks.token(hooks.Hook("STK", order.environment, order.payment_id, order.submission))
    receipt = f"B{name[:9].upper()}"
    items = [
        {"Name": "Amount", "Value": 100.0},
        {"Name": "MpesaReceiptNumber", "Value": receipt},
        {"Name": "Balance"},
        {"Name": "TransactionDate", "Value": int(clock.mpesa_stamp(now))},
        {"Name": "PhoneNumber", "Value": int(phone)},
    ]
    told = {
        "MerchantRequestID": name, "CheckoutRequestID": checkout, "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.", "CallbackMetadata": {"Item": items},
    }  # fmt: skip
    return {"path": f"/hooks/{token}", "body": json.dumps({"Body": {"stkCallback": told}})}


def settle() -> dict[str, float]:
    """Drain what the acknowledged callbacks left: one worker; most of them are duplicates, as in the worst of days."""
    waiting = Callback.objects.filter(state="WAITING").count()
    with CaptureQueriesContext(connection) as asked:
        inbox.drain(now=clock.now())
    queries = len(asked)
    reset_queries()
    began, drained = time.perf_counter(), inbox.BATCH
    while taken := inbox.drain(now=clock.now()):
        drained += taken
    seconds = time.perf_counter() - began
    return {"per_s": round((drained - inbox.BATCH) / seconds) if seconds else 0, "queries": queries, "all": waiting}


if __name__ == "__main__":
    answer = prepare(int(sys.argv[2])) if sys.argv[1] == "prepare" else settle()
    print(json.dumps(answer))
