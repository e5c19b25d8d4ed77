"""What happens to an account, told to the audit trail (SEC-6). Addresses of people are shortened, passwords never named."""

from django.http import HttpRequest

from accounts.addresses import client_address
from accounts.models import User
from audit import trail

PAGE, API = "page", "api"


def person(user: User) -> str:
    """How a user is named as actor and subject."""
    return f"user:{user.pk}"


def short_email(email: str) -> str:
    """ "client@malipo.test" -> "c***@malipo.test": enough to recognise, too little to use."""
    name, _, domain = email.partition("@")
    return f"{name[:1]}***@{domain}"


def happened(action: str, user: User, request: HttpRequest, **data: object) -> None:
    """`account.<action>`, done by the user to their own account."""
    trail.record(
        action=f"account.{action}",
        actor=person(user),
        subject=person(user),
        data={"address": client_address(request), **data},
    )


def sign_in_failed(email: str, request: HttpRequest, *, via: str, locked: bool) -> None:
    """A security event; the subject is the account, where there is one."""
    user = User.objects.filter(email=email).only("pk").first()
    trail.record(
        action="security.sign_in_locked" if locked else "security.sign_in_failed",
        actor="anonymous",
        subject=person(user) if user else "",
        data={"address": client_address(request), "email": short_email(email), "via": via},
    )
