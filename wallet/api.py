"""The API of deposits and the wallet, in the words of seed 000 (DEP-3, DEP-5)."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lib import phone
from lib.errors import Refusal
from lib.money import CENTS, CURRENCY
from payments import merchants, sealing, timing
from payments.api import starting as api_starting
from payments.api.serializers import ErrorSerializer
from payments.api.words import word
from payments.models import Payment
from payments.project import CHECKOUT_CONTEXT
from payments.starting import Start
from payments.words import brief
from wallet.deposits import balance
from wallet.history import Filters, history

PHONE_MESSAGE = "Please enter a valid Kenyan phone number"
SENT = "STK Push sent. Check your phone."
SENDING = "Sending the request to M-Pesa. Ask for the status in a moment."
ERRORS = {code: ErrorSerializer for code in (400, 401, 409, 429, 502, 503)}


class InitiateSerializer(serializers.Serializer[Any]):
    phoneNumber = serializers.CharField(max_length=40, help_text="Any Kenyan form: 0712 345 678, +254 712 345 678, …")
    amount = serializers.JSONField(help_text="Whole shillings, 10 to 150,000.")
    description = serializers.CharField(max_length=140, required=False, allow_blank=True, default="")

    def validate_amount(self, value: object) -> object:
        if isinstance(value, dict | list) or value is None:
            raise serializers.ValidationError("Amount must be a number of shillings.")
        return value


class InitiatedSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    transactionId = serializers.CharField()
    checkoutRequestId = serializers.CharField(allow_null=True, help_text="Null while M-Pesa has not answered (202).")
    status = serializers.CharField()
    message = serializers.CharField()


class DepositSerializer(serializers.Serializer[Any]):
    transactionId = serializers.CharField()
    checkoutRequestId = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(["PENDING", "COMPLETED", "FAILED", "CANCELLED", "EXPIRED"])
    amount = serializers.IntegerField(help_text="Whole shillings.")
    currency = serializers.CharField()
    phoneNumber = serializers.CharField(help_text="Masked.")
    description = serializers.CharField()
    mpesaReceiptNumber = serializers.CharField(allow_null=True)
    message = serializers.CharField(help_text="What happened and what to do next, for the payer.")
    retryCount = serializers.IntegerField()
    maxRetries = serializers.IntegerField()
    lastRetryAt = serializers.DateTimeField(allow_null=True)
    initiatedAt = serializers.DateTimeField()
    completedAt = serializers.DateTimeField(allow_null=True)
    failedAt = serializers.DateTimeField(allow_null=True)
    timedOutAt = serializers.DateTimeField(allow_null=True)


class StatusSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    transaction = DepositSerializer()


class HistorySerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    total = serializers.IntegerField()
    transactions = DepositSerializer(many=True)


class WalletSerializer(serializers.Serializer[Any]):
    balance = serializers.DecimalField(max_digits=16, decimal_places=2, coerce_to_string=False)
    currency = serializers.CharField()


class InitiateDeposit(APIView):
    """Asks M-Pesa to put a PIN prompt on a phone. Send an `Idempotency-Key` header to be able to repeat safely."""

    @extend_schema(
        request=InitiateSerializer,
        responses={200: InitiatedSerializer, 202: InitiatedSerializer, **ERRORS},
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
        operation_id="deposits_initiate",
    )
    def post(self, request: Request) -> Response:
        asked = InitiateSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        order = Start(
            purpose="deposit",
            payer_id=_me(request),
            phone=phone.normalise(data["phoneNumber"], message=PHONE_MESSAGE),
            amount=data["amount"],
            description=data["description"],
            idempotency_key=api_starting.idempotency_key(request),
        )
        outcome = api_starting.start_and_send(request, order)
        payment = outcome.payment
        body = {
            "success": True,
            "transactionId": payment.transaction_id,
            "checkoutRequestId": _checkout_id(payment),
            "status": word(payment.status, "000"),
            "message": SENT if outcome.sent else SENDING,
        }
        return Response(body, status=status.HTTP_200_OK if outcome.sent else status.HTTP_202_ACCEPTED)


class DepositStatus(APIView):
    """Where a deposit of one's own stands, from our record: M-Pesa is not asked by this."""

    @extend_schema(
        responses={200: StatusSerializer, 401: ErrorSerializer, 404: ErrorSerializer}, operation_id="deposits_status"
    )
    def get(self, request: Request, transaction_id: str) -> Response:
        rows = Payment.objects.filter(payer_id=_me(request), purpose="deposit")
        payment = rows.filter(transaction_id=transaction_id).first()
        if payment is None:
            raise Refusal("not_found", "You have no deposit with this id.", status=404)
        return Response({"success": True, "transaction": deposit(payment)})


class DepositHistory(APIView):
    """One's own deposits, newest first."""

    @extend_schema(
        parameters=[
            OpenApiParameter("status", str, description="PENDING, COMPLETED, FAILED, CANCELLED or EXPIRED"),
            OpenApiParameter("from", str, description="First day, YYYY-MM-DD (East Africa Time)"),
            OpenApiParameter("to", str, description="Last day, YYYY-MM-DD"),
            OpenApiParameter("page", int),
            OpenApiParameter("limit", int, description="1 to 100, 20 by default"),
        ],
        responses={200: HistorySerializer, 400: ErrorSerializer, 401: ErrorSerializer},
        operation_id="deposits_history",
    )
    def get(self, request: Request) -> Response:
        filters = Filters.read(request.query_params)
        page = history(user_id=_me(request), filters=filters, purpose="deposit")
        return Response(
            {
                "success": True,
                "page": page.number,
                "pages": page.paginator.num_pages,
                "total": page.paginator.count,
                "transactions": [deposit(payment) for payment in page.object_list],
            }
        )


class WalletBalance(APIView):
    """The balance of one's wallet, in shillings."""

    @extend_schema(responses={200: WalletSerializer, 401: ErrorSerializer}, operation_id="wallet")
    def get(self, request: Request) -> Response:
        environment = merchants.current_environment()
        cents = balance(_me(request), environment)
        shillings = cents // CENTS if cents % CENTS == 0 else cents / CENTS
        return Response({"balance": shillings, "currency": CURRENCY})


def deposit(payment: Payment) -> dict[str, object]:
    """A payment in the words of seed 000."""
    return {
        "transactionId": payment.transaction_id,
        "checkoutRequestId": _checkout_id(payment),
        "status": word(payment.status, "000"),
        "amount": payment.amount_cents // CENTS,
        "currency": payment.currency,
        "phoneNumber": f"********{payment.phone_tail}",
        "description": payment.description,
        "mpesaReceiptNumber": payment.receipt or None,
        "message": _message(payment),
        "retryCount": max(0, payment.attempts - 1),
        "maxRetries": len(timing.RETRIES),
        "lastRetryAt": payment.last_submitted_at if payment.attempts > 1 else None,
        "initiatedAt": payment.initiated_at,
        "completedAt": payment.completed_at,
        "failedAt": payment.failed_at,
        "timedOutAt": payment.timed_out_at,
    }


def _me(request: Request) -> int:
    return int(request.user.pk or 0)


def _message(payment: Payment) -> str:
    return brief(payment).word


def _checkout_id(payment: Payment) -> str | None:
    return sealing.unseal(bytes(payment.checkout_sealed), context=CHECKOUT_CONTEXT).decode() or None
