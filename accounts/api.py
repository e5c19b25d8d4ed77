"""`POST /api/auth/token` and `POST /api/auth/refresh`."""

from django.contrib.auth import authenticate
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import events, tokens
from accounts.models import User
from lib.api_shapes import errors
from lib.errors import Refusal

_TAG = ["Log-in"]
_WRONG = "E-mail address and password do not match an account. Please check both."


class SignIn(serializers.Serializer):
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=4096, trim_whitespace=False, write_only=True)


class Refresh(serializers.Serializer):
    refresh = serializers.CharField(max_length=4096)


class Access(serializers.Serializer):
    success = serializers.BooleanField()
    access = serializers.CharField(help_text="Send as `Authorization: Bearer …`")
    expiresIn = serializers.IntegerField(help_text="Seconds")


class Pair(Access):
    refresh = serializers.CharField()


class OpenView(APIView):
    """For those who are not logged in yet. Failures are counted per account and address, so no other limit is needed."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()


class TokenView(OpenView):
    @extend_schema(
        tags=_TAG,
        operation_id="auth_token",
        summary="Log in: a pair of tokens",
        description="Five wrong passwords within 15 minutes lock the account for this address for 15 minutes (429).",
        request=SignIn,
        responses={200: Pair, **errors(400, 401, 413, 415, 429, 503)},
    )
    def post(self, request: Request) -> Response:
        given = SignIn(data=request.data)
        given.is_valid(raise_exception=True)
        return Response({"success": True, **tokens.issue(user=_who(request, **given.validated_data))})


class RefreshView(OpenView):
    @extend_schema(
        tags=_TAG,
        operation_id="auth_refresh",
        summary="A new access token",
        description="A refresh token ends after seven days, or with the password it came from.",
        request=Refresh,
        responses={200: Access, **errors(400, 401, 413, 415, 503)},
    )
    def post(self, request: Request) -> Response:
        given = Refresh(data=request.data)
        given.is_valid(raise_exception=True)
        return Response({"success": True, **tokens.renew(**given.validated_data)})


def _who(request: Request, *, email: str, password: str) -> User:
    """The plain request is passed on: axes leaves its verdict there for its middleware."""
    plain = request._request
    user = authenticate(plain, username=email, password=password)
    if not isinstance(user, User):
        locked = bool(getattr(plain, "axes_locked_out", False))
        events.sign_in_failed(email, plain, via=events.API, locked=locked)
        raise Refusal("invalid_credentials", _WRONG, status=401)
    events.happened("signed_in", user, plain, via=events.API)
    return user
