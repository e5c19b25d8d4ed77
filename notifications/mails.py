"""An e-mail of a notification, HTML and text from templates; and sending one, with its two ends told apart.

What fails before the server has the message (no connection, no log-in, address refused, an error as the answer to it)
was certainly not sent. A connection that ends or stays silent after it was handed over: perhaps sent.
"""

from smtplib import (
    SMTPDataError,
    SMTPHeloError,
    SMTPNotSupportedError,
    SMTPRecipientsRefused,
    SMTPSenderRefused,
)
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template.loader import render_to_string

from notifications import words
from notifications.models import Notification
from outbox.errors import Refused

_REFUSED = (SMTPRecipientsRefused, SMTPSenderRefused, SMTPDataError, SMTPHeloError, SMTPNotSupportedError)


def compose(row: Notification) -> EmailMultiAlternatives:
    """The same id however often it is tried, so that a mailbox can tell a repetition."""
    said = words.words(row)
    context = {
        "words": said,
        "name": row.recipient.get_short_name(),
        "link": f"{settings.PUBLIC_URL}{said.url}",
        "business": settings.BUSINESS_NAME,
        "support": settings.SUPPORT_CONTACT,
        "settings_link": f"{settings.PUBLIC_URL}/notifications/settings/",
    }
    host = urlsplit(settings.PUBLIC_URL).hostname
    headers = {"Message-ID": f"<notification-{row.pk}@{host}>", "Auto-Submitted": "auto-generated"}
    text = render_to_string("notifications/mail.txt", context)
    mail = EmailMultiAlternatives(said.title, text, to=[row.recipient.email], headers=headers)
    mail.attach_alternative(render_to_string("notifications/mail.html", context), "text/html")
    return mail


def send(mail: EmailMultiAlternatives) -> None:
    """Raises outbox.Refused where it was certainly not sent. Errors carry no address."""
    server = get_connection()
    try:
        server.open()
    except Exception as error:
        raise Refused(f"no connection to the mail server: {type(error).__name__}") from None
    try:
        server.send_messages([mail])
    except _REFUSED as error:
        raise Refused(f"{type(error).__name__} {_code(error)}".strip()) from None
    finally:
        _close(server)


def _code(error: Exception) -> str:
    if isinstance(error, SMTPRecipientsRefused):
        return " ".join(str(code) for code, _words in error.recipients.values())
    return str(getattr(error, "smtp_code", ""))


def _close(server: object) -> None:
    """How the goodbye ends says nothing about the message."""
    try:
        server.close()  # type: ignore[attr-defined]
    except OSError:
        return
