"""Sessions as a thing to pay for, through the protocol of `payments.payable`.

A session is paid after its therapist approved it, by its client, at its price. Whatever the order of news, money that
comes finds the session under lock in one of these states: approved (it is confirmed), released meanwhile but its time
still free and ahead (it is confirmed after all), or anything else: then nothing is given, the money is owed to the
payer, and both sides are told.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from ledger import chart
from lib.clock import EAT
from lib.db import refused_by
from lib.errors import Refusal
from lib.rows import read_related, read_rows
from payments.facts import Given
from payments.payable import Description, Paid, Quote
from sessions_booking import acts, reminders
from sessions_booking.acts import Act
from sessions_booking.checks import PURPOSE, has_live_payment, not_found
from sessions_booking.models import Booking
from sessions_booking.states import ENDED, PAID, State

_REASONS = {
    State.CONFIRMED: "already_paid",
    State.COMPLETED: "already_paid",
    State.CANCELLED: "session_cancelled",
    State.DECLINED: "session_declined",
    State.PENDING: "session_not_approved",
}


class Sessions:
    """payments.payable.Payable."""

    purpose = PURPOSE
    request_field = "sessionId"
    transfer_type = ""  # no movement of a wallet

    def open(self, *, request: Mapping[str, Any], payer_id: int, environment: str) -> int:
        code = str(request.get(self.request_field, ""))[:12].upper()
        rows = read_rows(Booking, "WHERE code = %s AND client_id = %s FOR NO KEY UPDATE", [code, payer_id])
        if not rows:
            raise not_found()
        return rows[0].pk

    def lock(self, target_ids: Sequence[int]) -> None:
        read_rows(Booking, "WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [list(target_ids)])

    def quote(self, target_ids: Sequence[int], *, now: datetime) -> dict[int, Quote]:
        return {row.pk: _quote(row, now) for row in _rows(target_ids)}

    def account(self, payment: Paid) -> str:
        return chart.revenue(self.purpose)

    def settle(self, payments: Sequence[Paid], *, now: datetime) -> dict[int, Given]:
        """One after the other: the first of several payments for one session pays it, the others are owed."""
        found = acts.locked("one.id = ANY(%s)", [[paid.target_id for paid in payments]])
        rows = {row.pk: row for row in found}
        ordered = sorted(payments, key=lambda paid: paid.payment_id)
        return {paid.payment_id: _give(rows[paid.target_id], paid, now) for paid in ordered}

    def ended(self, payments: Sequence[Paid], *, now: datetime) -> None:
        """The session stays approved until its deadline; its pages say that it may be paid again."""
        for row in _rows([paid.target_id for paid in payments]):
            acts.show(row, now=now)

    def refunded(self, payments: Sequence[Paid], *, now: datetime) -> None:
        for row in _rows([paid.target_id for paid in payments]):
            acts.show(row, now=now)

    def describe(self, target_ids: Sequence[int]) -> dict[int, Description]:
        return {row.pk: _description(row) for row in _rows(target_ids)}

    def titles(self, target_ids: Sequence[int]) -> dict[int, str]:
        return {row.pk: title(row) for row in _rows(target_ids)}


# --- What it costs, or why it cannot be paid -------------------------------------------------------------------------


def refusal(row: Booking, now: datetime, *, prompted: bool) -> Refusal | None:
    """Why this session cannot be paid for now; None where it can. `prompted`: a payment for it is live."""
    if row.state == State.PENDING:
        words = _("Your therapist has not approved this session yet. You can pay after that.")
        return Refusal("not_approved", words, status=409)
    if row.state in PAID:
        return Refusal("already_paid", _("This session is paid already. There is nothing to pay."), status=409)
    late = row.state == State.APPROVED and row.pay_by is not None and row.pay_by <= now and not prompted
    if row.state != State.APPROVED or late:
        said = State.EXPIRED.label if late else row.get_state_display()
        words = _("This session is %(state)s, so it cannot be paid for. Book another time.") % {"state": said}
        return Refusal("session_over", words, status=409)
    return None


def _quote(row: Booking, now: datetime) -> Quote:
    refused = refusal(row, now, prompted=has_live_payment(row))
    if refused:
        raise refused
    return Quote(
        target_id=row.pk,
        payer_id=row.client_id,
        environment=row.environment,
        description=settings.SESSION_DESCRIPTION,
        amount_cents=row.price_cents,
        counterparty_id=row.therapist.user_id,
    )


# --- Money has come --------------------------------------------------------------------------------------------------


def _give(row: Booking, paid: Paid, now: datetime) -> Given:
    if row.state == State.APPROVED:
        _confirm(row, paid, now)
        return Given(paid.amount_cents)
    reason = _reinstate(row, paid, now) if row.state == State.EXPIRED else _REASONS[State(row.state)]
    if not reason:
        return Given(paid.amount_cents)
    said = {"payment_id": paid.payment_id, "reason": reason}
    acts.note(row, Act("owed", "client", row.client_id, said), key=paid.transaction_id, now=now)
    return Given(0, reason)


def _reinstate(row: Booking, paid: Paid, now: datetime) -> str:
    """It was released, and the money came after all: it is confirmed if its time is still ahead and free."""
    if row.starts_at <= now:
        return "session_past"
    try:
        with transaction.atomic():
            _confirm(row, paid, now)
    except IntegrityError as error:
        if refused_by(error) != acts.ONE_AT_A_TIME:
            raise
        row.refresh_from_db(fields=["state", "payment_id", "paid_at", "sequence", "changed_at", "ended_by"])
        return "slot_given_away"
    return ""


def _confirm(row: Booking, paid: Paid, now: datetime) -> None:
    row.payment_id, row.paid_at, row.ended_by = paid.payment_id, now, ""
    said = {"payment_id": paid.payment_id}
    acts.move(row, State.CONFIRMED, Act("confirmed", "client", row.client_id, said), now=now)
    reminders.plan(row, now=now)


# --- Words -----------------------------------------------------------------------------------------------------------


def title(row: Booking) -> str:
    """Neutral, for its two parties: with whom and when."""
    when = f"{row.starts_at.astimezone(EAT):%a %-d %b, %H:%M}"
    return _("Session with %(name)s, %(when)s") % {"name": row.therapist.name, "when": when}


def _description(row: Booking) -> Description:
    when = f"{row.starts_at.astimezone(EAT):%a %-d %B %Y, %H:%M}"
    return Description(
        title=title(row),
        given_words=_("paid for your session. It is confirmed."),
        returned_words=_("Your session was cancelled after you had paid for it."),
        url=reverse("sessions_booking:session", args=[row.code]),
        pay_url=reverse("sessions_booking:pay", args=[row.code]) if row.state == State.APPROVED else "",
        has_price=True,
        warning=_warning(row),
        facts={_("With"): row.therapist.name, _("When"): _("%(when)s, East Africa Time") % {"when": when}},
    )


def _warning(row: Booking) -> str:
    if row.state not in ENDED:
        return ""
    words = _("This session is %(state)s: please do not enter your PIN. The request on your phone ends by itself.")
    return words % {"state": row.get_state_display()}


def _rows(target_ids: Sequence[int]) -> list[Booking]:
    return read_related(Booking, ("therapist", "type"), "WHERE one.id = ANY(%s)", [list(target_ids)])
