"""The web's own way of starting a payment: log-in, limits, start, a push in a thread of the process, the answer.

It dies at every step, the app sends the same request again (the same `Idempotency-Key`), and there is one payment and
one prompt at most. It is a way of its own: the request thread waits for the one that speaks to M-Pesa.
"""

import json
from typing import Any

import pytest
from rest_framework_simplejwt.tokens import AccessToken

from payments.models import Payment
from tests.crashes.life import SHILLINGS, Life

pytestmark = [pytest.mark.requirement("REC-4"), pytest.mark.requirement("STK-3"), pytest.mark.requirement("STK-6")]
MOST = 120  # Redis counts limits and keeps the token: more steps than the core alone has


def click(life: Life) -> dict[str, Any]:
    """What the payer's app sends."""
    return {
        "path": "/api/deposits/initiate",
        "body": json.dumps({"phoneNumber": life.phone, "amount": SHILLINGS, "description": "Savings"}),
        "headers": {"Authorization": f"Bearer {AccessToken.for_user(life.payer)}", "Idempotency-Key": "one click"},
    }


def test_a_request_that_dies_anywhere_is_one_payment(life: Life) -> None:
    ends = set()
    for step in range(1, MOST):
        case = life.another()
        end = case.die("click", at=str(step), **click(case))
        before = list(Payment.objects.filter(payer=case.payer).values_list("pk", flat=True))
        assert not case.die("click", at="", **click(case)).died
        after = list(Payment.objects.filter(payer=case.payer).values_list("pk", flat=True))
        assert len(after) == 1
        assert before in ([], after)
        case.go_on()
        try:
            case.prove_end()
        except AssertionError as error:
            raise AssertionError(f"died before step {step}, {end.steps[-1:]}: {error}") from error
        ends.add(case.status())
        if not end.died:
            assert ends == {"COMPLETED", "EXPIRED"}, "paid, but where the push's answer met a dead process"
            return
    raise AssertionError(f"more than {MOST} steps: {end.steps}")
