"""Paying for a session by the API, and how its payment stands, in the words of seed 001 (SES-7)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from lib import clock, money
from payments.api.fields import AmountField, PhoneField
from payments.api.replacing import ReplaceField, in_place_of
from payments.api.saying import checkout_id, sentence, words_of
from payments.models import Payment
from payments.providers import provider
from payments.starting import Start
from payments.states import ENDED_WITHOUT_MONEY, Status
from payments.words import PayerWords
from sessions_booking.api_saying import in_nairobi
from sessions_booking.api_shapes import ID, PAYMENT_WORDS
from sessions_booking.models import Booking
from sessions_booking.reading import Standing, payment_word

_CHECK_PHONE = "Check your phone. Enter your M-Pesa PIN to pay {amount}."


class AskedSerializer(serializers.Serializer[Any]):
    sessionId = serializers.CharField(max_length=12, help_text="An approved session of yours.")
    phoneNumber = PhoneField(
        help_text="The M-Pesa number that pays, in any Kenyan form: `0712 345 678`, `+254712345678`."
    )
    amount = AmountField(
        minimum=1,
        maximum=250_000,
        required=False,
        help_text="May be left out. If given, it must be the session's price.",
    )
    replace = ReplaceField()


class BegunSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    message = serializers.CharField(help_text="For the payer.")
    sessionId = serializers.CharField(help_text=ID)
    paymentId = serializers.CharField(help_text="Ours, `TXN_…`. The WebSocket `/ws/payments/<paymentId>/` tells of it.")
    paymentStatus = serializers.ChoiceField(PAYMENT_WORDS)
    checkoutRequestID = serializers.CharField(allow_null=True, help_text="null while M-Pesa has not answered (202).")
    merchantRequestID = serializers.CharField(allow_null=True)
    amount = serializers.IntegerField(help_text="Whole shillings.")
    currency = serializers.CharField(help_text="KES")


class AttemptSerializer(serializers.Serializer[Any]):
    """One try to pay."""

    paymentId = serializers.CharField(help_text="Ours, `TXN_…`.")
    checkoutRequestID = serializers.CharField(allow_null=True, help_text="M-Pesa's own; for the payer alone.")
    status = serializers.ChoiceField(PAYMENT_WORDS)
    amount = serializers.IntegerField(help_text="Whole shillings.")
    mpesaTransactionID = serializers.CharField(allow_null=True, help_text="The receipt.")
    mpesaResultCode = serializers.CharField(allow_null=True)
    mpesaResultDesc = serializers.CharField(allow_null=True)
    failureReason = serializers.CharField(allow_null=True, help_text="In the payer's words.")
    initiatedAt = serializers.DateTimeField()
    timedOutAt = serializers.DateTimeField(allow_null=True, help_text="No answer by then. It may still be paid.")
    endedAt = serializers.DateTimeField(allow_null=True)


class PaymentStatusSerializer(serializers.Serializer[Any]):
    """The payment that paid the session, else the latest try; and all tries, oldest first."""

    success = serializers.BooleanField()
    sessionId = serializers.CharField(help_text=ID)
    paymentStatus = serializers.ChoiceField(PAYMENT_WORDS, allow_null=True, help_text="null: nothing was tried.")
    paymentMethod = serializers.CharField(allow_null=True, help_text="M-Pesa")
    mpesaTransactionID = serializers.CharField(allow_null=True, help_text="The receipt.")
    mpesaAmount = serializers.FloatField(allow_null=True, help_text="Shillings that M-Pesa moved.")
    mpesaResultCode = serializers.CharField(allow_null=True)
    mpesaResultDesc = serializers.CharField(allow_null=True)
    paymentInitiatedAt = serializers.DateTimeField(allow_null=True)
    paymentVerifiedAt = serializers.DateTimeField(allow_null=True, help_text="When M-Pesa's word of it came.")
    paymentFailureReason = serializers.CharField(allow_null=True, help_text="In the payer's words.")
    paymentAttempts = AttemptSerializer(many=True)


class Asking:
    """payments.api.dialects.Dialect."""

    request = AskedSerializer
    response = BegunSerializer
    examples = (
        OpenApiExample(
            "Pay for a session",
            value={"sessionId": "K7WQ2MZ4HT", "phoneNumber": "0712 345 678"},
            request_only=True,
        ),
        OpenApiExample(
            "The prompt is on the phone",
            value={
                "success": True,
                "message": "Check your phone. Enter your M-Pesa PIN to pay KES 2,500.",
                "sessionId": "K7WQ2MZ4HT",
                "paymentId": "TXN_C0FFEE0123456789ABCDEF01",
                "paymentStatus": "Processing",
                "checkoutRequestID": "ws_CO_23112026100000123456789",
                "merchantRequestID": "29115-34620561-1",
                "amount": 2500,
                "currency": "KES",
            },
            response_only=True,
        ),
    )

    def order(self, *, asked: Mapping[str, Any], payer_id: int, key: str) -> Start:
        order = Start(
            purpose="session",
            payer_id=payer_id,
            phone=asked["phoneNumber"],
            amount=asked.get("amount"),
            fields={"sessionId": asked["sessionId"]},
            idempotency_key=key,
        )
        return in_place_of(order, asked.get("replace", ""))

    def answer(self, payment: Payment) -> dict[str, object]:
        return {
            "success": True,
            "message": _message(payment),
            "sessionId": Booking.objects.values_list("code", flat=True).get(pk=payment.target_id),
            "paymentId": payment.transaction_id,
            "paymentStatus": payment_word(payment),
            "checkoutRequestID": checkout_id(payment),
            "merchantRequestID": payment.merchant_request_id or None,
            "amount": money.whole_shillings(payment.amount_cents),
            "currency": payment.currency,
        }


def said_payment(booking: Booking, standing: Standing, *, reader_id: int, now: datetime) -> dict[str, object]:
    """How the payment of a session stands, for one of those who may see it."""
    attempts = list(standing.attempts)
    words = words_of(attempts, now=now)
    return {
        "success": True,
        "sessionId": booking.code,
        "paymentStatus": standing.payment_status or None,
        **_shown(_decisive(booking, attempts), words),
        "paymentAttempts": [_attempt(row, words[row.pk], mine=row.payer_id == reader_id) for row in attempts],
    }


def _decisive(booking: Booking, attempts: list[Payment]) -> Payment | None:
    """The payment that paid it; else the latest."""
    found = [row for row in attempts if row.pk == booking.payment_id] or attempts
    return found[-1] if found else None


def _shown(row: Payment | None, words: Mapping[int, PayerWords]) -> dict[str, object]:
    return {
        "paymentMethod": row.get_provider_display() if row else None,
        "mpesaTransactionID": (row.receipt or None) if row else None,
        "mpesaAmount": _shillings(row.received_cents) if row else None,
        "mpesaResultCode": (row.result_code or None) if row else None,
        "mpesaResultDesc": _told(row) if row else None,
        "paymentInitiatedAt": in_nairobi(row.initiated_at) if row else None,
        "paymentVerifiedAt": in_nairobi(row.completed_at) if row else None,
        "paymentFailureReason": _failure(row, words[row.pk]) if row else None,
    }


def _attempt(row: Payment, words: PayerWords, *, mine: bool) -> dict[str, object]:
    """The CheckoutRequestID ends in digits of the phone: it is for its payer alone (SEC-4)."""
    return {
        "paymentId": row.transaction_id,
        "checkoutRequestID": checkout_id(row) if mine else None,
        "status": payment_word(row),
        "amount": money.whole_shillings(row.amount_cents),
        "mpesaTransactionID": row.receipt or None,
        "mpesaResultCode": row.result_code or None,
        "mpesaResultDesc": _told(row),
        "failureReason": _failure(row, words),
        "initiatedAt": in_nairobi(row.initiated_at),
        "timedOutAt": in_nairobi(row.timed_out_at),
        "endedAt": in_nairobi(row.completed_at or row.failed_at),
    }


def _failure(row: Payment, words: PayerWords) -> str | None:
    return words.happened if row.status in ENDED_WITHOUT_MONEY else None


def _told(row: Payment) -> str | None:
    """M-Pesa's own words; where it said a code alone, what the code means."""
    known = row.result_description or not row.result_code.isdigit()
    return (row.result_description if known else provider(row.provider).meaning(row.result_code)) or None


def _message(row: Payment) -> str:
    if row.status == Status.PROMPTED and row.timed_out_at is None:
        return _CHECK_PHONE.format(amount=money.words(row.amount_cents))
    return sentence(words_of([row], now=clock.now())[row.pk])


def _shillings(cents: int) -> float | None:
    return (cents / money.CENTS if cents % money.CENTS else cents // money.CENTS) or None
