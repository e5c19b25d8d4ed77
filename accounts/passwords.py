"""A forgotten password: asking never tells whether there is an account, and takes as long either way.

Asking only writes a row of the outbox, if there is somebody to write to; the mail is made and sent by a worker. The
link is built on `PUBLIC_URL`, never on the Host header of whoever asked.
"""

from collections.abc import Mapping
from datetime import datetime
from smtplib import SMTPConnectError, SMTPRecipientsRefused

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from accounts.models import User
from lib.db import entry_point
from outbox import box
from outbox.errors import Refused

TOPIC = "accounts.password_reset"
HANDLER = "accounts.passwords.send_reset"


@entry_point
def ask_for_reset(*, email: str, now: datetime) -> None:
    """At most one mail a minute for one account, however often it is asked for."""
    user = User.objects.filter(email=email, is_active=True).only("pk").first()
    if user is not None:
        key = f"{user.pk}:{now:%Y%m%d%H%M}"
        box.publish(topic=TOPIC, key=key, payload={"user_id": user.pk}, handlers=[HANDLER])


def send_reset(payload: Mapping[str, int]) -> None:
    """A handler of the outbox. Nothing is sent to somebody who has left since."""
    user = User.objects.filter(pk=payload["user_id"], is_active=True).first()
    if user is None:
        return
    context = {"user": user, "link": reset_link(user), "business": settings.BUSINESS_NAME}
    text = render_to_string("accounts/mail/password_reset.txt", context)
    mail = EmailMessage(_("Choose a new password"), text, to=[user.email])
    try:
        mail.send()
    except (ConnectionRefusedError, SMTPConnectError, SMTPRecipientsRefused) as error:
        raise Refused(type(error).__name__) from error


def reset_link(user: User) -> str:
    """Good once, for `PASSWORD_RESET_TIMEOUT`."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("accounts:password_reset_confirm", args=[uid, default_token_generator.make_token(user)])
    return settings.PUBLIC_URL + path
