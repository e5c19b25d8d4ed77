"""Deaths around a payment: while one replaces another, while money has no payment yet, while the trail is sealed."""

import time

import pytest
import redis
from django.conf import settings

from audit import seal
from audit.models import Entry
from daraja import tokens
from ledger import chart
from payments.models import Callback, Payment
from payments.tests import factories
from tests.crashes import scenes
from tests.crashes.life import SHILLINGS, Life, held, prove_world
from tests.crashes.test_every_step import MOST

pytestmark = [pytest.mark.requirement("REC-4"), pytest.mark.requirement("P76")]


@pytest.mark.requirement("REC-2")
def test_a_payment_is_replaced_as_a_whole_or_not_at_all(life: Life) -> None:
    for step in range(1, MOST):
        case = life.another()
        scenes.ignored(case)
        case.m_pesa.advance(121)
        case.pass_time(121)
        case.pays = True
        again = {"idempotency_key": "another click", "replace": True}
        end = case.die("start", at=str(step), after=125, **{**case.order, **again})
        mine = Payment.objects.filter(payer=case.payer).order_by("pk")
        assert list(mine.values_list("status", flat=True)) in (["PROMPTED"], ["EXPIRED", "SENDING"])
        case.start(at=126, **again)
        assert list(mine.values_list("status", flat=True)) == ["EXPIRED", "SENDING"]
        case.go_on(since=190)
        assert list(mine.values_list("status", flat=True)) == ["FAILED", "COMPLETED"]  # M-Pesa said: ran out
        case.prove_end(pushes=2)
        if not end.died:
            return
    raise AssertionError("it never came to an end")


@pytest.mark.requirement("STK-8")
def test_a_refusal_is_known_or_the_push_was_perhaps_sent(life: Life) -> None:
    """From M-Pesa's answer on; before that its death is that of any push."""
    deaths = ["INSERT payments_paymentfact #2", "COMMIT #2", "after COMMIT #2", ""]
    for at in deaths:
        case = life.another()
        end = case.die("submit", at=at, **scenes.refused_once(case))
        case.go_on()
        known = not at or at.startswith("after")
        assert (end.died, case.status()) == (bool(at), "COMPLETED" if known else "EXPIRED")
        case.prove_end()


@pytest.mark.requirement("CB-7")
def test_money_without_a_payment_is_held_once(life: Life) -> None:
    """The push's answer was lost with its process, and the callback came on an address that names no payment."""
    for step in range(1, MOST):
        case = life.another()
        case.die("submit", at="COMMIT #2", **scenes.started(case))
        case.pay()
        factories.callback(None, case.told()[1].encode(), now=case.at(20))
        case.sweep_inbox(21)
        assert Callback.objects.latest("pk").state == "UNMATCHED"
        end = case.die("ask_unmatched", at=str(step), after=55)
        case.delivered = True
        case.go_on(since=56)
        assert (case.status(), case.payment.received_cents) == ("EXPIRED", 0)
        assert held(chart.SUSPENSE) == step * SHILLINGS * 100
        prove_world(case.m_pesa)
        if not end.died:
            return
    raise AssertionError("it never came to an end")


@pytest.mark.requirement("P70")
def test_the_trail_is_sealed_once(life: Life) -> None:
    for step in range(1, MOST):
        life.another().start()
        end = life.die("seal", at=str(step))
        assert seal.verify() == []
        seal.seal_new(now=life.begun)
        assert not Entry.objects.filter(sealed__isnull=True).exists()
        assert seal.verify() == []
        if not end.died:
            return
    raise AssertionError("it never came to an end")


@pytest.mark.requirement("STK-7")
def test_whoever_dies_fetching_a_token_holds_up_others_for_seconds_only(life: Life) -> None:
    """Its lease ends by itself, and whoever waits fetches: nothing is refused, nobody cleans up."""
    assert life.die("submit", at="send /oauth/v1/generate", **scenes.started(life)).died
    with redis.Redis.from_url(settings.REDIS_URL) as world:
        (lock,) = world.keys("daraja:lock:*")
        assert 0 < world.pttl(lock) <= tokens.LEASE_S * 1000
    other = Life(life.victims, life.m_pesa)
    other.start()
    began = time.monotonic()
    other.submit()
    assert (other.status(), time.monotonic() - began < tokens.LEASE_S + tokens.WAIT_S) == ("PROMPTED", True)
    other.go_on()
    other.prove_end()
    life.go_on()
    life.prove_end()
    assert (other.status(), life.status()) == ("COMPLETED", "EXPIRED")
