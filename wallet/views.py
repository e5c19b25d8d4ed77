"""Pages of the wallet: deposit, balance, history."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import User
from ledger import books, chart
from lib import clock
from lib.errors import Refusal
from lib.pages import caller_of, limited, see_other
from payments import merchants, sending, starting
from payments.models import Payment
from payments.states import LIVE
from wallet import deposits
from wallet.forms import DepositForm, new_key
from wallet.history import STATUSES, Filters, history
from wallet.rows import named_rows, payment_rows

TEST_NUMBERS = [
    ("0708 374 149", _("pays")),
    ("0700 000 000", _("cancels")),
    ("0711 111 111", _("has too little money")),
]


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
@limited
def deposit(request: HttpRequest) -> HttpResponse:
    """A form, and after it the page of the payment."""
    user = _user(request)
    if request.method == "GET":
        return _deposit_page(request, DepositForm(initial={"phone": user.phone, "amount": ""}))
    form = DepositForm(request.POST)
    if not form.is_valid():
        return _deposit_page(request, form, status=400)
    try:
        transaction_id = _start(request, user, form)
    except Refusal as refusal:
        return _refused(request, form, refusal)
    return see_other("payments:payment", transaction_id)


def _start(request: HttpRequest, user: User, form: DepositForm) -> str:
    data = form.cleaned_data
    order = starting.Start(
        purpose="deposit",
        payer_id=user.pk,
        phone=data["phone"],
        amount=data["amount"],
        idempotency_key=f"page:{data['key']}",
    )
    started = starting.start(order=order, now=clock.now())
    if started.created:
        sending.send_now(payment_id=started.payment_id, caller=caller_of(request))
    return started.transaction_id


def _refused(request: HttpRequest, form: DepositForm, refusal: Refusal) -> HttpResponse:
    """In words above the form, with the way to a payment that is in progress; what was typed stays."""
    words = refusal.message
    living = Payment.objects.filter(payer_id=request.user.pk, purpose="deposit", status__in=LIVE).first()
    if living:
        link = reverse("payments:payment", args=[living.transaction_id])
        words = format_html('{} <a href="{}">{}</a>', words, link, _("Open the payment in progress"))
    if refusal.code == "idempotency_conflict":  # another request on the same form: a new one, if it is sent again
        form = DepositForm({**request.POST.dict(), "key": new_key()})
        words = _("You changed the form after it was sent. Check it, and press the button once more.")
    form.add_error(None, words)
    return _deposit_page(request, form, status=refusal.status)


def _deposit_page(request: HttpRequest, form: DepositForm, status: int = 200) -> HttpResponse:
    environment = merchants.current_environment()
    context = {
        "form": form,
        "balance": deposits.balance(_user(request).pk, environment),
        "test_numbers": TEST_NUMBERS,
    }
    return render(request, "wallet/deposit.html", context, status=status)


@never_cache
@login_required
@require_GET
def wallet(request: HttpRequest) -> HttpResponse:
    """The balance and what changed it; `?part=1` is the part that live.js fetches."""
    user = _user(request)
    environment = merchants.current_environment()
    moved = books.history(environment=environment, code=chart.wallet(user.pk))
    page = Paginator(moved, 20).get_page(request.GET.get("page"))
    context = {
        "balance": deposits.balance(user.pk, environment),
        "owed": books.balance(environment=environment, code=chart.owed(user.pk)),
        "page": page,
        "rows": named_rows(page.object_list),
    }
    return render(request, "wallet/_wallet.html" if "part" in request.GET else "wallet/wallet.html", context)


@never_cache
@login_required
@require_GET
def payments_history(request: HttpRequest) -> HttpResponse:
    """All payments of the user, filtered; `?part=1` is the part that live.js fetches."""
    filters, errors = Filters(), {}
    try:
        filters = Filters.read(request.GET)
    except Refusal as refusal:
        errors = refusal.errors
        messages.error(request, refusal.message)
    page = history(user_id=_user(request).pk, filters=filters)
    context = {
        "page": page,
        "rows": payment_rows(page.object_list),
        "statuses": _status_choices(),
        "asked": request.GET,
        "filtered": any(request.GET.get(name) for name in ("status", "from", "to")),
        "errors": errors,
    }
    return render(request, "wallet/_history.html" if "part" in request.GET else "wallet/history.html", context)


def _status_choices() -> list[tuple[str, str]]:
    words = [_("Waiting"), _("Paid"), _("Not paid"), _("Cancelled"), _("Timed out")]
    return list(zip(STATUSES, words, strict=True))


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise TypeError("the page asks for a log-in first")
    return request.user
