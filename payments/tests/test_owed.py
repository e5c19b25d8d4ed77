"""Money owed to payers: what the books say, whatever a person took off the review list."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from ledger import books, chart
from ledger.models import LedgerAccount
from ledger.posting import Posting
from lib import clock
from payments import owed, review
from payments.facts import Fact, Kind, Source
from payments.models import Owed, Payment
from payments.tests.factories import UserFactory, later, lot, new_receipt, prompted, tell
from payments.tests.test_admin_desk import shown, staff, tiles

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("CB-7"), pytest.mark.requirement("REC-6")]
LIST = "/admin/payments/owed/"


def odd(payer: User | None = None, *, cents: int = 50_000, at: float = 0) -> Payment:
    """Another amount came than was asked for: nothing was bought."""
    return tell(prompted(payer, now=later(at)), lot(cents=cents), now=later(at))


def taken_off(payment: Payment) -> Payment:
    """A person looked at every reason that there was."""
    for key in payment.reasons:
        review.answer(payment_id=payment.pk, key=key, reason="Seen", actor="user:1", now=later(500))
    payment.refresh_from_db()
    assert payment.reasons == []
    return payment


def listed() -> dict[int, int]:
    return {row.payer_id: row.balance_cents or 0 for row in owed.waiting(environment="sandbox")}


@pytest.mark.parametrize(
    ("news", "cents"),
    [
        ([lot("UKL000000A", 50_000)], 50_000),
        ([lot("UKL000000A"), lot("UKL000000B")], 100_000),
        ([lot("UKL000000A"), lot("UKL000000B", 7_500)], 7_500),
    ],
    ids=["another amount", "paid twice", "a surplus"],
)
def test_what_was_taken_off_the_review_list_is_owed_all_the_same(news: list[object], cents: int) -> None:
    payment = taken_off(tell(prompted(), *news))  # type: ignore[arg-type]
    assert not review.waiting().exists()
    assert listed() == {payment.payer_id: cents}
    assert owed.total(environment="sandbox") == owed.Total(1, cents)


def test_what_bought_something_is_not_owed() -> None:
    payment = tell(prompted(), lot())
    assert listed() == {}
    assert owed.total(environment="sandbox") == owed.Total(0, 0)
    assert Owed.objects.get().code == chart.owed(payment.payer_id), "the account is there, and empty"


def test_only_owed_accounts_are_read() -> None:
    tell(prompted(), lot())
    assert LedgerAccount.objects.exclude(code__startswith="owed:").exists()
    assert {row.code.partition(":")[0] for row in Owed.objects.all()} == {"owed"}


def test_each_environment_has_its_own() -> None:
    payment = odd()
    assert not owed.waiting(environment="production").exists()
    assert listed() == {payment.payer_id: 50_000}


def test_it_says_since_when_and_from_which_payments() -> None:
    """Since the account was last empty: what was settled before is another story."""
    payer = UserFactory()
    first = odd(payer, at=0)
    taken_back = Fact(Kind.REVERSED, Source.STATEMENT, receipt=new_receipt(), amount_cents=50_000)
    tell(first, taken_back, now=later(400))
    assert listed() == {}
    second, third = odd(payer, at=1000), odd(payer, cents=70_000, at=2000)
    (row,) = owed.in_words(owed.waiting(environment="sandbox"))
    found = (row.payer, row.balance_cents, row.since, row.latest, row.payments)
    assert found == (payer.pk, 120_000, later(1000), later(2000), [third.transaction_id, second.transaction_id])
    parts = [(part.cents, part.at, part.payment) for part in owed.parts(account=row)]
    assert parts == [(70_000, later(2000), third), (50_000, later(1000), second)]


def test_what_else_moved_it_is_a_part_too() -> None:
    """A payout of a later day, say."""
    payment = odd()
    code = chart.owed(payment.payer_id)
    books.post([Posting("sandbox", "PAYOUT", "P1", 1, {code: 20_000, chart.utility("174379"): -20_000}, "", later(9))])
    (row,) = owed.waiting(environment="sandbox")
    parts = owed.parts(account=row)
    assert [(part.cents, part.subject) for part in parts] == [(-20_000, "PAYOUT P1"), (50_000, payment.transaction_id)]
    assert sum(part.cents for part in parts) == row.balance_cents


def test_a_list_costs_the_same_for_one_and_for_thirty() -> None:
    client = staff("SUPPORT")
    odd()
    shown(client, LIST)
    with CaptureQueriesContext(connection) as one:
        shown(client, LIST)
    for number in range(29):
        odd(at=number)
    with CaptureQueriesContext(connection) as thirty:
        shown(client, LIST)
    assert len(one) == len(thirty)


def test_many_payers_who_are_owed_nothing_are_not_read() -> None:
    odd()
    LedgerAccount.objects.bulk_create(
        LedgerAccount(environment="sandbox", code=chart.owed(10**9 + n), kind="LIABILITY", balance_cents=0)
        for n in range(20_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE ledger_account")
        sql, params = owed.waiting(environment="sandbox").query.sql_with_params()
        cursor.execute(f"EXPLAIN {sql}", params)
        assert "ledger_owed_now" in "\n".join(line for (line,) in cursor.fetchall())


# --- The admin -------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("SEC-8")
@pytest.mark.parametrize("role", ["SUPPORT", "FINANCE", "ADMIN"])
def test_staff_see_who_how_much_since_when_and_from_what(role: str) -> None:
    payer = UserFactory(name="Amina Odhiambo")
    payment = taken_off(odd(payer))
    client = staff(role)
    page = shown(client, LIST)
    for words in ("Amina Odhiambo", payer.email, "KES 500", payment.transaction_id, "KES 500 is owed to 1 payer<"):
        assert words in page
    detail = shown(client, f"{LIST}{Owed.objects.get().pk}/change/")
    for words in ("KES 500 owed to Amina Odhiambo", payment.transaction_id, payment.receipt, "What can be done today"):
        assert words in detail


def test_it_is_for_reading() -> None:
    payment = odd()
    row = Owed.objects.get()
    client = staff("ADMIN")
    assert client.post(f"{LIST}{row.pk}/change/", {"balance_cents": 0}).status_code == 403
    assert client.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.get(f"{LIST}add/").status_code == 403
    assert listed() == {payment.payer_id: 50_000}


def test_newest_first_and_largest_by_choice() -> None:
    old, new = odd(cents=90_000), odd(at=1000)
    client = staff("SUPPORT")
    newest, largest = (shown(client, at).partition("<tbody>")[2] for at in (LIST, f"{LIST}?o=-1"))
    assert newest.index(new.transaction_id) < newest.index(old.transaction_id)
    assert largest.index(old.transaction_id) < largest.index(new.transaction_id)


def test_a_payer_is_found_by_name_mail_and_payment() -> None:
    payer = UserFactory(name="Amina Odhiambo")
    payment = odd(payer)
    odd(UserFactory(name="Brian"))
    client = staff("SUPPORT")
    for term in ("odhi", payer.email, payment.transaction_id, payment.receipt, chart.owed(payer.pk)):
        page = shown(client, f"{LIST}?q={term}").partition("<tbody>")[2]
        assert "Amina" in page
        assert "Brian" not in page
    assert "<tbody>" not in shown(client, f"{LIST}?q=nobody")


def test_who_has_been_paid_back_keeps_a_page() -> None:
    payment = odd()
    tell(payment, Fact(Kind.REVERSED, Source.STATEMENT, receipt=new_receipt(), amount_cents=50_000), now=later(400))
    client = staff("SUPPORT")
    listing = shown(client, LIST)
    assert "<tbody>" not in listing
    assert ">Nobody is owed anything<" in listing
    page = shown(client, f"{LIST}{Owed.objects.get().pk}/change/")
    assert "Nothing is owed to them any more." in page


def test_the_desk_says_what_waits() -> None:
    client = staff("SUPPORT")
    assert tiles(shown(client, "/admin/"))["payers to whom money is owed"] == "0"
    payer = UserFactory()
    taken_off(odd(payer))
    assert tiles(shown(client, "/admin/"))["payer to whom KES 500 is owed"] == "1"
    taken_off(odd(cents=70_000))
    assert tiles(shown(client, "/admin/"))["payers to whom KES 1,200 is owed"] == "2"


# --- The payer -------------------------------------------------------------------------------------------------------


def test_the_payer_reads_it_too() -> None:
    now = clock.now()
    payer = UserFactory()
    client = Client()
    client.force_login(payer, backend="accounts.backends.RoleBackend")
    payment = taken_off(tell(prompted(payer, now=now), lot(cents=50_000), now=now))
    assert "KES 500 that you paid is kept for you" in shown(client, "/wallet/")
    assert "KES 500" in shown(client, f"/payments/{payment.transaction_id}/")
    assert "KES 500 that you paid is kept for you" in shown(client, "/")


def test_what_pays_the_price_buys_and_the_rest_stays_owed() -> None:
    first = odd()
    payment = tell(first, lot(), now=later(400))
    assert payment.answer == Payment.Answer.GIVEN
    assert listed() == {payment.payer_id: 50_000}
