"""What the API says when it cannot do what was asked: one shape for all errors (ruling 1).

{"success": false, "code": "invalid_phone", "message": "…", "error": "…", "errors": {"phoneNumber": ["…"]}}
"""

import structlog
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, JsonResponse
from django.http.request import UnreadablePostError
from rest_framework import exceptions, status
from rest_framework.response import Response

from lib.errors import Refusal

log = structlog.get_logger(__name__)

NOT_FOUND = "There is nothing here that you may see. Check the address or the id."
DATABASE_DOWN = "We cannot reach our records at the moment. Nothing was stored. Please try again in a minute."
DATABASE_DOWN_RETRY_S = 30
TOO_MANY = "Too many requests. Please wait {wait} seconds and try again."


def error_body(code: str, message: str, errors: dict[str, list[str]] | None = None) -> dict[str, object]:
    """The one shape."""
    body: dict[str, object] = {"success": False, "code": code, "message": message, "error": message}
    if errors:
        body["errors"] = errors
    return body


def refuse(refusal: Refusal) -> JsonResponse:
    """A refusal outside of REST framework's views."""
    response = JsonResponse(error_body(refusal.code, refusal.message, refusal.errors), status=refusal.status)
    if refusal.retry_after is not None:
        response["Retry-After"] = str(refusal.retry_after)
    return response


def api_errors(error: Exception, context: dict[str, object]) -> Response | None:
    """REST framework's exception handler. None (a 500, logged) only for what is a defect of ours."""
    refusal = _as_refusal(error)
    if refusal is None:
        return None
    response = Response(error_body(refusal.code, refusal.message, refusal.errors), status=refusal.status)
    if refusal.retry_after is not None:
        response["Retry-After"] = str(refusal.retry_after)
    challenge = getattr(error, "auth_header", None)
    if challenge:
        response["WWW-Authenticate"] = challenge
    return response


def _as_refusal(error: Exception) -> Refusal | None:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, Http404):
        return Refusal("not_found", NOT_FOUND, status=404)
    if isinstance(error, PermissionDenied):
        return Refusal("forbidden", "Your account may not do this.", status=403)
    if isinstance(error, OperationalError | InterfaceError):
        log.error("api.database_down", error=type(error).__name__)
        return Refusal("database_unavailable", DATABASE_DOWN, status=503, retry_after=DATABASE_DOWN_RETRY_S)
    if isinstance(error, RequestDataTooBig):
        return Refusal("body_too_large", "The body is too large.", status=413)
    if isinstance(error, SuspiciousOperation | BadRequest | UnreadablePostError):
        return Refusal("bad_request", "The request cannot be understood. Check it and send it again.")
    if isinstance(error, exceptions.Throttled):
        wait = int(getattr(error, "wait", None) or 1)
        return Refusal("too_many_requests", TOO_MANY.format(wait=wait), status=429, retry_after=wait)
    if isinstance(error, exceptions.ValidationError):
        return _invalid(error)
    if isinstance(error, exceptions.APIException):
        return Refusal(_code(error), _sentence(error), status=error.status_code)
    return None


def _invalid(error: exceptions.ValidationError) -> Refusal:
    detail = error.detail
    errors = (
        {
            str(field): [str(text) for text in (texts if isinstance(texts, list) else [texts])]
            for field, texts in detail.items()
        }
        if isinstance(detail, dict)
        else {}
    )
    texts = [text for messages in errors.values() for text in messages] or [str(item) for item in detail]
    return Refusal(_first_code(detail), texts[0] if texts else "The request is not valid.", errors=errors)


def _first_code(detail: object) -> str:
    """`invalid_phone` and its like where a rule of ours refused the first wrong field."""
    first = next(iter(detail.values()), None) if isinstance(detail, dict) else detail
    first = first[0] if isinstance(first, list) and first else first
    code = str(getattr(first, "code", ""))
    return code if code.startswith("invalid_") else "invalid_request"


def _code(error: exceptions.APIException) -> str:
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return "not_authenticated"
    if error.status_code == status.HTTP_403_FORBIDDEN:
        return "forbidden"
    return str(error.default_code)


def _sentence(error: exceptions.APIException) -> str:
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return "Please sign in: send an access token from /api/auth/token, or sign in on the page."
    if isinstance(error, exceptions.ParseError):
        return "The body is not valid JSON. Send Content-Type: application/json and a JSON object."
    return str(error.detail)
