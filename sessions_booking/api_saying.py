"""What the API says about therapists, free times and sessions: one shape each, for many as for one."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from django.core.serializers.json import DjangoJSONEncoder

from lib.clock import EAT
from lib.money import CURRENCY, whole_shillings
from payments import merchants
from sessions_booking import reading, slots
from sessions_booking.api_shapes import WORDS
from sessions_booking.models import Booking, SessionType, Therapist
from sessions_booking.slots import Slot
from sessions_booking.states import State

TIME_ZONE = "Africa/Nairobi"


def in_nairobi(moment: datetime | None) -> datetime | None:
    """Sessions are held in Nairobi: their times say +03:00."""
    return moment.astimezone(EAT) if moment else None


def said_type(type: SessionType) -> dict[str, object]:
    return {
        "id": type.pk,
        "name": type.name,
        "minutes": type.minutes,
        "price": whole_shillings(type.price_cents),
        "currency": CURRENCY,
    }


def said_slot(slot: Slot) -> dict[str, object]:
    return {"startsAt": in_nairobi(slot.starts_at), "endsAt": in_nairobi(slot.ends_at)}


def said_therapists(therapists: list[Therapist], *, now: datetime) -> list[dict[str, object]]:
    """Their types are prefetched: those that are offered."""
    first = slots.next_free(therapists=therapists, environment=merchants.current_environment(), now=now)
    return [
        {
            "id": therapist.pk,
            "name": therapist.name,
            "title": therapist.title,
            "bio": therapist.bio,
            "specialties": therapist.specialties,
            "sessionTypes": [said_type(type) for type in therapist.types.all()],
            "nextFreeAt": in_nairobi(first.get(therapist.pk)),
        }
        for therapist in therapists
    ]


def said_sessions(bookings: Sequence[Booking], *, now: datetime) -> list[dict[str, object]]:
    standings = reading.standings(bookings=bookings, now=now)
    return [_versioned({**_booked(booking), **_paid(booking, standings[booking.pk])}) for booking in bookings]


def _versioned(said: dict[str, object]) -> dict[str, object]:
    """Another version whenever anything else that is said of it is another."""
    text = json.dumps(said, sort_keys=True, cls=DjangoJSONEncoder)
    return {**said, "version": sha256(text.encode()).hexdigest()[:16]}


def _booked(row: Booking) -> dict[str, object]:
    return {
        "sessionId": row.code,
        "status": WORDS[State(row.state)],
        "state": row.state,
        "therapist": {"id": row.therapist_id, "name": row.therapist.name},
        "client": {"name": row.client.name or "Client"},
        "sessionType": {"id": row.type_id, "name": row.type.name, "minutes": _minutes(row)},
        "startsAt": in_nairobi(row.starts_at),
        "endsAt": in_nairobi(row.ends_at),
        "timeZone": TIME_ZONE,
        "price": whole_shillings(row.price_cents),
        "currency": CURRENCY,
        "answerBy": in_nairobi(row.answer_by) if row.state == State.PENDING else None,
        "payBy": in_nairobi(row.pay_by) if row.state == State.APPROVED else None,
        "reason": row.reason,
        "endedBy": row.ended_by,
        "requestedAt": in_nairobi(row.requested_at),
        "approvedAt": in_nairobi(row.approved_at),
        "changedAt": in_nairobi(row.changed_at),
    }


def _paid(row: Booking, standing: reading.Standing) -> dict[str, object]:
    return {
        "payable": standing.payable,
        "paymentStatus": standing.payment_status or None,
        "mpesaTransactionID": standing.receipt or None,
    }


def _minutes(row: Booking) -> int:
    return (row.ends_at - row.starts_at) // timedelta(minutes=1)
