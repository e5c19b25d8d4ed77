"""Routes of `/api/mpesa/` that are the same for whatever is paid for: start a payment, test the connection."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import roles
from lib.api_shapes import errors
from lib.errors import Refusal
from payments import connection
from payments.api.dialects import dialect, spoken
from payments.api.naming import purpose_named
from payments.api.starting import KEY, idempotency_key, start_and_send

_TAG = ["M-Pesa"]
_ASKED = PolymorphicProxySerializer("PaymentAsked", [one.request for one in spoken()], None)
_BEGUN = PolymorphicProxySerializer("PaymentBegun", [one.response for one in spoken()], None)


class Initiate(APIView):
    @extend_schema(
        tags=_TAG,
        operation_id="mpesa_initiate",
        summary="Pay for a thing: ask a phone for money",
        description="The field that names the thing (`sessionId`) says what is paid for; name one. M-Pesa shows a PIN "
        "prompt on the phone. One payment for a thing is in progress at a time: the same request again answers with "
        "that one, another one is a 409 (`payment_in_progress`, `phone_busy`). One that has timed out (two minutes without "
        "an answer) may be replaced: name it in `replace`.",
        parameters=[KEY],
        request=_ASKED,
        examples=[example for one in spoken() for example in one.examples],
        responses={
            200: OpenApiResponse(_BEGUN, "M-Pesa took it: the prompt is on its way."),
            202: OpenApiResponse(_BEGUN, "M-Pesa has not answered yet. Ask for the status."),
            **errors(400, 401, 403, 404, 409, 413, 415, 429, 502, 503),
        },
    )
    def post(self, request: Request) -> Response:
        words = dialect(purpose_named(dict(request.data)))
        asked = words.request(data=request.data)
        asked.is_valid(raise_exception=True)
        order = words.order(
            asked=asked.validated_data, payer_id=int(request.user.pk or 0), key=idempotency_key(request)
        )
        outcome = start_and_send(request, order)
        answer = words.answer(outcome.payment)
        return Response(answer, status.HTTP_200_OK if outcome.sent else status.HTTP_202_ACCEPTED)


class ConnectedSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    message = serializers.CharField(help_text="For people.")
    environment = serializers.ChoiceField(["sandbox", "production"])
    shortcode = serializers.CharField(help_text="Whose credentials were tried.")


class ConnectionTest(APIView):
    @extend_schema(
        tags=_TAG,
        operation_id="mpesa_test_connection",
        summary="Do our credentials work?",
        description="Finance and admins only. Logs in to M-Pesa with the stored credentials of the current mode; no "
        "money is asked for. Who asked, and how it went, stands in the audit trail.",
        request=None,
        responses={
            200: OpenApiResponse(ConnectedSerializer, "M-Pesa accepted the credentials."),
            **errors(401, 403, 429, 502, 503),
        },
    )
    def post(self, request: Request) -> Response:
        if not roles.may_test_connection(request.user):
            raise Refusal("forbidden", "Your role may not test the connection.", status=403)
        merchant = connection.current()
        connection.verify(merchant, actor=f"user:{request.user.pk}")
        return Response(
            {
                "success": True,
                "message": "M-Pesa API connection successful",
                "environment": merchant.environment,
                "shortcode": merchant.shortcode,
            }
        )
