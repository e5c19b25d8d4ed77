"""Everything the simulator holds, in memory and on one event loop, so that nothing needs a lock."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from lib import clock
from simulator import merchants
from simulator.agenda import Agenda
from simulator.books import Books, Transaction
from simulator.courier import Courier
from simulator.hub import Hub
from simulator.merchants import Merchant
from simulator.phones import Phone, Sms
from simulator.settings import Settings
from simulator.switches import Switches
from simulator.tokens import Tokens

if TYPE_CHECKING:
    from simulator.pushes import Push
    from simulator.refusals import Outage


class World:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.agenda = Agenda(time_scale=settings.time_scale)
        self.hub = Hub()
        self.courier = Courier(self)
        self.tokens = Tokens()
        self._begin()

    def _begin(self) -> None:
        self.switches: Switches = self.settings.start_switches()
        self.merchants: dict[str, Merchant] = merchants.table(self.settings.business_name)
        self.books = Books()
        self.pushes: dict[str, Push] = {}
        self.phones: dict[str, Phone] = {}
        self.faults: dict[str, str] = {}  # fault by number, given by a test
        self.refused: dict[str, int] = {}  # refusals so far, by number
        self.refused_tokens: dict[str, str] = {}  # the token a number's push found invalid
        self.outages: dict[str, Outage] = {}
        for number in self.settings.phones:
            self.phone(number).shown = True

    def reset(self, *, tokens: bool = False) -> None:
        """As at the start. Tokens stay unless told, since clients may keep theirs."""
        self.agenda.clear()
        self.agenda.time_scale = self.settings.time_scale
        self.courier.clear()
        if tokens:
            self.tokens.forget()
        seen = set(self.phones)
        self._begin()
        for number in seen | set(self.phones):
            self.hub.changed(number)

    def now(self) -> datetime:
        """For stamps: real time, whatever the agenda's clock shows."""
        return clock.now()

    def phone(self, number: str) -> Phone:
        return self.phones.setdefault(number, Phone(number))

    def changed(self, phone: Phone) -> None:
        phone.touch()
        self.hub.changed(phone.number)

    def send_sms(self, phone: Phone, text: str, *, sender: str = "MPESA") -> None:
        phone.sms.appendleft(Sms(text, self.now(), sender))
        self.changed(phone)

    def move_money(self, push: Push) -> Transaction:
        """Take the money from the handset and write it down."""
        amount = push.order.amount + push.script.fault.shillings_more
        phone = self.phone(push.order.phone)
        if not push.script.magic:  # magic numbers never run dry
            phone.balance -= amount
        return self.books.write(
            amount=amount,
            phone=phone.number,
            shortcode=push.order.party_b,
            reference=push.order.reference,
            checkout_request_id=push.checkout_request_id,
            type=push.order.transaction_type,
            at=self.now(),
        )
