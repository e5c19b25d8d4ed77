"""The API of deposits and the wallet, in the words of seed 000 (DEP-3, DEP-5)."""

from collections.abc import Sequence
from datetime import date

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lib import clock
from lib.api_shapes import errors
from lib.errors import Refusal
from lib.money import CENTS, CURRENCY, whole_shillings
from payments import merchants, reading, timing
from payments.api import starting as api_starting
from payments.api.replacing import in_place_of
from payments.api.saying import checkout_id, sentence, words_of
from payments.api.starting import KEY, Outcome
from payments.api.words import word
from payments.models import Payment
from payments.starting import Start
from payments.states import Status
from wallet.api_shapes import (
    HistorySerializer,
    InitiatedSerializer,
    InitiateSerializer,
    StatusSerializer,
    WalletSerializer,
)
from wallet.deposits import balance
from wallet.history import MOST_PAGES, MOST_PER_PAGE, PER_PAGE, STATUSES, Filters, history

SENT = "STK Push sent. Check your phone."
_TAG = ["Deposits"]


def _up_to(most: int) -> dict[str, object]:
    return {"type": "integer", "minimum": 1, "maximum": most}


class InitiateDeposit(APIView):
    @extend_schema(
        tags=_TAG,
        operation_id="deposits_initiate",
        summary="Ask a phone for money",
        description="M-Pesa shows a PIN prompt on the phone. One deposit is in progress at a time: the same request "
        "again answers with that one, another one is a 409 (`payment_in_progress`, `phone_busy`). One that has timed out "
        "(`timedOutAt`, two minutes without an answer) may be replaced: name it in `replace`.",
        parameters=[KEY],
        request=InitiateSerializer,
        responses={
            200: OpenApiResponse(InitiatedSerializer, "M-Pesa took it: the prompt is on its way."),
            202: OpenApiResponse(InitiatedSerializer, "M-Pesa has not answered yet. Ask for the status."),
            **errors(400, 401, 403, 404, 409, 413, 415, 429, 502, 503),
        },
    )
    def post(self, request: Request) -> Response:
        asked = InitiateSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        outcome = api_starting.start_and_send(request, _order(request, **asked.validated_data))
        return Response(_initiated(outcome), status.HTTP_200_OK if outcome.sent else status.HTTP_202_ACCEPTED)


class DepositStatus(APIView):
    @extend_schema(
        tags=_TAG,
        operation_id="deposits_status",
        summary="Where a deposit stands",
        description="From our record: M-Pesa tells us when something happens. Ask every 3 seconds at most.",
        responses={200: StatusSerializer, **errors(401, 404, 429, 503)},
    )
    def get(self, request: Request, transaction_id: str) -> Response:
        payment = reading.own(transaction_id=transaction_id, payer_id=_me(request))
        if payment is None or payment.purpose != "deposit":
            raise Refusal("not_found", "You have no deposit with this id.", status=404)
        return Response({"success": True, "transaction": _deposits([payment])[0]})


class DepositHistory(APIView):
    @extend_schema(
        tags=_TAG,
        operation_id="deposits_history",
        summary="Your deposits, newest first",
        parameters=[
            OpenApiParameter("status", str, enum=list(STATUSES)),
            OpenApiParameter("from", date, description="First day, East Africa Time."),
            OpenApiParameter("to", date, description="Last day, itself included; not before the first."),
            OpenApiParameter("page", _up_to(MOST_PAGES), description="Beyond the last page is the last page."),
            OpenApiParameter("limit", _up_to(MOST_PER_PAGE), description=f"On a page; {PER_PAGE} if not given."),
        ],
        responses={200: HistorySerializer, **errors(400, 401, 429, 503)},
    )
    def get(self, request: Request) -> Response:
        page = history(user_id=_me(request), filters=Filters.read(request.query_params), purpose="deposit")
        return Response(
            {
                "success": True,
                "page": page.number,
                "pages": page.paginator.num_pages,
                "total": page.paginator.count,
                "transactions": _deposits(list(page.object_list)),
            }
        )


class WalletBalance(APIView):
    @extend_schema(
        tags=["Wallet"],
        operation_id="wallet",
        summary="What is in your wallet",
        responses={200: WalletSerializer, **errors(401, 429, 503)},
    )
    def get(self, request: Request) -> Response:
        cents = balance(_me(request), merchants.current_environment())
        shillings = cents / CENTS if cents % CENTS else cents // CENTS
        return Response({"balance": shillings, "currency": CURRENCY})


def _order(request: Request, *, phoneNumber: str, amount: int, description: str, replace: str = "") -> Start:
    order = Start(
        purpose="deposit",
        payer_id=_me(request),
        phone=phoneNumber,
        amount=amount,
        description=description,
        idempotency_key=api_starting.idempotency_key(request),
    )
    return in_place_of(order, replace)


def _initiated(outcome: Outcome) -> dict[str, object]:
    payment = outcome.payment
    prompted = payment.status == Status.PROMPTED and payment.timed_out_at is None
    return {
        "success": True,
        "transactionId": payment.transaction_id,
        "checkoutRequestId": checkout_id(payment),
        "status": word(payment.status, "000"),
        "message": SENT if prompted else sentence(words_of([payment], now=clock.now())[payment.pk]),
    }


def _deposits(payments: Sequence[Payment]) -> list[dict[str, object]]:
    """In the words of seed 000."""
    words = words_of(payments, now=clock.now())
    return [
        {
            "transactionId": payment.transaction_id,
            "checkoutRequestId": checkout_id(payment),
            "status": word(payment.status, "000"),
            "amount": whole_shillings(payment.amount_cents),
            "currency": payment.currency,
            "phoneNumber": f"*********{payment.phone_tail}",
            "description": payment.description,
            "mpesaReceiptNumber": payment.receipt or None,
            "message": sentence(words[payment.pk]),
            "resultDesc": None if words[payment.pk].live else words[payment.pk].happened,
            **_attempts(payment),
            "initiatedAt": payment.initiated_at,
            "completedAt": payment.completed_at,
            "failedAt": payment.failed_at,
            "timedOutAt": payment.timed_out_at,
        }
        for payment in payments
    ]


def _attempts(payment: Payment) -> dict[str, object]:
    """What STK-8 keeps of trying again."""
    again = payment.attempts > 1
    return {
        "retryCount": payment.attempts - 1 if again else 0,
        "maxRetries": len(timing.RETRIES),
        "lastRetryAt": payment.last_submitted_at if again else None,
    }


def _me(request: Request) -> int:
    return int(request.user.pk or 0)
