"""Sessions, ready for a template: the words, the pills, and what this reader may do with each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from accounts.models import User
from lib import money
from payments.models import Payment
from payments.words import Brief, brief
from sessions_booking import acts, reading, words
from sessions_booking.models import Booking
from sessions_booking.reading import Standing
from sessions_booking.states import MAY_MOVE_IN_TIME, OPEN, PAID, State


@dataclass(frozen=True, slots=True)
class Attempt:
    """One payment that was tried for it, in a word."""

    payment: Payment
    brief: Brief


@dataclass(frozen=True, slots=True)
class Shown:
    """What templates/sessions_booking/ show of one session to one reader (`party`: see `acts.party`)."""

    booking: Booking
    standing: Standing
    party: str
    now: datetime

    @property
    def case(self) -> words.Case:
        return words.Case(self.booking, self.standing, self.now)

    @property
    def said(self) -> words.Said:
        return words.client_words(self.case) if self.party == "client" else words.therapist_words(self.case)

    @property
    def state(self) -> words.Pill:
        return words.state_pill(self.booking)

    @property
    def payment(self) -> words.Pill:
        return words.payment_pill(self.booking, self.standing, to_client=self.party == "client")

    @property
    def client(self) -> str:
        return words.name_of(self.booking.client)

    @property
    def with_whom(self) -> str:
        """The other one of the two; both for staff."""
        if self.party == "client":
            return self.booking.therapist.name
        return self.client if self.party == "therapist" else f"{self.client}, {self.booking.therapist.name}"

    @property
    def time(self) -> str:
        return words.moment(self.booking.starts_at, self.now)

    @property
    def minutes(self) -> int:
        return int((self.booking.ends_at - self.booking.starts_at).total_seconds() // 60)

    @property
    def price(self) -> str:
        return money.words(self.booking.price_cents)

    @property
    def answer_by(self) -> str:
        """Only while it is waited for."""
        waiting = self.booking.state == State.PENDING and self.booking.answer_by
        return words.moment(waiting, self.now) if waiting else ""

    @property
    def pay_by(self) -> str:
        """Only while it is waited for."""
        waiting = self.booking.state == State.APPROVED and self.booking.pay_by
        return words.moment(waiting, self.now) if waiting else ""

    @property
    def seconds_to_pay(self) -> int | None:
        """Worth a countdown in its last hour only."""
        if not (self.standing.payable and self.booking.pay_by):
            return None
        left = int((self.booking.pay_by - self.now).total_seconds())
        return left if 0 < left < 3600 else None

    @property
    def attempts(self) -> list[Attempt]:
        """Newest first."""
        return [Attempt(payment, brief(payment)) for payment in reversed(self.standing.attempts)]

    @property
    def is_ahead(self) -> bool:
        return self.booking.state in OPEN and self.booking.ends_at > self.now

    @property
    def has_begun(self) -> bool:
        return self.booking.starts_at <= self.now

    @property
    def may_answer(self) -> bool:
        return self.party == "therapist" and self.booking.state == State.PENDING and not self.has_begun

    @property
    def may_pay(self) -> bool:
        return self.party == "client" and self.standing.payable

    @property
    def may_move(self) -> bool:
        mine = self.party in ("client", "therapist")
        return mine and self.booking.state in MAY_MOVE_IN_TIME and not self.has_begun

    @property
    def may_cancel(self) -> bool:
        if self.party == "staff":
            return self.booking.state in OPEN
        asked = self.party == "therapist" and self.booking.state == State.PENDING  # declined, not cancelled
        return self.may_move and not asked

    @property
    def has_file(self) -> bool:
        """A calendar file is for the two of them."""
        return self.party in ("client", "therapist") and self.is_ahead

    @property
    def is_unpaid(self) -> bool:
        return self.booking.state == State.APPROVED and not self.standing.paid

    @property
    def is_paid(self) -> bool:
        return self.booking.state in PAID

    @property
    def version(self) -> str:
        """Changes whenever an open page should be written anew."""
        attempts = [(one.transaction_id, one.status, one.receipt) for one in self.standing.attempts]
        said = (
            self.booking.code, self.booking.sequence, self.booking.state, self.booking.starts_at, self.time,
            self.standing.payment_status, self.standing.receipt, self.standing.payable, self.has_begun, bool(self.seconds_to_pay), attempts,
        )  # fmt: skip
        return sha256(repr(said).encode()).hexdigest()[:16]


def show(bookings: Sequence[Booking], *, user: User, now: datetime) -> list[Shown]:
    """In the same order; one query for all of them."""
    standings = reading.standings(bookings=bookings, now=now)
    return [Shown(row, standings[row.pk], acts.party(row, user), now) for row in bookings]


def version_of(rows: Sequence[Shown], *more: object) -> str:
    """Of a list."""
    return sha256(repr([*(row.version for row in rows), *more]).encode()).hexdigest()[:16]
