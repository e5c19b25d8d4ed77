"""Joining: an account begins with consent to payment processing, recorded with its time and the version of its words.

The words of version V are `templates/accounts/consent/V.html`; a new version is a new file, old ones stay, so what
somebody agreed to can always be read again (SEC-5).
"""

from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.models import User
from lib.db import entry_point
from lib.errors import Refusal

TAKEN = "There is already an account with this e-mail address. Log in, or reset the password if you forgot it."


@entry_point
def sign_up(*, email: str, password: str, name: str, phone: str, consent_version: str, now: datetime) -> User:
    """A new client. Raises Refusal `email_taken`, `invalid_phone`."""
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password, name=name, consent_at=now, consent_version=consent_version)
    except IntegrityError as error:
        if "user_email_once" not in str(error):
            raise
        raise Refusal("email_taken", TAKEN, status=409, errors={"email": [TAKEN]}) from None
    if phone:
        user.set_phone(phone)
        user.save(update_fields=User.PHONE_FIELDS)
    return user


def consent_template(version: str) -> str:
    return f"accounts/consent/{version}.html"
