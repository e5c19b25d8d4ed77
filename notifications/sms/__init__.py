"""SMS behind one interface: `backend()` gives a function `send(number=…, text=…) -> reference`.

It raises `outbox.Refused` where the message certainly did not go, so that it is tried again; anything else that it
raises means that it perhaps went, and only a person sends it again (design.md, idea 6).
"""

from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

BACKENDS = {"phones": "notifications.sms.phones.send", "africas_talking": "notifications.sms.africas_talking.send"}


class Send(Protocol):
    def __call__(self, *, number: str, text: str) -> str:
        """`number` is 2547XXXXXXXX. Returns what the provider calls the message ("" where it has no name)."""
        ...


def backend() -> Send:
    """The one that settings.SMS_BACKEND names."""
    found: Send = import_string(BACKENDS[settings.SMS_BACKEND])
    return found
