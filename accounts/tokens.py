"""Tokens for programs (SEC-1): a short-lived access token and a refresh token that ends with the password it came from."""

from typing import Any

from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import AuthenticationFailed, TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import RefreshToken
from rest_framework_simplejwt.utils import get_md5_hash_password

from accounts.models import User
from lib.errors import Refusal
from lib.rows import read_rows

_ENDED = "This token is not valid any more. Please log in again."


def issue(*, user: User) -> dict[str, object]:
    """A pair for somebody who has just proved who they are."""
    refresh = RefreshToken.for_user(user)
    return {"access": str(refresh.access_token), "refresh": str(refresh), "expiresIn": access_seconds()}


def renew(*, refresh: str) -> dict[str, object]:
    """A new access token. Raises Refusal `token_not_valid` (401)."""
    try:
        token = RefreshToken(refresh)  # type: ignore[arg-type]  # the stubs know only tokens
    except TokenError:
        raise _ended() from None
    user = User.objects.filter(pk=token[api_settings.USER_ID_CLAIM], is_active=True).first()
    if user is None or token.get(api_settings.REVOKE_TOKEN_CLAIM) != get_md5_hash_password(user.password):
        raise _ended()
    return {"access": str(token.access_token), "expiresIn": access_seconds()}


def access_seconds() -> int:
    return int(api_settings.ACCESS_TOKEN_LIFETIME.total_seconds())


def _ended() -> Refusal:
    return Refusal("token_not_valid", _ENDED, status=401)


class Bearer(JWTAuthentication):
    """Who sends `Authorization: Bearer …`, read anew for each request: an ended token or person is out at once."""

    def get_user(self, validated_token: Any) -> User:  # type: ignore[override]  # the stubs say a type variable
        """As the package's, with less work."""
        claim = str(validated_token.get(api_settings.USER_ID_CLAIM, ""))
        found = read_rows(User, "WHERE id = %s AND is_active", [int(claim)]) if claim.isdigit() else []
        if not found:
            raise AuthenticationFailed("User not found", code="user_not_found")
        if validated_token.get(api_settings.REVOKE_TOKEN_CLAIM) != get_md5_hash_password(found[0].password):
            raise AuthenticationFailed("The user's password has been changed.", code="password_changed")
        return found[0]


class BearerScheme(SimpleJWTScheme):
    """Names it in the API's document."""

    target_class = "accounts.tokens.Bearer"
