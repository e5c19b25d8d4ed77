"""The one place that turns a session into words: what its two people read on pages, first of all "what now?".

States and payment statuses have their own words for lists (`state_pill`, `payment_pill`); a page of one session says
more (`client_words`, `therapist_words`). Times are Nairobi's. Nothing here is about why somebody needs a session.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import User
from lib import money
from lib.clock import EAT
from sessions_booking.models import Booking
from sessions_booking.reading import Standing
from sessions_booking.states import OPEN, PAID, State


@dataclass(frozen=True, slots=True)
class Pill:
    """Icon, word and colour: colour never speaks alone."""

    tone: str
    icon: str
    word: str


@dataclass(frozen=True, slots=True)
class Said:
    """The state in words, first on a page; `then` is what to do or what happens next."""

    tone: str
    icon: str
    headline: str
    happened: str
    then: str = ""
    kept: str = ""  # money that is kept for the client


@dataclass(frozen=True, slots=True)
class Case:
    """One session to be put into words."""

    booking: Booking
    standing: Standing
    now: datetime

    @property
    def price(self) -> str:
        return money.words(self.booking.price_cents)

    @property
    def time(self) -> str:
        return moment(self.booking.starts_at, self.now)

    @property
    def therapist(self) -> str:
        return self.booking.therapist.name

    @property
    def client(self) -> str:
        return name_of(self.booking.client)

    @property
    def answer_by(self) -> str:
        return moment(self.booking.answer_by, self.now) if self.booking.answer_by else ""

    @property
    def pay_by(self) -> str:
        return moment(self.booking.pay_by, self.now) if self.booking.pay_by else ""

    @property
    def reason(self) -> str:
        return _("The reason given: “%(reason)s”") % {"reason": self.booking.reason} if self.booking.reason else ""


def moment(at: datetime, now: datetime) -> str:
    """ "today 18:00", "tomorrow 10:00", "Tue 24 Nov 10:00", with the year where it is another one."""
    local, today = at.astimezone(EAT), now.astimezone(EAT)
    return f"{day(local, today)} {local:%H:%M}"


def day(local: datetime, today: datetime) -> str:
    """Both in Nairobi."""
    names = {0: _("today"), 1: _("tomorrow"), -1: _("yesterday")}
    away = (local.date() - today.date()).days
    if away in names:
        return names[away]
    return date_format(local, "D j M" if local.year == today.year else "D j M Y", use_l10n=False)


def name_of(user: User) -> str:
    """Never an e-mail address: that is not for the other party."""
    return user.name or _("Client")


# --- Pills -----------------------------------------------------------------------------------------------------------

_STATES: dict[str, tuple[str, str]] = {
    State.PENDING: ("amber", "clock"),
    State.APPROVED: ("blue", "calendar"),
    State.CONFIRMED: ("green", "check"),
    State.COMPLETED: ("green", "check"),
    State.DECLINED: ("grey", "cross"),
    State.CANCELLED: ("grey", "cross"),
    State.EXPIRED: ("grey", "minus"),
}
_PAYMENTS = {
    "Pending": ("amber", "send"),
    "Processing": ("amber", "phone"),
    "Paid": ("green", "check"),
    "Failed": ("red", "alert"),
    "Cancelled": ("grey", "cross"),
    "Timed Out": ("grey", "clock"),
    "Refunded": ("blue", "back"),
    "Owed": ("amber", "info"),
}


def state_pill(booking: Booking) -> Pill:
    tone, icon = _STATES[booking.state]
    return Pill(tone, icon, str(State(booking.state).label))


def payment_pill(booking: Booking, standing: Standing, *, to_client: bool = False) -> Pill:
    """How its payment stands, in the document's words; what is not paid says so before why."""
    words = {
        "": _("Not paid"),
        "Pending": _("Not paid yet: sending"),
        "Processing": _("Not paid yet: processing"),
        "Paid": _("Paid"),
        "Failed": _("Not paid: failed"),
        "Cancelled": _("Not paid: cancelled"),
        "Timed Out": _("Not paid: timed out"),
        "Refunded": _("Refunded"),
        "Owed": _("Kept for you") if to_client else _("Kept for the client"),
    }
    untried = ("amber" if booking.state in OPEN else "grey", "minus")  # nothing is waited for any more
    tone, icon = _PAYMENTS.get(standing.payment_status, untried)
    return Pill(tone, icon, words[standing.payment_status])


# --- To the client ---------------------------------------------------------------------------------------------------


def client_words(case: Case) -> Said:
    return _TO_CLIENT[State(case.booking.state)](case)


def _requested(case: Case) -> Said:
    return Said(
        "amber", "clock", _("Waiting for approval"),
        _("You asked %(name)s for %(time)s.") % {"name": case.therapist, "time": case.time},
        _("We tell you as soon as it is answered, %(until)s at the latest. You pay after that, so nothing is due now.")
        % {"until": case.answer_by},
    )  # fmt: skip


def _to_be_paid(case: Case) -> Said:
    if case.standing.live and case.standing.live.timed_out_at:
        return Said(
            "amber", "clock", _("Timed out"), _("No answer came from your phone in two minutes. We are asking M-Pesa."),
            _("Check your M-Pesa messages first. If no money went, try again."),
        )  # fmt: skip
    if case.standing.live:
        return Said(
            "amber", "phone", _("Check your phone"),
            _("A request for %(money)s is on its way to your phone.") % {"money": case.price},
            _("Your time stays yours until it has ended."),
        )  # fmt: skip
    if not case.standing.payable:
        return Said(
            "grey", "clock", _("The time to pay has passed"), _("This session can no longer be paid for."),
            _("Choose another time if you still want to come."), kept(case),
        )  # fmt: skip
    return Said("blue", "calendar", _("Approved"), pay_now(case), _tried(case), kept(case))


def pay_now(case: Case) -> str:
    return _("Pay %(money)s by %(until)s to keep your time.") % {"money": case.price, "until": case.pay_by}


def _tried(case: Case) -> str:
    """How the last attempt ended; the details stand beside it."""
    return {
        "Failed": _("Your last attempt was not paid: nothing was taken."),
        "Cancelled": _("Payment Cancelled: nothing was taken."),
        "Timed Out": _("Your last attempt timed out. Check your M-Pesa messages first; if no money went, try again."),
    }.get(case.standing.payment_status, "")


def _confirmed(case: Case) -> Said:
    return Said(
        "green", "check", _("Confirmed"),
        _("%(money)s is paid. You meet %(name)s: %(time)s.")
        % {"money": case.price, "name": case.therapist, "time": case.time},
        kept=kept(case),
    )  # fmt: skip


def _completed(case: Case) -> Said:
    return Said(
        "green", "check", _("Completed"),
        _("You met %(name)s: %(time)s. %(money)s is paid.")
        % {"name": case.therapist, "time": case.time, "money": case.price},
        kept=kept(case),
    )  # fmt: skip


def _declined(case: Case) -> Said:
    return Said(
        "grey", "cross", _("Declined"), _("%(name)s cannot take this session.") % {"name": case.therapist},
        case.reason or _("Choose another time, or somebody else."), kept(case),
    )  # fmt: skip


def _cancelled(case: Case) -> Said:
    by = {
        "client": _("You cancelled this session."),
        "therapist": _("%(name)s cancelled this session.") % {"name": case.therapist},
    }.get(case.booking.ended_by, _("This session was cancelled."))
    return Said("grey", "cross", _("Cancelled"), by, f"{case.reason} {_unpaid(case)}".strip(), kept(case))


def _unpaid(case: Case) -> str:
    """A prompt cannot be called back from a phone."""
    if case.standing.live:
        return _("Do not pay for it any more: if a request is on your phone, cancel it there.")
    moved = kept(case) or case.standing.payment_status == "Refunded"
    return "" if moved or case.reason else _("Nothing was paid for it.")


def _expired(case: Case) -> Said:
    then = _("Its time was given free. You can book another one.")
    return Said("grey", "minus", _("Expired"), _not_in_time(case), then, kept(case))


def _not_in_time(case: Case) -> str:
    return _("It was not paid for in time.") if case.booking.approved_at else _("It was not answered in time.")


def kept(case: Case) -> str:
    """What became of money that bought no session: all of it, whichever attempt brought it."""
    standing = case.standing
    if standing.kept_cents:
        text = _("%(money)s that you paid is kept for you. Nothing is lost: we will contact you about it.")
        return text % {"money": money.words(standing.kept_cents)}
    if standing.payment_status == "Refunded":
        return _("%(money)s went back to you.") % {"money": money.words(standing.refunded_cents)}
    return ""


_TO_CLIENT: dict[State, Callable[[Case], Said]] = {
    State.PENDING: _requested,
    State.APPROVED: _to_be_paid,
    State.CONFIRMED: _confirmed,
    State.COMPLETED: _completed,
    State.DECLINED: _declined,
    State.CANCELLED: _cancelled,
    State.EXPIRED: _expired,
}


# --- To the therapist, and to staff ----------------------------------------------------------------------------------


def therapist_words(case: Case) -> Said:
    headline, happened, then = _to_therapist(case)
    pill = state_pill(case.booking)
    return Said(pill.tone, pill.icon, headline, happened, then, _kept_for_client(case))


def _to_therapist(case: Case) -> tuple[str, str, str]:
    state = State(case.booking.state)
    until = case.answer_by if state == State.PENDING else case.pay_by
    names = {"client": case.client, "time": case.time, "money": case.price, "until": until}
    if state == State.PENDING:
        then = _("Answer by %(until)s: until then the time is held. Nothing is paid before you approve.")
        return _("To be approved"), _("%(client)s asks for %(time)s.") % names, then % names
    if state == State.APPROVED:
        if case.standing.live:
            return _("Approved, being paid"), _("%(client)s is paying %(money)s now.") % names, ""
        return _("Approved, not paid yet"), _("%(client)s can pay %(money)s until %(until)s.") % names, ""
    if state in PAID:
        return str(state.label), _("%(client)s paid %(money)s for %(time)s.") % names, ""
    if state == State.EXPIRED:
        return str(state.label), _not_in_time(case), _("Its time is free again.")
    by = {"client": _("%(client)s cancelled this session."), "therapist": _("You ended this session.")}
    said = by.get(case.booking.ended_by, _("This session was cancelled."))
    return str(state.label), said % names, case.reason


def _kept_for_client(case: Case) -> str:
    if not case.standing.kept_cents:
        return ""
    sums = {"money": money.words(case.standing.kept_cents), "client": case.client}
    return _("%(money)s is kept for %(client)s.") % sums
