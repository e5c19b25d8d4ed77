"""The payer's page of one payment, its parts, and what can be done there. Only the payer sees it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from lib import clock, money
from lib.errors import Refusal
from lib.pages import limited, see_other
from lib.returning import UNDERWAY, signed_in, stands_on
from payments import lifecycle, paying, phones, starting
from payments.models import Payment
from payments.presenting import Shown, own, show
from payments.states import LIVE, Status


@never_cache
@signed_in(why=UNDERWAY)
@require_GET
def payment(request: HttpRequest, transaction_id: str) -> HttpResponse:
    return render(request, "payments/payment.html", {"shown": _shown(request, transaction_id)})


@never_cache
@signed_in()
@require_GET
def status(request: HttpRequest, transaction_id: str) -> HttpResponse:
    """The part of the page that changes: what the socket's news and the polling fetch."""
    return render(request, "payments/_status.html", {"shown": _shown(request, transaction_id)})


@never_cache
@signed_in()
@require_GET
def details(request: HttpRequest, transaction_id: str) -> HttpResponse:
    """What a row of the history opens."""
    shown = _shown(request, transaction_id)
    return render(request, "payments/_details.html", {"shown": shown, "events": shown.events()})


@signed_in()
@stands_on("payments:payment")
@require_POST
@limited
def again(request: HttpRequest, transaction_id: str) -> HttpResponse:
    """The same once more; a silent one is replaced by it in one step. A second click finds what the first one made."""
    row = own(transaction_id, _me(request))
    if row.status == Status.COMPLETED:  # it arrived while the page said otherwise
        return see_other("payments:payment", transaction_id)
    try:
        return paying.pay(request, _same_once_more(row))
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return see_other("payments:payment", transaction_id)


@signed_in()
@stands_on("payments:payment")
@require_POST
@limited
def retry(request: HttpRequest, transaction_id: str) -> HttpResponse:
    """Have this same payment sent again, 30 s after M-Pesa refused it (STK-8)."""
    row = own(transaction_id, _me(request))
    if lifecycle.send_again(payment_id=row.pk, now=clock.now()):
        paying.send(request, row.pk)
    else:
        messages.info(request, _("This payment is on its way already, or has ended. See how it stands below."))
    return see_other("payments:payment", transaction_id)


def _same_once_more(row: Payment) -> starting.Start:
    return starting.Start(
        purpose=row.purpose,
        payer_id=row.payer_id,
        phone=phones.phone_of(row),
        amount=money.whole_shillings(row.amount_cents),
        fields=row.metadata,
        description=row.description,
        idempotency_key=f"after:{row.transaction_id}",
        replace=row.status in LIVE,
        instead_of=row.pk,
    )


def _shown(request: HttpRequest, transaction_id: str) -> Shown:
    return show(own(transaction_id, _me(request)), now=clock.now())


def _me(request: HttpRequest) -> int:
    return int(request.user.pk or 0)
