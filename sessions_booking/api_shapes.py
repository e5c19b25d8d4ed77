"""What the API of sessions takes and gives, in the words of seed 001 (SES-7)."""

import re
from datetime import date, datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from payments.api.fields import TextField
from sessions_booking.states import State

WORDS = {  # the document's, whatever the language of a page
    State.PENDING: "Pending Approval",
    State.APPROVED: "Approved",
    State.CONFIRMED: "Confirmed",
    State.COMPLETED: "Completed",
    State.DECLINED: "Declined",
    State.CANCELLED: "Cancelled",
    State.EXPIRED: "Expired",
}
STATES = list(State.values)
SESSION_WORDS = list(WORDS.values())
PAYMENT_WORDS = ["Pending", "Processing", "Paid", "Failed", "Cancelled", "Timed Out", "Refunded", "Owed"]
ID = "The session's own code."
LARGEST = 2**63 - 1
MOST_DAYS = 31
_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_TIME = "Write the time with its distance from UTC, as 2026-11-23T10:00:00+03:00 or 2026-11-23T07:00:00Z."
_FIRST, _LAST = date(2000, 1, 1), date(2999, 12, 31)


@extend_schema_field({"type": "string", "format": "date-time", "example": "2026-11-23T10:00:00+03:00"})
class MomentField(serializers.Field[Any, Any, Any, Any]):
    """A time that says its distance from UTC: without it nobody knows whose ten o'clock is meant."""

    def run_validation(self, data: object = empty) -> datetime:
        found = _moment(data) if isinstance(data, str) else None
        if found is None:
            raise serializers.ValidationError(_TIME, code="invalid_time")
        return found


def _moment(text: str) -> datetime | None:
    if not _FORM.fullmatch(text.strip()):
        return None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return found if _FIRST.year <= found.year <= _LAST.year else None


def _day(value: date) -> None:
    if not _FIRST <= value <= _LAST:
        raise serializers.ValidationError("Write a day between 2000 and 2999.")


# --- Asked -----------------------------------------------------------------------------------------------------------


class PageSerializer(serializers.Serializer[Any]):
    page = serializers.IntegerField(
        required=False, default=1, min_value=1, max_value=100_000, help_text="From 1; beyond the last is the last."
    )
    limit = serializers.IntegerField(required=False, default=20, min_value=1, max_value=100)


class MineSerializer(PageSerializer):
    state = serializers.ChoiceField(STATES, required=False, help_text="Only those that stand like this.")


class TimesSerializer(serializers.Serializer[Any]):
    sessionTypeId = serializers.IntegerField(min_value=1, max_value=LARGEST)
    days = serializers.IntegerField(required=False, default=14, min_value=1, max_value=MOST_DAYS)

    def get_fields(self) -> dict[str, Any]:
        first = serializers.DateField(
            required=False, validators=[_day], help_text="First day, `YYYY-MM-DD` in Nairobi; today if not given."
        )
        return {**super().get_fields(), "from": first}  # no name for an attribute


class BookSerializer(serializers.Serializer[Any]):
    sessionTypeId = serializers.IntegerField(
        min_value=1, max_value=LARGEST, help_text="What is booked, and with whom: from `GET /api/therapists`."
    )
    startsAt = MomentField(help_text="A free time, from `GET /api/therapists/{id}/slots`.")


class MoveSerializer(serializers.Serializer[Any]):
    startsAt = MomentField(help_text="A free time of the same therapist.")


class ReasonSerializer(serializers.Serializer[Any]):
    reason = TextField(
        max_length=300, required=False, allow_blank=True, default="", help_text="Read by the other side."
    )


# --- Answered --------------------------------------------------------------------------------------------------------


class SessionTypeSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    minutes = serializers.IntegerField()
    price = serializers.IntegerField(help_text="Whole shillings.")
    currency = serializers.CharField(help_text="KES")


class TherapistSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    title = serializers.CharField()
    bio = serializers.CharField()
    specialties = serializers.ListField(child=serializers.CharField())
    sessionTypes = SessionTypeSerializer(many=True)
    nextFreeAt = serializers.DateTimeField(allow_null=True, help_text="The first free time; null where there is none.")


class PagedSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    total = serializers.IntegerField()


class TherapistsSerializer(PagedSerializer):
    therapists = TherapistSerializer(many=True)


class SlotSerializer(serializers.Serializer[Any]):
    startsAt = serializers.DateTimeField()
    endsAt = serializers.DateTimeField()


class SlotsSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    therapistId = serializers.IntegerField()
    sessionType = SessionTypeSerializer()
    timeZone = serializers.CharField(help_text="Africa/Nairobi: in which the hours are meant.")
    slots = SlotSerializer(many=True)


class PersonSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()


class PractitionerSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()


class BookedTypeSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    minutes = serializers.IntegerField(help_text="As it was booked.")


class SessionSerializer(serializers.Serializer[Any]):
    """A session, as both of its people see it."""

    sessionId = serializers.CharField(help_text=ID)
    status = serializers.ChoiceField(SESSION_WORDS)
    state = serializers.ChoiceField(STATES, help_text="The same, for programs.")
    therapist = PractitionerSerializer()
    client = PersonSerializer()
    sessionType = BookedTypeSerializer()
    startsAt = serializers.DateTimeField()
    endsAt = serializers.DateTimeField()
    timeZone = serializers.CharField(help_text="Africa/Nairobi")
    price = serializers.IntegerField(help_text="Whole shillings.")
    currency = serializers.CharField(help_text="KES")
    answerBy = serializers.DateTimeField(
        allow_null=True, help_text="Until when a request is held for its therapist's answer."
    )
    payBy = serializers.DateTimeField(allow_null=True, help_text="Until when an approved one is held unpaid.")
    payable = serializers.BooleanField(help_text="May the client pay now?")
    paymentStatus = serializers.ChoiceField(PAYMENT_WORDS, allow_null=True, help_text="null: nothing was tried.")
    mpesaTransactionID = serializers.CharField(allow_null=True, help_text="The receipt.")
    reason = serializers.CharField(help_text="Why it was declined or cancelled.")
    endedBy = serializers.CharField(help_text="client, therapist, staff or system, where it was ended.")
    requestedAt = serializers.DateTimeField()
    approvedAt = serializers.DateTimeField(allow_null=True)
    changedAt = serializers.DateTimeField()
    version = serializers.CharField(help_text="Another one after every change: in double quotes it is the `ETag`.")


class SessionAnswerSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    message = serializers.CharField(help_text="What was done and what follows, for people.")
    session = SessionSerializer()


class SessionDetailSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    session = SessionSerializer()


class SessionsSerializer(PagedSerializer):
    sessions = SessionSerializer(many=True)
