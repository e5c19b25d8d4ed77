"""Who decides about a session has seen it as it is: its ETag, and `If-Match` (RFC 9110, 8.8.3 and 13.1.1).

The tag is made of all that the API says of a session, so that neither a new time nor a payment on its way is overlooked.
It is compared under the session's lock.
"""

import re
from collections.abc import Mapping

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from lib import clock
from lib.errors import Refusal
from sessions_booking import api_saying
from sessions_booking.checks import Seen
from sessions_booking.models import Booking

LONGEST = 200
PATTERN = r'^(\*|"[!#-~]{0,64}")$'  # what programs are told; several tags, and weak ones, are read too
_TAG = r'(?:W/)?"[!#-~]*"'
_ONE = re.compile(_TAG)
_FORM = re.compile(rf"\*|{_TAG}(?:[ \t]*,[ \t]*{_TAG})*")
IF_MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string", "pattern": PATTERN, "example": '"5d1f0c2b9e8a7f63"'},
    OpenApiParameter.HEADER,
    description="The `ETag` of the session as you saw it, or its `version` in double quotes. If it has changed since, "
    "nothing is done (412). Left out, or `*`: whatever it is like by now.",
)  # fmt: skip
ETAG = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, response=[200, 201], description="Changes with the session: for `If-Match`."
)


def tagged(said: Mapping[str, object]) -> dict[str, str]:
    """The header of an answer that holds one session."""
    return {"ETag": f'"{said["version"]}"'}


def seen_by(request: Request) -> Seen | None:
    """What the client says it saw; None where it says nothing. Raises Refusal `invalid_if_match`."""
    given = request.headers.get("If-Match")
    if given is None or given.strip() == "*":
        return None
    if len(given) > LONGEST or not _FORM.fullmatch(given.strip()):
        raise Refusal("invalid_if_match", 'If-Match holds the ETag of a session, in double quotes, or "*".')
    return _one_of({tag.strip('"') for tag in _ONE.findall(given) if not tag.startswith("W/")})  # RFC 9110: strongly


def _one_of(versions: set[str]) -> Seen:
    def seen(row: Booking) -> bool:
        return api_saying.said_sessions([row], now=clock.now())[0]["version"] in versions

    return seen
