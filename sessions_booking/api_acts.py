"""What people do to a session by the API: ask for one, approve, decline, cancel, move. Each is one domain call."""

from datetime import datetime
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lib import clock
from lib.api_shapes import errors
from lib.clock import EAT
from sessions_booking import booking, reading
from sessions_booking.api import TAG, Sessions, person
from sessions_booking.api_saying import said_sessions
from sessions_booking.api_seen import ETAG, IF_MATCH, seen_by, tagged
from sessions_booking.api_shapes import BookSerializer, MoveSerializer, ReasonSerializer, SessionAnswerSerializer

_WRONG = errors(400, 401, 403, 404, 409, 413, 415, 429, 503)
_DONE = {200: OpenApiResponse(SessionAnswerSerializer, "Done."), **_WRONG, **errors(412)}
_TIME = OpenApiExample("Monday at ten in Nairobi", value={"startsAt": "2026-11-23T10:00:00+03:00"}, request_only=True)


class SessionsAndBooking(Sessions):
    @extend_schema(
        tags=TAG,
        operation_id="sessions_book",
        summary="Book a session",
        description="The therapist is asked; you pay after the approval. A time that is not free is a 409.",
        request=BookSerializer,
        examples=[
            OpenApiExample(
                "Ask for Monday at ten in Nairobi",
                value={"sessionTypeId": 1, "startsAt": "2026-11-23T10:00:00+03:00"},
                request_only=True,
            )
        ],
        parameters=[ETAG],
        responses={201: OpenApiResponse(SessionAnswerSerializer, "Asked for."), **_WRONG},
    )
    def post(self, request: Request) -> Response:
        asked = _read(BookSerializer, request)
        wanted = booking.Request(person(request).pk, asked["sessionTypeId"], asked["startsAt"])
        made = booking.book(request=wanted, now=clock.now())
        words = "{therapist} has been asked. You can pay when the session is approved."
        return _answer(request, made.code, words, status.HTTP_201_CREATED)


class Approve(APIView):
    @extend_schema(
        tags=TAG,
        operation_id="sessions_approve",
        summary="Approve a session",
        description="By its therapist. From then on the client may pay, until `payBy`.",
        request=None,
        parameters=[IF_MATCH, ETAG],
        responses=_DONE,
    )
    def post(self, request: Request, session_id: str) -> Response:
        done = booking.approve(code=session_id, actor_id=person(request).pk, now=clock.now(), seen=seen_by(request))
        return _answer(request, done.code, "Approved. {client} is asked to pay.")


class Decline(APIView):
    @extend_schema(
        tags=TAG,
        operation_id="sessions_decline",
        summary="Decline a session",
        description="By its therapist, with a reason that the client reads.",
        request=ReasonSerializer,
        parameters=[IF_MATCH, ETAG],
        responses=_DONE,
    )
    def post(self, request: Request, session_id: str) -> Response:
        reason = _read(ReasonSerializer, request)["reason"]
        done = booking.decline(
            code=session_id, actor_id=person(request).pk, reason=reason, now=clock.now(), seen=seen_by(request)
        )
        return _answer(request, done.code, "Declined. The time is free again.")


class Cancel(APIView):
    @extend_schema(
        tags=TAG,
        operation_id="sessions_cancel",
        summary="Cancel a session",
        description="By its client, or with a reason by its therapist or an admin. What was paid is owed to the client.",
        request=ReasonSerializer,
        parameters=[IF_MATCH, ETAG],
        responses=_DONE,
    )
    def post(self, request: Request, session_id: str) -> Response:
        reason = _read(ReasonSerializer, request)["reason"]
        done = booking.cancel(
            code=session_id, actor_id=person(request).pk, reason=reason, now=clock.now(), seen=seen_by(request)
        )
        owed = " What was paid is owed to the client." if done.payment_id else ""
        return _answer(request, done.code, f"Cancelled. The time is free again.{owed}")


class Reschedule(APIView):
    @extend_schema(
        tags=TAG,
        operation_id="sessions_reschedule",
        summary="Move a session to another free time",
        description="By its client or its therapist. Its state and its payment stay.",
        request=MoveSerializer,
        examples=[_TIME],
        parameters=[IF_MATCH, ETAG],
        responses=_DONE,
    )
    def post(self, request: Request, session_id: str) -> Response:
        starts_at = _read(MoveSerializer, request)["startsAt"]
        done = booking.reschedule(
            code=session_id, actor_id=person(request).pk, starts_at=starts_at, now=clock.now(), seen=seen_by(request)
        )
        return _answer(request, done.code, f"Moved to {_in_words(done.starts_at)}.")


def _read(shape: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    asked = shape(data=request.data)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


def _answer(request: Request, code: str, words: str, answer_status: int = status.HTTP_200_OK) -> Response:
    """The session as it stands now. `words` may name its two people."""
    row = reading.find(code=code, user=person(request))
    message = words.format(therapist=row.therapist.name, client=row.client.name or "The client")
    session = said_sessions([row], now=clock.now())[0]
    said = {"success": True, "message": message, "session": session}
    return Response(said, answer_status, headers=tagged(session))


def _in_words(moment: datetime) -> str:
    return f"{moment.astimezone(EAT):%A %d %b %Y, %H:%M}, East Africa Time"
