"""Programs that speak to the API, and what they are told."""

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import User

INITIATE = "/api/mpesa/initiate"
PHONE = "254712345678"


def program(user: User | None, **options: Any) -> Client:
    """A client of the API with somebody's token, or with none."""
    if user:
        options["headers"] = {"Authorization": f"Bearer {AccessToken.for_user(user)}"}
    return Client(**options)


def post(user: User | None, address: str, **body: Any) -> HttpResponse:
    return program(user).post(address, body, content_type="application/json")


def pay(user: User | None, code: object, *, key: str = "", **given: Any) -> HttpResponse:
    """Asks to pay for a session."""
    body = {"sessionId": code, "phoneNumber": "0712 345 678", **given}
    headers = {"Idempotency-Key": key} if key else {}
    return program(user).post(INITIATE, body, content_type="application/json", headers=headers)


def refusal(answer: HttpResponse) -> tuple[int, str]:
    """Its status and code; the rest of the shape must be right."""
    body = json.loads(answer.content)
    assert sorted(set(body) - {"errors"}) == ["code", "error", "message", "success"]
    assert (body["success"], body["error"]) == (False, body["message"])
    return answer.status_code, body["code"]
