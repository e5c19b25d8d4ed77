"""Raw SQL that breaks a rule of money is refused by the rule's name; and no rule is without such an attempt."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from payments.models import LotRow, Payment
from payments.tests.factories import UserFactory, acceptance, answered, callback, later, lot, sent, started, tell
from tests.refusals import copy, refused_by, rules_of
from wallet.models import Wallet

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("TST-3")]


@pytest.fixture
def paid() -> Payment:
    """A payment with all there can be: facts, a lot, a callback."""
    payment = started(idempotency_key="k1")
    begun = sent(payment)
    payment = answered(begun, acceptance(begun))
    callback(payment, b"{}")
    return tell(payment, lot("UKL0000XYZ"), now=later(20))


OTHER = {"transaction_id": "'TXN_OTHER'", "account_reference": "'OTHER'", "idempotency_key": "''"}
LIVE = {"status": "'PROMPTED'", "completed_at": "NULL"}


# --- Payments ---


@pytest.mark.requirement("PAY-1")
@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"transaction_id": "transaction_id"}, "payments_payment_transaction_id_key"),
        ({"account_reference": "account_reference"}, "payment_reference_once"),
        ({"idempotency_key": "'k1'"}, "payment_idempotent"),
        ({"account_reference": "'WITH SPACE'"}, "payment_reference_form"),
        ({"account_reference": "'lower'"}, "payment_reference_form"),
        ({"amount_cents": "0"}, "payment_amount_positive"),
        ({"amount_cents": "-100"}, "payment_amount_positive"),
        ({"amount_cents": "25000001"}, "payment_mpesa_limit"),
        ({"currency": "'USD'"}, "payment_in_shillings"),
        ({"phone_hash": "''"}, "payment_mpesa_fields"),
        ({"phone_hash": "'0712345678'"}, "payment_mpesa_fields"),
        ({"merchant_id": "NULL"}, "payment_mpesa_fields"),
        ({"status": "'PAID'"}, "payment_status_known"),
        ({"completed_at": "NULL"}, "payment_completed_has_money"),
        ({"received_cents": "0"}, "payment_completed_has_money"),
        ({"refunded_cents": "received_cents + 1"}, "payment_refunded_at_most_received"),
        ({"refunded_cents": "-1"}, "payment_refunded_at_most_received"),
        ({"purpose": "'fee'", "environment": "'moon'"}, "payment_environment_known"),
        ({"purpose": "'fee'", "environment": "'production'"}, "payment_merchant_same_environment"),
        ({"attempts": "-1"}, "payments_payment_attempts_check"),
        ({"journals": "-1"}, "payments_payment_journals_check"),
        ({"queries": "-1"}, "payments_payment_queries_check"),
    ],
)
def test_what_no_payment_is(paid: Payment, changes: dict[str, str], rule: str) -> None:
    assert copy("payments_payment", paid.pk, **{**OTHER, **changes}) == rule


@pytest.mark.requirement("LED-4")
@pytest.mark.parametrize("changes", [{"environment": "'production'"}, {"target_id": "target_id + 1"}])
def test_a_deposit_goes_into_the_payers_own_wallet(paid: Payment, changes: dict[str, str]) -> None:
    assert copy("payments_payment", paid.pk, **{**OTHER, **changes}) == "deposit_into_own_wallet"


def test_nobody_pays_into_anothers_wallet(paid: Payment) -> None:
    other = Wallet.objects.create(user=UserFactory(), environment="sandbox")
    assert copy("payments_payment", paid.pk, **OTHER, target_id=str(other.pk)) == "deposit_into_own_wallet"


@pytest.mark.requirement("SES-1")
def test_a_session_is_paid_by_its_client_after_approval(paid: Payment) -> None:
    """Here there is no session at all; the other refusals stand with the sessions' own rules."""
    assert copy("payments_payment", paid.pk, **OTHER, purpose="'session'") == "session_paid_by_its_client"


@pytest.mark.requirement("STK-6")
def test_one_live_payment_for_a_thing_and_one_prompt_on_a_phone() -> None:
    live = started()
    hashed = f"'{'a' * 64}'"
    assert copy("payments_payment", live.pk, **OTHER, phone_hash=hashed) == "payment_one_live_per_thing"
    assert copy("payments_payment", live.pk, **OTHER, purpose="'fee'") == "payment_one_prompt_per_phone"


@pytest.mark.parametrize(
    "change",
    [
        "amount_cents = amount_cents + 100", "environment = 'production'", "payer_id = payer_id + 1",
        "target_id = target_id + 1", "purpose = 'fee'", "merchant_id = NULL", "provider = 'stripe'",
        "transaction_id = 'TXN_X'", "account_reference = 'X'", "idempotency_key = 'k2'", "fingerprint = ''",
        f"phone_hash = '{'b' * 64}'", "phone_tail = '000'", "initiated_at = now()", "currency = 'USD'",
        "description = 'X'", "counterparty_id = 1", "id = id + 1000",
    ],
)  # fmt: skip
def test_what_was_asked_never_changes(paid: Payment, change: str) -> None:
    assert refused_by(f"UPDATE payments_payment SET {change}") == "payments_payment_frozen"  # noqa: S608


@pytest.mark.requirement("CB-7")
@pytest.mark.parametrize("status", ["SENDING", "PROMPTED", "EXPIRED", "FAILED", "CANCELLED"])
def test_paid_stays_paid(paid: Payment, status: str) -> None:
    assert refused_by(f"UPDATE payments_payment SET status = '{status}'") == "payment_status_rises"  # noqa: S608


def test_an_unknown_status_is_no_way_down(paid: Payment) -> None:
    assert refused_by("UPDATE payments_payment SET status = 'PAID'") == "payment_status_known"


@pytest.mark.parametrize("answer", ["REFUSED", ""])
def test_what_the_thing_answered_stays(paid: Payment, answer: str) -> None:
    assert refused_by(f"UPDATE payments_payment SET answer = '{answer}'") == "payment_answer_once"  # noqa: S608


def test_what_was_given_is_given_back_once(paid: Payment) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE payments_payment SET answer = 'RETURNED'")
    for answer in ("GIVEN", "REFUSED", ""):
        assert refused_by(f"UPDATE payments_payment SET answer = '{answer}'") == "payment_answer_once"  # noqa: S608


def test_nothing_is_refunded_that_was_not_received(paid: Payment) -> None:
    more = "UPDATE payments_payment SET refunded_cents = 100001"
    assert refused_by(more) == "payment_refunded_at_most_received"
    assert refused_by("UPDATE payments_payment SET received_cents = 0") == "payment_completed_has_money"


# --- What is known ---


@pytest.mark.requirement("CB-5")
@pytest.mark.parametrize(
    ("kind", "changes", "rule"),
    [
        ("ACCEPTED", {}, "fact_once"),
        ("ACCEPTED", {"text": "'in other words'", "at": "now()"}, "fact_once"),
        ("SENT", {"code": "'again'"}, "fact_submission_once"),
        ("ACCEPTED", {"kind": "'HAPPENED'"}, "fact_kind_known"),
        ("ACCEPTED", {"source": "'RUMOUR'"}, "fact_source_known"),
        ("ACCEPTED", {"kind": "'DOUBTED'"}, "fact_doubt_known"),
        ("ACCEPTED", {"kind": "'REVERSED'", "receipt": "'UKL0000XYZ'"}, "fact_reversal_whole"),
        ("ACCEPTED", {"kind": "'REVERSED'", "amount_cents": "100"}, "fact_reversal_whole"),
        ("ACCEPTED", {"submission": "-1"}, "payments_paymentfact_submission_check"),
        ("ACCEPTED", {"payment_id": "0"}, "payments_paymentfact_payment_id_f452e827_fk_payments_payment_id"),
    ],
)
def test_what_no_fact_is(paid: Payment, kind: str, changes: dict[str, str], rule: str) -> None:
    row = paid.known_facts.get(kind=kind)
    assert copy("payments_paymentfact", row.pk, **changes) == rule


@pytest.mark.requirement("OUT-6")
@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({}, "lot_receipt_once"),
        ({"payment_id": "NULL", "source": "'C2B'", "amount_cents": "1"}, "lot_receipt_once"),
        ({"receipt": "'UKL0000000'"}, "lot_receipt_real"),
        ({"receipt": "''"}, "lot_receipt_real"),
        ({"receipt": "'UKL0000NEW'", "amount_cents": "0"}, "lot_amount_positive"),
        ({"receipt": "'UKL0000NEW'", "source": "'RUMOUR'"}, "lot_source_known"),
        ({"receipt": "'UKL0000NEW'", "payment_id": "NULL", "environment": "'moon'"}, "lot_environment_known"),
        ({"environment": "'production'"}, "lot_same_environment"),
        ({"receipt": "'UKL0000NEW'", "journals": "-1"}, "payments_lot_journals_check"),
    ],
)
def test_what_no_lot_is(paid: Payment, changes: dict[str, str], rule: str) -> None:
    assert copy("payments_lot", LotRow.objects.get().pk, **changes) == rule


def test_a_lot_stays_with_its_payment(paid: Payment) -> None:
    other = started()
    assert refused_by(f"UPDATE payments_lot SET payment_id = {other.pk}") == "lot_payment_set_once"  # noqa: S608
    assert refused_by("UPDATE payments_lot SET payment_id = NULL") == "lot_payment_set_once"


@pytest.mark.parametrize(
    "change",
    [
        "amount_cents = 1", "receipt = 'UKL0000NEW'", "environment = 'production'", "source = 'C2B'",
        "shortcode = '600000'", "reference = 'X'", "checkout_hash = 'X'", "phone_hash = 'X'", "occurred_at = now()",
        "recorded_at = now()", "id = id + 1000",
    ],
)  # fmt: skip
def test_what_was_told_of_a_lot_never_changes(paid: Payment, change: str) -> None:
    assert refused_by(f"UPDATE payments_lot SET {change}") == "payments_lot_frozen"  # noqa: S608


@pytest.mark.requirement("CB-1")
@pytest.mark.parametrize(
    "change",
    [
        "verdict = 'TRUSTED', verdict_reason = 'X'", "verdict_reason = 'X'", "body_sealed = 'X'", "size = 1",
        "received_at = now()", "environment = 'production'", "kind = 'B2C'", "submission = 9", "path = 'X'",
        "address = '10.0.0.1'", "id = id + 1000",
    ],
)  # fmt: skip
def test_what_a_callback_was_never_changes(paid: Payment, change: str) -> None:
    assert refused_by(f"UPDATE payments_callback SET {change}") == "payments_callback_frozen"  # noqa: S608


def test_what_no_callback_is(paid: Payment) -> None:
    row = callback(paid, b"{}").pk
    assert copy("payments_callback", row, verdict="'FORGED'") == "callback_forged_never_processed"
    assert copy("payments_callback", row, environment="'moon'") == "callback_environment_known"
    assert copy("payments_callback", row, size="-1") == "payments_callback_size_check"
    assert copy("payments_callback", row, attempts="-1") == "payments_callback_attempts_check"
    assert copy("payments_callback", row, submission="-1") == "payments_callback_submission_check"
    callback(paid, b"{}", verdict="FORGED", state="DONE")
    again = "UPDATE payments_callback SET state = 'WAITING' WHERE verdict = 'FORGED'"
    assert refused_by(again) == "callback_forged_never_processed"


# --- Append-only ---

FROZEN = ["payments_paymentfact", "payments_lot", "payments_callback", "payments_exchange", "payments_payment"]


@pytest.fixture
def no_leave() -> Iterator[None]:
    """The test run may empty its tables; a person with psql may not."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET malipo.allow_truncate = off")
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET malipo.allow_truncate = on")


@pytest.fixture
def exchange(paid: Payment) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO payments_exchange (environment, type, transaction_id, request_sealed, response_sealed,"
            " duration_ms, error, user_agent, created_at) VALUES ('sandbox', 'TOKEN', '', '', '', 0, '', '', now())"
        )


@pytest.mark.requirement("FEE-2")
@pytest.mark.usefixtures("exchange")
@pytest.mark.parametrize("change", ["error = 'X'", "response_sealed = 'X'", "http_status = 200"])
def test_the_log_of_calls_never_changes(change: str) -> None:
    assert refused_by(f"UPDATE payments_exchange SET {change}") == "payments_exchange_frozen"  # noqa: S608


@pytest.mark.usefixtures("exchange")
def test_what_no_call_is() -> None:
    row = "INSERT INTO payments_exchange SELECT (jsonb_populate_record(e, %s)).* FROM payments_exchange e"
    assert refused_by(row % """'{"id": 999999, "duration_ms": -1}'""") == "payments_exchange_duration_ms_check"
    assert refused_by(row % """'{"id": 999999, "http_status": -1}'""") == "payments_exchange_http_status_check"


@pytest.mark.parametrize("change", ["text = 'X'", "code = 'X'", "kind = 'SUCCEEDED'", "actor = 'X'", "at = now()"])
def test_facts_never_change(paid: Payment, change: str) -> None:
    assert refused_by(f"UPDATE payments_paymentfact SET {change}") == "payments_paymentfact_frozen"  # noqa: S608


@pytest.mark.requirement("SEC-6")
@pytest.mark.usefixtures("exchange", "no_leave")
@pytest.mark.parametrize("table", [*FROZEN, "wallet_wallet"])
def test_nothing_is_deleted(table: str) -> None:
    assert refused_by(f"DELETE FROM {table}") == f"{table}_frozen"  # noqa: S608
    assert (refused_by(f"TRUNCATE {table} CASCADE") or "").endswith("_frozen")


# --- Merchants and wallets ---


def test_what_no_merchant_is(paid: Payment) -> None:
    other = {"shortcode": "'600000'", "is_default": "false"}
    row = paid.merchant_id
    assert row is not None
    assert copy("payments_merchant", row, is_default="false") == "merchant_once"
    assert copy("payments_merchant", row, shortcode="'600000'") == "merchant_one_default"
    assert copy("payments_merchant", row, **other, kind="'TILL'") == "merchant_till_has_number"
    assert copy("payments_merchant", row, **other, till="'123456'") == "merchant_till_has_number"
    assert copy("payments_merchant", row, **other, environment="'moon'") == "merchant_environment_known"
    moved = refused_by("UPDATE payments_merchant SET environment = 'production'")
    assert moved == "payment_merchant_same_environment"


@pytest.mark.requirement("LED-4")
def test_what_no_wallet_is(paid: Payment) -> None:
    other = UserFactory()
    assert copy("wallet_wallet", paid.target_id) == "wallet_once"
    assert copy("wallet_wallet", paid.target_id, environment="'moon'") == "wallet_environment_known"
    for change in (f"user_id = {other.pk}", "environment = 'production'", "id = id + 1000"):
        assert refused_by(f"UPDATE wallet_wallet SET {change}") == "wallet_wallet_frozen"  # noqa: S608


# --- None was forgotten ---

# Nothing can break these alone: other rules stand before them.
_ENTAILED = [
    "merchant_id_environment", "payment_id_environment", "payments_payment_merchant_id_2ca42133_fk_payments_merchant_id",
    "payments_payment_payer_id_90660d0f_fk_accounts_user_id", "payments_lot_payment_id_5bf20265_fk_payments_payment_id",
    "wallet_wallet_user_id_8c75caaa_fk_accounts_user_id",
]  # fmt: skip


def test_no_rule_was_forgotten() -> None:
    rules = rules_of("payments", "wallet")
    attempts = Path(__file__).read_text()
    assert {rule for rule in rules - set(_ENTAILED) if rule not in attempts} == set()
