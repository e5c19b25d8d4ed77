"""A payment's life around a death: what went before it, how life goes on after it, and what must be true at the end.

Time is in the test's hand: `now` is told to every sweep, in seconds since the payment was begun. The oracle is the
simulator's books, pushes and phones, and what was said to the world; none of it asks the code under test.
"""

import functools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.test import Client

from accounts.models import User
from audit import seal
from ledger import books, chart, checks
from lib import clock
from outbox import box
from outbox.models import Delivery
from payments import chase, inbox, lifecycle, review, starting, unmatched
from payments.models import Callback, LotRow, Payment, PaymentFact
from payments.tests.factories import UserFactory, new_phone
from simulator.testing import Sim
from tests.crashes import said
from tests.crashes.dying import End, Victims
from tests.stack import until

SHILLINGS = 1000
UTILITY = chart.utility("174379")
# When beat comes by: around each deadline of a payment, of a lease, and of the questions asked about it.
SWEEPS = (3, 34, 121, 190, 301, 365)
BEAT: dict[str, Callable[..., object]] = {
    "send_queued": chase.send_queued,
    "the inbox": inbox.drain,
    "the chase": chase.ask_due,
    "unmatched": unmatched.ask_due,
    "the clock": chase.close_overdue,
    "the outbox": functools.partial(box.deliver_due, limit=100),
}


def held(code: str) -> int:
    return books.balance(environment="sandbox", code=code)


@dataclass
class Life:
    """One payer and one payment, and what the payer and the network do."""

    victims: Victims
    m_pesa: Sim
    payer: User = field(default_factory=UserFactory)
    phone: str = field(default_factory=new_phone)
    begun: datetime = field(default_factory=clock.now)
    pays: bool = True
    callback_comes: bool = True
    delivered: bool = False
    taken_up_by: str = ""

    def another(self) -> "Life":
        """Nothing of the one before is left but its rows; so each death is met by the same steps."""
        said.forget()
        return type(self)(self.victims, self.m_pesa)

    # --- What people and the network do ---

    @property
    def order(self) -> dict[str, Any]:
        return {
            "purpose": "deposit",
            "payer_id": self.payer.pk,
            "phone": self.phone,
            "amount": SHILLINGS,
            "idempotency_key": "one click",
        }

    @property
    def payment(self) -> Payment:
        """The payer's newest."""
        return Payment.objects.filter(payer=self.payer).latest("pk")

    def at(self, seconds: float) -> datetime:
        return self.begun + timedelta(seconds=seconds)

    def start(self, *, at: float = 0, **more: Any) -> None:
        """A second click after a death of the first one is the same request."""
        starting.start(order=starting.Start(**{**self.order, **more}), now=self.at(at))

    def submit(self) -> None:
        assert lifecycle.submit(payment_id=self.payment.pk, now=lambda: self.begun)

    def pay(self) -> None:
        self.m_pesa.approve(self.phone)

    def told(self) -> tuple[str, str]:
        """The callback that M-Pesa sends about this phone's last push: path and body."""
        push = self.pushes()[-1]["checkout_request_id"]

        def found() -> list[dict[str, Any]]:
            return [one for one in self.m_pesa.callbacks() if one["checkout_request_id"] == push]

        last = until(found, what="M-Pesa to send its callback")[-1]
        return urlsplit(last["url"]).path, last["body"]

    def deliver_callback(self) -> None:
        path, body = self.told()
        answer = Client().post(path, body, content_type="application/json")
        assert (answer.status_code, answer.json()["ResultCode"]) == (200, 0)
        self.delivered = True

    def pushes(self) -> list[dict[str, Any]]:
        return [push for push in self.m_pesa.pushes() if push["phone"] == self.phone]

    def asked_for(self, prompts: int) -> int:
        """How many prompts M-Pesa has put on the phone; what has just been sent to it may still be on its way."""
        if prompts:
            until(self.pushes, what="M-Pesa to read the push")
        return len(self.pushes())

    def status(self) -> str:
        row = Payment.objects.filter(payer=self.payer).last()
        return row.status if row else ""

    # --- Death, and life after it ---

    def die(self, job: str, *, at: str, after: float = 0, **given: Any) -> End:
        return self.victims.do(job, at=at, now=self.at(after), **given)

    def go_on(self, *, since: float = 0) -> None:
        """The payer clicks again where nothing happened, and pays what is asked for; beat sweeps."""
        if not Payment.objects.filter(payer=self.payer).exists():
            self.start()
            self.taken_up_by = "the payer"
        for seconds in SWEEPS:
            if seconds >= since:
                self._answer_phone()
                self.sweep(seconds)
        self._answer_phone()
        self.sweep(1200)

    def sweep(self, seconds: float) -> None:
        """What beat does every second, in some order; who was the first to take up what was left is noted."""
        before = () if self.taken_up_by else self.rows()
        for name, sweep in BEAT.items():
            sweep(now=self.at(seconds))
            if not self.taken_up_by and self.rows() != before:
                self.taken_up_by = name

    def rows(self) -> tuple[list[Any], ...]:
        """What work changes when it is done."""
        facts = PaymentFact.objects.filter(payment__payer=self.payer).values_list("kind", "submission")
        return (
            list(facts.order_by("pk")),
            list(LotRow.objects.filter(payment__payer=self.payer).values_list("receipt")),
            list(Delivery.objects.order_by("pk").values_list("state")),
        )

    def pass_time(self, *seconds: float) -> None:
        for second in seconds:
            chase.close_overdue(now=self.at(second))

    def sweep_inbox(self, seconds: float) -> None:
        inbox.drain(now=self.at(seconds))

    def _answer_phone(self) -> None:
        open_prompts = [push for push in self.pushes() if push["prompting"]]
        if open_prompts and self.pays:
            self.pay()
        if self.callback_comes and not self.delivered and any(push["ended"] for push in self.pushes()):
            self.deliver_callback()

    def settle_by_hand(self) -> None:
        """A person finds the money in M-Pesa's statement."""
        assert (self.payment.status, self.payment.received_cents) == ("EXPIRED", 0)
        (found,) = [row for row in self.m_pesa.books() if row["phone"] == self.phone]
        review.paid(
            payment_id=self.payment.pk,
            receipt=found["receipt"],
            amount_cents=SHILLINGS * 100,
            reason="It stands in the statement.",
            actor="user:1",
            now=self.at(5000),
        )
        self.sweep(5001)

    # --- What must be true ---

    def moved(self) -> int:
        """What M-Pesa moved from this phone, in cents."""
        return sum(round(float(row["amount"]) * 100) for row in self.m_pesa.books() if row["phone"] == self.phone)

    def prove_end(self, *, unpaid: str = "EXPIRED", pushes: int = 1) -> None:
        """The payment ended as M-Pesa's books say, with `pushes` prompts at most."""
        row, moved = self.payment, self.moved()
        assert (row.status, row.received_cents) == ("COMPLETED" if moved else unpaid, moved)
        self.prove_given(moved)
        assert len(self.pushes()) <= pushes
        assert row.answer == ("GIVEN" if moved else "")
        self._prove_said(row)
        prove_world(self.m_pesa)

    def prove_given(self, cents: int) -> None:
        """What was paid for is there, and nothing else."""
        assert held(chart.wallet(self.payer.pk)) == cents

    def _prove_said(self, row: Payment) -> None:
        """Each end was said once; or perhaps once, and then a person knows."""
        spoken = Counter(word["topic"] for word in said.everything() if word["payment_id"] == row.pk)
        for delivery in Delivery.objects.filter(key=row.transaction_id):
            times = spoken.pop(delivery.topic, 0)
            assert (delivery.state, times) == ("DONE", 1) or (delivery.state == "DOUBTFUL" and times <= 1)
        assert not spoken


def prove_world(m_pesa: Sim) -> None:
    """The books say what M-Pesa's say; nothing is stuck; the trail is whole."""
    assert held(UTILITY) + held(chart.AWAITED) == 100 * sum(round(float(row["amount"])) for row in m_pesa.books())
    assert checks.prove() == []
    assert not Callback.objects.filter(state__in=["WAITING", "STUCK", "UNMATCHED"]).exists()
    seal.seal_new(now=clock.now())
    assert seal.verify() == []
