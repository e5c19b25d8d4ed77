"""The API of therapy sessions (SES-7): therapists and their free times, booking, and what becomes of a session.

Only its client, its therapist and staff see a session; for all others there is none (404).
"""

from typing import cast

from django.core.paginator import Page, Paginator
from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from lib import clock
from lib.api_shapes import errors
from lib.clock import EAT
from lib.errors import Refusal
from payments import merchants
from sessions_booking import reading, slots, watching
from sessions_booking.api_paying import PaymentStatusSerializer, said_payment
from sessions_booking.api_saying import TIME_ZONE, said_sessions, said_slot, said_therapists, said_type
from sessions_booking.api_seen import ETAG, tagged
from sessions_booking.api_shapes import (
    MineSerializer,
    PageSerializer,
    SessionDetailSerializer,
    SessionsSerializer,
    SlotsSerializer,
    TherapistsSerializer,
    TimesSerializer,
)
from sessions_booking.models import Booking, SessionType, Therapist

TAG = ["Sessions"]


class Therapists(APIView):
    @extend_schema(
        tags=TAG,
        operation_id="therapists",
        summary="Therapists, what they offer, and when they are free next",
        parameters=[PageSerializer],
        responses={200: TherapistsSerializer, **errors(400, 401, 429, 503)},
    )
    def get(self, request: Request) -> Response:
        asked = PageSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        offered = Prefetch("types", SessionType.objects.filter(offered=True))
        listed = Therapist.objects.filter(listed=True, user__is_active=True)
        page = _page(listed.prefetch_related(offered), **asked.validated_data)
        return _paged(page, therapists=said_therapists(list(page.object_list), now=clock.now()))


class Slots(APIView):
    @extend_schema(
        tags=TAG,
        operation_id="therapists_slots",
        summary="Free times of a therapist",
        description=f"Times of {TIME_ZONE}. Somebody else may take one before you do: booking it is then a 409.",
        parameters=[TimesSerializer],
        responses={200: SlotsSerializer, **errors(400, 401, 404, 429, 503)},
    )
    def get(self, request: Request, therapist_id: int) -> Response:
        now = clock.now()
        asked = TimesSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        type = _offered(therapist_id, asked.validated_data["sessionTypeId"])
        found = slots.free_slots(
            type=type,
            environment=merchants.current_environment(),
            first=asked.validated_data.get("from") or now.astimezone(EAT).date(),
            days=asked.validated_data["days"],
            now=now,
        )
        return Response(
            {
                "success": True,
                "therapistId": therapist_id,
                "sessionType": said_type(type),
                "timeZone": TIME_ZONE,
                "slots": [said_slot(slot) for slot in found],
            }
        )


class Sessions(APIView):
    """Booking, on the same address, is in `api_acts`."""

    @extend_schema(
        tags=TAG,
        operation_id="sessions",
        summary="Your sessions, latest time first",
        description="Those that you booked and those that you hold; all of them for staff.",
        parameters=[MineSerializer],
        responses={200: SessionsSerializer, **errors(400, 401, 429, 503)},
    )
    def get(self, request: Request) -> Response:
        asked = MineSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        wanted = dict(asked.validated_data)
        watching.seen_list(person(request), {name: str(value) for name, value in asked.validated_data.items()})
        rows = reading.visible_to(person(request)).order_by("-starts_at", "-pk")
        if "state" in wanted:
            rows = rows.filter(state=wanted.pop("state"))
        page = _page(rows, **wanted)
        return _paged(page, sessions=said_sessions(list(page.object_list), now=clock.now()))


class Session(APIView):
    @extend_schema(
        tags=TAG,
        operation_id="sessions_one",
        summary="One session",
        parameters=[ETAG],
        responses={200: SessionDetailSerializer, **errors(401, 404, 429, 503)},
    )
    def get(self, request: Request, session_id: str) -> Response:
        booking = watching.seen(reading.find(code=session_id, user=person(request)), person(request))
        said = said_sessions([booking], now=clock.now())[0]
        return Response({"success": True, "session": said}, headers=tagged(said))


class PaymentStatus(APIView):
    @extend_schema(
        tags=["M-Pesa"],
        operation_id="mpesa_status",
        summary="How the payment of a session stands",
        description="From our record: M-Pesa tells us when something happens. Ask every 3 seconds at most.",
        responses={200: PaymentStatusSerializer, **errors(401, 404, 429, 503)},
    )
    def get(self, request: Request, session_id: str) -> Response:
        now = clock.now()
        booking = watching.seen(reading.find(code=session_id, user=person(request)), person(request))
        standing = reading.standings(bookings=[booking], now=now)[booking.pk]
        return Response(said_payment(booking, standing, reader_id=person(request).pk, now=now))


def person(request: Request) -> User:
    """Who asks: nobody else gets as far as a view."""
    return cast(User, request.user)


def _offered(therapist_id: int, type_id: int) -> SessionType:
    rows = SessionType.objects.filter(therapist_id=therapist_id, offered=True)
    rows = rows.filter(therapist__listed=True, therapist__user__is_active=True)
    found = rows.select_related("therapist").filter(pk=type_id).first()
    if found is None:
        raise Refusal("not_found", "This therapist does not offer such a session.", status=404)
    return found


def _page(rows: "QuerySet[Booking] | QuerySet[Therapist]", *, page: int, limit: int) -> Page:
    return Paginator(rows, limit).get_page(page)


def _paged(page: Page, **rows: list[dict[str, object]]) -> Response:
    counted = {"page": page.number, "pages": page.paginator.num_pages, "total": page.paginator.count}
    return Response({"success": True, **counted, **rows}, status.HTTP_200_OK)
