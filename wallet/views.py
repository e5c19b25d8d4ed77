"""Pages of the wallet: deposit, balance, history."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import User
from ledger import books, chart
from lib import clock, money
from lib.errors import Refusal
from lib.pages import limited
from lib.returning import signed_in, stands_on
from payments import merchants, paying, phones
from payments.models import Payment
from wallet import deposits
from wallet.forms import DepositForm
from wallet.history import PER_PAGE, STATUSES, Filters, history
from wallet.rows import named_rows, payment_rows


@never_cache
@signed_in()
@stands_on(kept=("amount",))
@require_http_methods(["GET", "POST"])
@limited
def deposit(request: HttpRequest) -> HttpResponse:
    """A form, and after it the page of the payment."""
    if request.method == "GET":
        return _blank_page(request)
    form = DepositForm(request.POST)
    if not form.is_valid():
        return _deposit_page(request, form, status=400)
    order = form.order(payer_id=_user(request).pk)
    if paid := deposits.paid_before(order=order, told_of=form.cleaned_data["after"], now=clock.now()):
        form.ask_again(paid)
        return _deposit_page(request, form, status=409, paid=paid)
    try:
        return paying.pay(request, order)
    except Refusal as refusal:
        form.refuse(refusal)
        in_the_way = refusal.code == "payment_in_progress"
        return _deposit_page(
            request, form, status=refusal.status, retry_after=refusal.retry_after, in_the_way=in_the_way
        )


def _blank_page(request: HttpRequest) -> HttpResponse:
    """Says so where they paid a moment ago: perhaps the back button led here."""
    form = DepositForm(initial=_filled_in(request))
    paid = deposits.just_paid(user_id=_user(request).pk, now=clock.now())
    if paid and "amount" not in request.GET:  # what was typed before they paid is asked about when it is sent
        form.tell_of(paid)
    return _deposit_page(request, form, paid=paid)


def _filled_in(request: HttpRequest) -> dict[str, object]:
    """The payer's number, and an amount typed before a log-in; with `?again=TXN_…` number and amount of that payment."""
    user = _user(request)
    before = Payment.objects.filter(payer=user, transaction_id=request.GET.get("again", "")[:40]).first()
    if before is None:
        return {"phone": user.phone, **_typed(request)}
    return {"phone": phones.phone_of(before), "amount": f"{money.whole_shillings(before.amount_cents):,}"}


def _typed(request: HttpRequest) -> dict[str, str]:
    """`?amount=1,500`; nonsense is as if it were not there."""
    digits = request.GET.get("amount", "").replace(",", "").replace(" ", "")
    return {"amount": f"{int(digits):,}"} if digits.isascii() and digits.isdigit() and len(digits) < 10 else {}


def _deposit_page(
    request: HttpRequest,
    form: DepositForm,
    status: int = 200,
    retry_after: int | None = None,
    paid: Payment | None = None,
    in_the_way: bool = False,
) -> HttpResponse:
    """`in_the_way`: a deposit that is on its way was the reason of the refusal, which then leads to it."""
    context = {
        **_purse(request),
        "form": form,
        "paid": paid,
        "in_the_way": in_the_way,
        "came_back": bool(not form.is_bound and _typed(request)),
        "test_numbers": phones.TEST_NUMBERS,
        "minimum": deposits.MINIMUM,
        "maximum": deposits.MAXIMUM,
    }
    response = render(request, "wallet/deposit.html", context, status=status)
    if retry_after:
        response["Retry-After"] = str(retry_after)
    return response


@never_cache
@signed_in()
@require_GET
def wallet(request: HttpRequest) -> HttpResponse:
    """The balance and what changed it. `?part=…` is what live.js fetches, for this page and the first one."""
    if request.GET.get("part") == "card":
        return render(request, "wallet/_purse.html", _purse(request))
    user = _user(request)
    environment = merchants.current_environment()
    moved = books.history(environment=environment, code=chart.wallet(user.pk))
    page = Paginator(moved, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        **_purse(request),
        "page": page,
        "rows": named_rows(page.object_list),
    }
    return render(request, "wallet/_wallet.html" if "part" in request.GET else "wallet/wallet.html", context)


@never_cache
@signed_in()
@require_GET
def payments_history(request: HttpRequest) -> HttpResponse:
    """All payments of the user, filtered; `?part=1` is the part that live.js fetches."""
    filters, errors = Filters(), {}
    try:
        filters = Filters.read(request.GET)
    except Refusal as refusal:  # said beside the field; meanwhile everything is shown
        errors = refusal.errors
    page = history(user_id=_user(request).pk, filters=filters)
    context = {
        "page": page,
        "rows": payment_rows(page.object_list),
        "statuses": _status_choices(),
        "asked": request.GET,
        "filtered": any(request.GET.get(name) for name in ("status", "from", "to")),
        "errors": errors,
        **_purse(request),
    }
    return render(request, "wallet/_history.html" if "part" in request.GET else "wallet/history.html", context)


def _purse(request: HttpRequest) -> dict[str, object]:
    """What every page of the wallet shows: the balance, and the deposit that is on its way."""
    return deposits.purse(_user(request).pk, merchants.current_environment())


def _status_choices() -> list[tuple[str, str]]:
    words = [_("Waiting"), _("Paid"), _("Not paid"), _("Cancelled"), _("Timed out")]
    return list(zip(STATUSES, words, strict=True))


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise TypeError("the page asks for a log-in first")
    return request.user
