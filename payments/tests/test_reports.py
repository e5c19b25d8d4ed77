"""Reports as CSV (ADM-2): what the list shows, whole or said to be incomplete, for whom the list is for."""

import csv
import io
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client

from accounts.models import User
from audit.models import Entry
from lib import clock
from payments import reports
from payments.admin import sheet
from payments.facts import Fact, Kind, Source
from payments.models import Payment
from payments.reports import Lane, Report
from payments.tests import factories
from payments.tests.factories import AT, UserFactory, later

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("ADM-2")]
LIST, EXPORT = "/admin/payments/payment/", "/admin/payments/payment/export/"
FAILED = Fact(Kind.FAILED, Source.CALLBACK, code="2001", text="The initiator information is invalid.")
REVERSED = Fact(Kind.REVERSED, Source.CALLBACK, receipt="UKL1", amount_cents=400_00)


class Browser(Client):
    """Hangs up when its test ends, as servers do for readers who go away."""

    opened: list[Any] = []

    def request(self, **given: Any) -> Any:
        response = super().request(**given)
        self.opened.append(response)
        return response


@pytest.fixture(autouse=True)
def _hung_up() -> Iterator[None]:
    yield
    while Browser.opened:
        Browser.opened.pop().close()
    until(lambda: _reading() == 0)


def until(holds: Callable[[], bool]) -> None:
    patience = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < patience
        time.sleep(0.02)


def staff(role: str = "SUPPORT") -> Client:
    client = Browser()
    client.force_login(UserFactory(role=role, name=role.title()), backend="accounts.backends.RoleBackend")
    return client


def table(response: Any) -> list[dict[str, str]]:
    """As a spreadsheet reads it."""
    assert response.status_code == 200, response.content
    data = response.getvalue()
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def transactions(response: Any) -> list[str]:
    return [row["Transaction"] for row in table(response)]


def ends(number: int) -> list[dict[str, Any]]:
    """What the trail says of so many reports: it is written in a report's own thread."""
    rows = Entry.objects.filter(action="report.ended").order_by("pk")
    until(lambda: rows.count() >= number)
    return list(rows.values_list("data", flat=True))


def paid(cents: int = 100_000, receipt: str = "", **payer: Any) -> Payment:
    payment = factories.prompted(UserFactory(**payer))
    return factories.tell(payment, factories.lot(receipt, cents), now=later(20))


@pytest.mark.requirement("P40")
def test_a_line_says_what_the_list_and_the_books_say() -> None:
    payment = paid(150_000, "UKL7RT61SV", name="Wanjikũ wa Ngũgĩ")
    (line,) = table(staff().get(EXPORT))
    assert line == {
        "Transaction": payment.transaction_id, "Environment": "sandbox", "Purpose": "deposit",
        "For": "Deposit to your wallet", "Client": "Wanjikũ wa Ngũgĩ", "Therapist": "",
        "Phone": f"•••• {payment.phone_tail}", "Amount KES": "1000.00", "Received KES": "1500.00",
        "Refunded KES": "0.00", "Owed KES": "1500.00", "Status": "COMPLETED", "Receipt": "UKL7RT61SV",
        "Result code": payment.result_code, "Result": payment.result_description,
        "Short code": payment.merchant.shortcode, "Reference": payment.account_reference,
        "Started": "2026-11-21T12:30:00+03:00", "Paid": "2026-11-21T12:30:20+03:00", "Failed": "", "Timed out": "",
        "M-Pesa's time": "", "To be looked at": "Another amount than was asked",
    }  # fmt: skip


@pytest.mark.requirement("P43")
def test_a_failure_has_its_code_sentence_and_time() -> None:
    factories.tell(factories.prompted(), FAILED, now=later(20))
    (line,) = table(staff().get(EXPORT))
    assert (line["Status"], line["Result code"], line["Result"]) == ("FAILED", "2001", FAILED.text)
    assert (line["Failed"], line["Paid"], line["Owed KES"]) == ("2026-11-21T12:30:20+03:00", "", "0.00")


def test_what_mpesa_took_back_is_not_owed() -> None:
    payment = paid(150_000, "UKL1")
    factories.tell(payment, REVERSED, now=later(40))
    (line,) = table(staff().get(EXPORT))
    assert (line["Received KES"], line["Owed KES"]) == ("1500.00", "1100.00")


def test_names_stay_as_they_are_and_are_no_formulas() -> None:
    paid(name='=HYPERLINK("http://evil.test";"here")')
    paid(name='Otieno, "Junior" 李; -1')
    lines = {line["Client"] for line in table(staff().get(EXPORT))}
    assert lines == {'\'=HYPERLINK("http://evil.test";"here")', 'Otieno, "Junior" 李; \'-1'}


def test_neither_phones_nor_secrets_are_in_it() -> None:
    payment = factories.prompted(phone="254712345678")
    text = staff("ADMIN").get(EXPORT).getvalue().decode()
    assert payment.transaction_id in text
    for secret in ("712345678", "ws_CO_", payment.phone_hash, payment.checkout_hash):
        assert secret not in text


@pytest.mark.parametrize(
    "asked",
    [
        "", "status=FAILED", "status__exact=COMPLETED", "mode=production", "mode=sandbox", "mode=nonsense",
        "review=open", "live=yes", "purpose=deposit", "purpose=session", "q=UKLFIND1", "q=Wanjik", "q=nobody",
        "q=0712 345 678", "from=2026-11-21&to=2026-11-21", "from=2999-01-01", "from=nonsense", "o=2", "o=-2.1", "o=1",
        "p=1", "q=Wanjik&status=COMPLETED",
    ],
)  # fmt: skip
def test_it_is_what_the_list_shows(asked: str) -> None:
    paid(receipt="UKLFIND1", name="Wanjiku")
    paid(150_000, name="Wanjikũ", email="otieno@malipo.test")
    factories.tell(factories.prompted(amount=70), FAILED, now=later(20))
    factories.prompted(phone="254712345678", amount=20)
    for number in range(3):
        factories.started(now=AT + timedelta(minutes=number), amount=100 - number)
    client = staff()
    shown = [row.transaction_id for row in client.get(f"{LIST}?{asked}").context_data["cl"].queryset]
    assert transactions(client.get(f"{EXPORT}?{asked}")) == shown


def test_the_button_leads_to_the_report_of_what_is_shown() -> None:
    paid()
    page = staff().get(f"{LIST}?status=FAILED&q=a%26b&p=0").content.decode()
    assert f'href="{EXPORT}?status=FAILED&amp;q=a%26b"' in page


@pytest.mark.parametrize("asked", ["p=999999999", "p=nonsense", "all=", "e=1"])
def test_which_page_of_the_list_makes_no_difference(asked: str) -> None:
    payment = paid()
    assert transactions(staff().get(f"{EXPORT}?{asked}")) == [payment.transaction_id]


@pytest.mark.parametrize(
    "asked",
    ["nonsense=1", "phone_sealed__x=00", "payer__password__startswith=p", "initiated_at__gte=nonsense", "pk__in=a"],
)
def test_forged_filters_are_refused_not_dropped(asked: str) -> None:
    paid()
    response = staff().get(f"{EXPORT}?{asked}")
    assert response.status_code == 400
    assert not response.streaming
    assert not Entry.objects.filter(action="report.begun").exists()


def test_nothing_found_is_a_file_with_a_head() -> None:
    response = staff().get(f"{EXPORT}?q=nobody")
    assert response.getvalue().decode("utf-8-sig") == ",".join(sheet.HEAD) + "\r\n"


@pytest.mark.requirement("SEC-8")
@pytest.mark.parametrize(
    ("role", "status"), [("CLIENT", 302), ("THERAPIST", 302), ("SUPPORT", 200), ("FINANCE", 200), ("ADMIN", 200)]
)
def test_it_is_for_whom_the_list_is_for(role: str, status: int) -> None:
    assert staff(role).get(EXPORT).status_code == status
    assert Client().get(EXPORT).status_code == 302


@pytest.mark.parametrize("method", ["post", "head", "put", "delete"])
def test_it_is_only_read(method: str) -> None:
    assert getattr(staff(), method)(EXPORT).status_code == 405


@pytest.mark.usefixtures("clock_stands")
def test_the_answer_is_a_file_named_by_day_and_filter() -> None:
    response = staff().get(f"{EXPORT}?status=FAILED&from=2026-11-01&q=0712345678&mode=sandbox")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    made = f"{clock.now().astimezone(clock.EAT):%Y%m%d}"
    assert response["Content-Disposition"].startswith(
        f'attachment; filename="payments-failed-sandbox-from-2026-11-01-search-made-{made}-'
    )
    assert response["Cache-Control"] == "no-store, private, max-age=0, no-cache, must-revalidate"  # the admin's own too


def test_a_filter_cannot_write_headers() -> None:
    response = staff().get(f'{EXPORT}?mode=a"%0d%0aSet-Cookie: b=c;{"x" * 500}')
    assert response.status_code == 200
    assert response["Content-Disposition"].count('"') == 2
    assert len(response["Content-Disposition"]) < 220


@pytest.mark.requirement("SEC-6", "P69")
def test_the_trail_has_who_exported_what_and_how_much() -> None:
    paid()
    client = staff("FINANCE")
    client.get(f"{EXPORT}?status=COMPLETED&q=0712 345 678").getvalue()
    assert [(one["rows"], one["ended"]) for one in ends(1)] == [(0, "complete")]
    begun, end = Entry.objects.filter(action__startswith="report.").order_by("pk")
    assert begun.data == {"status": "COMPLETED", "q": "********5678"}
    assert begun.actor == end.actor == f"user:{User.objects.get(role='FINANCE').pk}"
    assert begun.subject == end.subject == "payment:list"


@pytest.mark.requirement("SEC-6")
def test_the_trail_names_every_value_of_a_filter() -> None:
    """The list shows both; so does the file, its name and what is written down of it."""
    paid()
    response = staff("FINANCE").get(f"{EXPORT}?status=COMPLETED&status=FAILED")
    assert len(table(response)) == 1
    assert 'filename="payments-completed-failed-made-' in response["Content-Disposition"]
    assert Entry.objects.get(action="report.begun").data == {"status": "COMPLETED,FAILED"}
    ends(1)


def test_only_so_many_at_once_and_the_page_says_what_to_do(settings: Any) -> None:
    client = staff()
    settings.REPORTS_AT_ONCE = 2
    first, _second = client.get(EXPORT), client.get(EXPORT)
    refused = client.get(f"{EXPORT}?status=FAILED")
    assert (refused.status_code, refused["Retry-After"]) == (429, "30")
    page = refused.content.decode()
    assert reports.BUSY in page
    assert f'href="{LIST}?status=FAILED"' in page
    first.close()
    assert ends(1)[0]["ended"] == "the reader went away"
    assert client.get(EXPORT).status_code == 200


# --- What one report does with the database ---


def report(**given: Any) -> Report:
    rows = Payment.objects.order_by("pk").values_list("transaction_id")
    fields = {"subject": "test", "head": ["id"], "rows": rows, "lines": list, "lane": Lane.STAFF, "user_id": 1}
    return Report(**{**fields, **given})


def test_it_sees_the_moment_it_began_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "BATCH", 1)
    first = [factories.started() for _ in range(2)]
    pieces = iter(reports.begin(report(), now=clock.now()))
    next(pieces)
    next(pieces)
    factories.started()
    assert b"".join(pieces).decode().split() == [first[1].transaction_id]


def test_it_may_not_write_and_has_its_time() -> None:
    asked = (
        "transaction_read_only",
        "transaction_isolation",
        "statement_timeout",
        "idle_in_transaction_session_timeout",
    )

    def settings_of(batch: list[Any]) -> Iterator[list[str]]:
        with connection.cursor() as cursor:
            for name in asked:
                cursor.execute("SELECT current_setting(%s)", [name])
                yield [str(cursor.fetchone()[0])]

    factories.started()
    told = b"".join(reports.begin(report(lines=settings_of), now=clock.now())).decode("utf-8-sig")
    assert told.split("\r\n") == ["id", "on", "repeatable read", "1min", "1min", ""]


def test_what_breaks_says_that_it_is_incomplete_and_breaks_the_transfer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "BATCH", 1)
    whole, _lost = factories.started(), factories.started()

    def lines(batch: list[tuple[str]]) -> list[tuple[str]]:
        if batch[0][0] != whole.transaction_id:
            raise OSError("broken")
        return batch

    pieces, read = iter(reports.begin(report(lines=lines), now=clock.now())), []
    with pytest.raises(OSError, match="broken"):
        read.extend(pieces)
    assert b"".join(read).decode("utf-8-sig").split("\r\n") == ["id", whole.transaction_id, reports.INCOMPLETE, ""]
    assert [(one["rows"], one["ended"]) for one in ends(1)] == [(1, "OSError")]


def test_what_cannot_even_begin_is_an_error_and_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection to be had, say: a file of the one line `# incomplete` would look like an answer."""
    monkeypatch.setattr(reports, "_IDLE_TIME", "for ever")
    with pytest.raises(DatabaseError):
        reports.begin(report(), now=clock.now())
    until(lambda: _reading() == 0)
    assert not Entry.objects.filter(action__startswith="report.").exists()


def test_too_long_is_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "LONGEST", timedelta(0))
    factories.started()
    pieces = iter(reports.begin(report(), now=clock.now()))
    with pytest.raises(TimeoutError):
        list(pieces)
    assert ends(1)[0]["ended"] == "TimeoutError"


def test_a_reader_who_stands_still_loses_the_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "_IDLE_TIME", "1s")  # long enough to begin on a busy machine
    monkeypatch.setattr(reports, "BATCH", 1)
    for _ in range(2):
        factories.started()
    pieces = iter(reports.begin(report(), now=clock.now()))
    next(pieces)
    until(lambda: _reading() == 0)
    assert next(pieces).decode().strip() == reports.INCOMPLETE
    assert ends(1)[0]["ended"] == "IdleInTransactionSessionTimeout"


def test_who_goes_away_frees_slot_and_connection() -> None:
    factories.started()
    download = reports.begin(report(), now=clock.now())
    assert _reading() == 1
    download.close()
    assert [(one["rows"], one["ended"]) for one in ends(1)] == [(0, "the reader went away")]
    assert _reading() == 0


def test_where_the_trail_cannot_be_written_nothing_is_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_entry ADD CONSTRAINT no_reports CHECK (action <> 'report.begun')")
    try:
        with pytest.raises(Exception, match="no_reports"):
            reports.begin(report(), now=clock.now())
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE audit_entry DROP CONSTRAINT no_reports")
    until(lambda: _reading() == 0)


def test_a_payer_makes_one_at_a_time() -> None:
    first = reports.begin(report(lane=Lane.PAYERS, user_id=7), now=clock.now())
    with pytest.raises(reports.Refusal, match="already"):
        reports.begin(report(lane=Lane.PAYERS, user_id=7), now=clock.now())
    other = reports.begin(report(lane=Lane.PAYERS, user_id=8), now=clock.now())
    for download in (first, other):
        download.close()


def _reading() -> int:
    """Transactions of reports that hold a slot."""
    with connection.cursor() as cursor:
        lanes = [int(lane) for lane in Lane]
        cursor.execute(
            "SELECT count(DISTINCT l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            " WHERE locktype = 'advisory' AND classid = ANY(%s) AND datname = current_database()",  # not another run's
            [lanes],
        )
        return int(cursor.fetchone()[0])
