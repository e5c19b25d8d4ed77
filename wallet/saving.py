"""A payer's own history as a CSV file: what the filters of the page show, all pages of it."""

from collections.abc import Iterator, Sequence

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from lib import clock, downloads
from lib.errors import Refusal
from lib.phone import hidden
from lib.sheets import Cell, shillings
from payments import merchants, reports
from payments.models import Payment
from wallet.history import Filters, found
from wallet.rows import payment_rows


@login_required
@require_GET
def history_csv(request: HttpRequest) -> HttpResponseBase:
    """Own rows only. What the page says beside a wrong filter is said here instead of a file."""
    user_id, now = int(request.user.pk or 0), clock.now()
    asked = {name: request.GET[name] for name in ("status", "from", "to") if request.GET.get(name)}
    try:
        filters = Filters.read(asked)
        report = reports.Report(
            subject=f"user:{user_id}", head=_head(), rows=found(user_id=user_id, filters=filters), lines=lines,
            lane=reports.Lane.PAYERS, user_id=user_id, asked=asked,
        )  # fmt: skip
        download = reports.begin(report, now=now)
    except Refusal as refusal:
        return downloads.refused(request, refusal, back=f"{reverse('wallet:history')}?{request.GET.urlencode()}")
    name = reports.file_name("history", [merchants.current_environment(), *asked.values()], now)
    return downloads.answer(request, download, file_name=name)


def _head() -> Sequence[str]:
    return (
        _("When"), _("What"), _("Amount KES"), _("Received KES"), _("Status"), _("Receipt"), _("Phone"), _("Paid"),
        _("Transaction"),
    )  # fmt: skip


def lines(batch: Sequence[Payment]) -> Iterator[Sequence[Cell]]:
    for row in payment_rows(batch):
        paid = row.payment
        yield (
            paid.initiated_at, row.title, shillings(paid.amount_cents), _received(paid), row.brief.word, paid.receipt,
            hidden(paid.phone_tail) if paid.phone_tail else "", paid.completed_at, paid.transaction_id,
        )  # fmt: skip


def _received(paid: Payment) -> Cell:
    """What M-Pesa's own statement shows; it may differ from what was asked for."""
    return shillings(paid.received_cents) if paid.received_cents else ""
