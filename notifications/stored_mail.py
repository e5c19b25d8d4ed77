"""Development's mail backend: e-mails become rows that are read at `/dev/mail/`. Nothing leaves this machine."""

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from lib import clock
from notifications.models import StoredMail

_KEPT = 500  # mails


class Backend(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        now = clock.now()
        for mail in email_messages:
            parts = {mimetype: str(content) for content, mimetype in getattr(mail, "alternatives", [])}
            StoredMail.objects.create(
                to=", ".join(mail.recipients()), subject=str(mail.subject), text=str(mail.body), at=now,
                html=parts.get("text/html", ""),
            )  # fmt: skip
        self._forget_old()
        return len(email_messages)

    def _forget_old(self) -> None:
        oldest_kept = StoredMail.objects.order_by("-id").values_list("id", flat=True)[_KEPT - 1 : _KEPT].first()
        if oldest_kept:
            StoredMail.objects.filter(id__lt=oldest_kept).delete()
