"""What these pages share: who asks, which session is meant, and what happens to a refusal."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import User
from lib import clock
from lib.errors import Refusal
from payments import merchants
from sessions_booking import checks, reading, watching
from sessions_booking.checks import Seen
from sessions_booking.models import Booking
from sessions_booking.presenting import Shown, show


def user_of(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise TypeError("the page asks for a log-in first")
    return request.user


def found(request: HttpRequest, code: str) -> Shown:
    """A session that this person may see; somebody else's is not there."""
    user = user_of(request)
    try:
        row: Booking = watching.seen(reading.find(code=code, user=user), user)
    except Refusal as refusal:
        raise Http404 from refusal
    return show([row], user=user, now=clock.now())[0]


def seen_by(request: HttpRequest) -> Seen | None:
    """As which its page showed the session; None where the form does not say."""
    sent = request.POST.get("seen", "")
    return checks.at_sequence(int(sent)) if sent.isascii() and sent.isdigit() and len(sent) < 10 else None


def environment() -> str:
    return merchants.current_environment()


def said(request: HttpRequest, refusal: Refusal) -> None:
    """As a message on the next page; what is not there stays not there."""
    if refusal.status == 404:
        raise Http404 from refusal
    messages.error(request, refusal.message)


def answer(
    request: HttpRequest, template: str, context: dict[str, object], refusal: Refusal | None = None
) -> HttpResponse:
    """A page, with the status of what was refused."""
    response = render(request, template, context, status=refusal.status if refusal else 200)
    if refusal and refusal.retry_after:
        response["Retry-After"] = str(refusal.retry_after)
    return response
