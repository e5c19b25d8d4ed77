"""People who are signed in, and what they look at."""

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db.models import Sum
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import User
from dev.bench.inside import crowd, many
from payments.models import Exchange, Payment


def signed_in(user_id: int) -> str:
    """The session's cookie."""
    user = User.objects.get(pk=user_id)
    session = SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    session.create()
    return str(session.session_key)


def addresses() -> dict[str, dict[str, list[str]]]:
    """By what they show: who looks, and the paths. Payers and terms are taken from all over what is there."""
    admin, _ = User.objects.get_or_create(email="admin@bench.test", defaults={"role": "ADMIN", "is_superuser": True})
    cookie = signed_in(admin.pk)
    last = Payment.objects.order_by("-pk").values_list("pk", flat=True)[0] - many.FIRST
    some = [last * part // 60 for part in range(1, 61)]
    payers = [many.PAYER + n // 20 for n in some]
    terms = {
        "admin search by phone": [f"0{7 * 10**8 + payer % 10**8}" for payer in payers],
        "admin search by receipt": [f"M{n:09d}" for n in some],
        "admin search by name": [many.name(payer) for payer in payers],
    }
    lists = ["/admin/payments/payment/", *(f"/admin/payments/payment/?p={page}" for page in range(2, 20))]
    found = {
        "history page": {"cookies": [signed_in(payer) for payer in payers], "paths": ["/history/"]},
        "admin list": {"cookies": [cookie], "paths": lists},
        "admin list, failed only": {"cookies": [cookie], "paths": ["/admin/payments/payment/?status__exact=FAILED"]},
    }
    for what, asked in terms.items():
        found[what] = {"cookies": [cookie], "paths": [f"/admin/payments/payment/?q={term}" for term in asked]}
    return found


def tokens(number: int) -> list[tuple[str, str]]:
    """So many prompted payments: the API's token of each payer, and the payment's id."""
    crowd.make(crowd.FIRST, number)
    users = User.objects.filter(pk__gte=crowd.FIRST).order_by("pk")[:number]
    return [(str(AccessToken.for_user(user)), f"TXN_B{user.pk}") for user in users]


def newcomers(number: int) -> list[str]:
    """People with a wallet, nothing on the way and the API's token."""
    crowd.people(crowd.FIRST, number)
    return [str(AccessToken.for_user(user)) for user in User.objects.filter(pk__gte=crowd.FIRST).order_by("pk")]


def waited_for_m_pesa(number: int) -> list[float]:
    """Of the one payment of each of the first so many newcomers: the seconds of our calls to M-Pesa, all together."""
    rows = Payment.objects.filter(payer_id__gte=crowd.FIRST, payer_id__lt=crowd.FIRST + number).order_by("payer_id")
    ids = list(rows.values_list("pk", flat=True))
    sums = Exchange.objects.filter(payment_id__in=ids).values("payment_id").annotate(ms=Sum("duration_ms"))
    by_id = {row["payment_id"]: row["ms"] / 1000 for row in sums}
    return [by_id[pk] for pk in ids]
