"""Development's SMS: shown on the simulator's phones (`POST /_sim/sms`)."""

from django.conf import settings

from notifications.sms import posting
from outbox.errors import Refused


def send(*, number: str, text: str) -> str:
    if not settings.SIMULATOR_URL:
        raise Refused("SIMULATOR_URL is not set: there are no phones to show it on")
    said = {"phone": number, "text": text, "sender": settings.SESSION_DESCRIPTION}
    posting.post(f"{settings.SIMULATOR_URL.rstrip('/')}/_sim/sms", json=said)
    return ""
