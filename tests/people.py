"""People who are signed in to a running product without its log-in page; asked for at its desk (tests/desk.py)."""

from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import User


def let_in(names: list[str]) -> list[dict[str, Any]]:
    """One person each, made where there is none, with a token for the API and a session for the pages."""
    return [_person(name) for name in names]


def _person(name: str) -> dict[str, Any]:
    user, made = User.objects.get_or_create(email=f"{name}@malipo.test", defaults={"name": name})
    if made:
        user.consent_at, user.consent_version = timezone.now(), settings.CONSENT_VERSION
        user.set_unusable_password()
        user.save()
    session = SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    session.create()
    return {"id": user.pk, "name": name, "jwt": str(AccessToken.for_user(user)), "session": session.session_key}
